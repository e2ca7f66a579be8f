"""Stage `prepare@<dataset>`: data/raw/<dataset> to data/prepared/<pipeline>/<dataset>."""

import sys

from archbench import stages
from archbench.errors import guarded

with guarded():
    stages.prepare(sys.argv[1])
