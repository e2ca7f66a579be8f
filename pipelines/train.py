"""Stage `train@<benchmark>`: prepared data to runs/<pipeline>/<benchmark>/seed-<n>."""

import sys

from archbench import stages
from archbench._lean import leave
from archbench.errors import guarded

with guarded():
    stages.train(sys.argv[1])
leave()
