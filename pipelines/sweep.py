"""Stage `sweep@<study>`: prepared data to studies/<pipeline>/<study>."""

import sys

from archbench import stages
from archbench.errors import guarded

with guarded():
    stages.sweep(sys.argv[1])
