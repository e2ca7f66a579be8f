"""Load every saved network of a folder, run it on the input beside it, and keep its outputs.

Usage: python run_saved.py FOLDER, under the KERAS_BACKEND whose outputs are wanted. Reads `NAME.keras` and
`NAME.npy`, writes `NAME.npz` with an array for each output.
"""

import sys
from pathlib import Path

import numpy as np

from archbench.architectures.network import load_network

for path in sorted(Path(sys.argv[1]).glob("*.keras")):
    outputs = load_network(path).predict_on_batch(np.load(path.with_suffix(".npy")))
    outputs = outputs if isinstance(outputs, dict) else {"output": outputs}
    np.savez(path.with_suffix(".npz"), **outputs)
