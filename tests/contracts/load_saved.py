"""Load saved networks in one of the ways a user has, as the first thing a process does, and keep their answers.

Usage: python load_saved.py WAY FOLDER OUT NAME..., under the KERAS_BACKEND whose answers are wanted. FOLDER/NAME is an
MLflow model with `input.npy` in it; OUT/NAME.npz gets an array for each output.
"""

import sys
from pathlib import Path

import numpy as np

PLAIN = "plain"
"""The network loaded first: it names no class of this package, so that what the others need is known already."""


def answers(way: str, folder: Path, x: np.ndarray) -> dict[str, np.ndarray]:
    """What the network in `folder` says of `x`, by the name of the output."""
    if way == "keras":
        import keras

        import archbench  # noqa: F401

        model = keras.models.load_model(folder / "data" / "model.keras")
        outputs = of_parts(model) if hasattr(model, "parts") else _said(model, x)
    elif way == "mlflow.keras":
        import mlflow

        outputs = _said(mlflow.keras.load_model(str(folder)), x)
    else:
        import mlflow

        outputs = mlflow.pyfunc.load_model(str(folder)).predict(x)
    return outputs if isinstance(outputs, dict) else {"output": outputs}


def _said(model, x: np.ndarray):
    """What a network answers; TensorFlow would take longer to trace it than to run it once."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return model.predict_on_batch(x)
    return keras.tree.map_structure(keras.ops.convert_to_numpy, model(x, training=False))


def of_parts(network) -> dict[str, np.ndarray]:
    """What each part of a network answers to numbers drawn alike in every process."""
    import keras

    random, found = np.random.default_rng(0), {}
    for name, part in network.parts.items():
        shapes = [(2, *(size or 4 for size in tensor.shape[1:])) for tensor in part.inputs]
        given = [
            random.integers(2, size=shape).astype("int32") if "int" in tensor.dtype else random.random(shape, "float32")
            for tensor, shape in zip(part.inputs, shapes, strict=True)
        ]
        outputs = keras.tree.flatten(part(given if len(given) > 1 else given[0], training=False))
        found |= {f"{name}-{n}": keras.ops.convert_to_numpy(one) for n, one in enumerate(outputs)}
    return found


def main(way: str, folder: Path, out: Path, *names: str) -> None:
    """Answer for every network, the plain one first; fails where a later one brings a class with it."""
    known = None
    for name in (PLAIN, *names):
        np.savez(out / f"{name}.npz", **answers(way, folder / name, np.load(folder / name / "input.npy")))
        import keras

        registered = set(keras.saving.get_custom_objects())
        assert known is None or registered == known, f"{name} brought {registered - known}"
        known = registered


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), *sys.argv[4:])
