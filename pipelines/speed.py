"""Stage `speed`: our loops against plain ones to runs/<pipeline>/speed.csv."""

from archbench import stages
from archbench.errors import guarded

with guarded():
    stages.speed()
