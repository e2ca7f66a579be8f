"""Stage `report`: runs/<pipeline> and studies/<pipeline> to reports/<pipeline>."""

from archbench import stages
from archbench.errors import guarded

with guarded():
    stages.report()
