"""All that a stage imports, once: the stages of `archbench run` are forked from a process that has it."""

from archbench._lean import import_keras

import_keras()

from archbench import closing, resolve, stages  # noqa: E402, F401
from archbench.probes import run as probes  # noqa: E402, F401
from archbench.sweeps import study  # noqa: E402, F401
from archbench.training import run  # noqa: E402, F401
