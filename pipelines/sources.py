"""Stage `sources-<kind>`: the source files that all stages of a kind share to data/sources/<pipeline>/<kind>.txt."""

import sys

from archbench import stages
from archbench.errors import guarded

with guarded():
    stages.sources(sys.argv[1])
