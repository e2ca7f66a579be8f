"""Gradient checking: analytic against central differences in double precision, for every entry that a gradient passes.

Points are drawn at random, so that none lies within a step of a kink.
"""

import contextlib
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import layers, ops

from archbench.activations import ACTIVATIONS
from archbench.losses import LOSSES
from archbench.normalizations import NORMALIZATIONS
from archbench.regularizers import REGULARIZERS
from archbench.tasks import TASKS
from backend import gradient
from scenes import BATCH as SCENES
from scenes import HEIGHT, KINDS, WIDTH, scene_card
from yolo_cases import FORMS, objects, perfect

STEP, TOLERANCE = 1e-5, 1e-6
MOST = 60
"""Components of an array's gradient that are compared; only detectors say more numbers than that."""
BATCH, CHANNELS = 2, 4


def _each(catalogue):
    entries = [entry for entry in catalogue if entry.name != "none"]
    return pytest.mark.parametrize("entry", entries, ids=lambda entry: entry.name)


@pytest.fixture(autouse=True)
def _double_precision(monkeypatch):
    """Layers compute in float64, and so does what asks for float32 by name."""
    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    for name in ("cast", "one_hot", "eye"):
        monkeypatch.setattr(ops, name, _doubled(getattr(ops, name)))
    with _wide_numbers(monkeypatch):
        yield
    keras.config.set_floatx(floatx)
    keras.config.set_dtype_policy(policy)


def _doubled(function):
    def wide(value):
        return "float64" if isinstance(value, str) and value == "float32" else value

    return lambda *arguments, **options: function(
        *map(wide, arguments), **{name: wide(value) for name, value in options.items()}
    )


def _wide_numbers(monkeypatch):
    """JAX has no float64 unless told, and Keras takes it to have none whatever it is told."""
    if keras.backend.backend() != "jax":
        return contextlib.nullcontext()
    import jax
    from keras.src.backend.common import dtypes

    monkeypatch.setitem(dtypes.BIT64_TO_BIT32_DTYPE, "float64", "float64")
    return jax.enable_x64(True)


def _check(function, at, held=None):
    """`function` is a scalar of `at`, a dictionary of arrays; the components of its gradient are compared.

    Every one, but of arrays of more than `MOST`: of these the largest, and as many others. The differences are those of
    `held`, where it is given.
    """
    analytic, function = gradient(function, at), held or function
    for name in at:
        places, numeric = _places(analytic[name]), []
        for place in places:
            high, low = (_moved(at, name, place, step) for step in (STEP, -STEP))
            numeric.append((float(function(high)) - float(function(low))) / (2 * STEP))
        assert analytic[name].dtype == np.float64
        scale = max(np.abs(part).max() for part in analytic.values())
        found = [analytic[name][place] for place in places]
        np.testing.assert_allclose(found, numeric, rtol=TOLERANCE, atol=TOLERANCE * max(scale, 1e-3) / 10)


def _places(slope: np.ndarray) -> list[tuple[int, ...]]:
    """The places of an array that are compared."""
    if slope.size <= MOST:
        return list(np.ndindex(slope.shape))
    largest = np.argsort(-np.abs(slope), axis=None)[: MOST // 2]
    others = np.random.default_rng(0).choice(slope.size, MOST // 2, replace=False)
    return list(zip(*np.unravel_index(np.union1d(largest, others), slope.shape), strict=True))


def _moved(at, name, place, step):
    moved = {key: array.copy() for key, array in at.items()}
    moved[name][place] += step
    return keras.tree.map_structure(ops.convert_to_tensor, moved)


def _check_layer(layer, x, **mode):
    """The gradient of a weighted sum of the outputs of `layer`, by input and by every weight."""
    random = np.random.default_rng(1)
    layer(ops.convert_to_tensor(x))
    weights = {
        str(i): ops.convert_to_numpy(w) + 0.1 * random.normal(size=w.shape)
        for i, w in enumerate(layer.trainable_variables)
    }
    fixed = [ops.convert_to_numpy(w) for w in layer.non_trainable_variables]
    shares = random.normal(size=layer.compute_output_shape(x.shape))

    def total(at):
        trained = [at[str(i)] for i in range(len(weights))]
        outputs, _ = layer.stateless_call(trained, fixed, at["x"], **mode)
        return ops.sum(outputs * shares)

    _check(total, {"x": x, **weights})


@_each(ACTIVATIONS)
def test_activation(entry):
    channels = CHANNELS * (entry.options[entry.facts["widening"]] if "widening" in entry.facts else 1)
    inputs = keras.Input((3, channels))
    x = 2 * np.random.default_rng(0).normal(size=(BATCH, 3, channels))
    _check_layer(keras.Model(inputs, entry(inputs)), x)


@_each(NORMALIZATIONS)
def test_normalization(entry):
    x = np.random.default_rng(0).normal(size=(BATCH, 2, 2, CHANNELS))
    options = entry.facts.get("smoke", {})
    if entry.facts.get("of") != "kernel":
        mode = {"training": True} if entry.name == "batch" else {}
        _check_layer(entry(CHANNELS, **options), x, **mode)
        return
    _check_layer(entry(layers.Conv2D, **options)(2, 2), x)
    _check_layer(entry(layers.Conv2DTranspose, **options)(2, 2), x[:, :1, :1])
    _check_layer(entry(layers.Dense, **options)(3), x[:, 0, 0])


@_each(REGULARIZERS)
def test_regularizer(entry):
    penalty = entry(**entry.facts.get("smoke", {}))
    flat = lambda at: penalty(at["w"]) + 0.0 * ops.sum(at["w"])  # noqa: E731 -- a constraint depends on nothing
    _check(flat, {"w": np.random.default_rng(0).normal(size=(3, 4))})


@_each(LOSSES)
def test_loss(entry, monkeypatch):
    targets, outputs = _case(entry.facts["values"], np.random.default_rng(0))
    shares = np.linspace(0.5, 1.5, BATCH)  # so that one example's gradient is not another's

    def total(at):
        return ops.sum(entry(targets, at.get("outputs", at), **entry.facts.get("smoke", {})) * shares)

    at = outputs if isinstance(outputs, dict) else {"outputs": outputs}
    _check(total, at, _held(monkeypatch, total, at))


def _held(monkeypatch, function, at):
    """`function` with what stands where gradients are stopped as it is at `at`: what its gradient is that of."""
    held, stop = [], ops.stop_gradient

    def remember(x):
        held.append(stop(x))
        return held[-1]

    def replay(moved):
        left = iter(held)
        with monkeypatch.context() as patch:
            patch.setattr(ops, "stop_gradient", lambda x: next(left))
            return function(moved)

    with monkeypatch.context() as patch:
        patch.setattr(ops, "stop_gradient", remember)
        function(keras.tree.map_structure(ops.convert_to_tensor, at))
    return replay


def _case(values: str, random: np.random.Generator):
    """Targets and outputs that a loss compares, by what it says it takes."""
    if values in FORMS:
        targets = objects(random, BATCH)
        said = keras.tree.map_structure(lambda x: x / 20 + random.normal(size=x.shape) / 2, perfect(values, targets))
        return targets, said
    outputs = random.normal(size=(BATCH, 3, 4))
    if values == "labels":
        return random.integers(4, size=(BATCH, 3)), outputs
    if values == "boxes":
        corners = random.uniform(0, 5, (BATCH, 3, 2))
        boxes = np.concatenate([corners, corners + random.uniform(2, 4, (BATCH, 3, 2))], axis=-1)
        return boxes, boxes + 0.3 * outputs
    targets = {
        "numbers": random.normal(size=outputs.shape),
        "signs": random.choice([-1.0, 1.0], size=outputs.shape),
        "shares": random.uniform(size=outputs.shape),
        "shares and code": random.uniform(size=outputs.shape),
    }[values]
    if values == "shares and code":
        return targets, {"reconstruction": outputs, "kl": random.uniform(size=BATCH)}
    return targets, outputs


@pytest.mark.parametrize("options", [{"box_loss": "iou"}, {"box_loss": "giou"}, {"focus": 1.5}], ids=str)
def test_an_option_of_the_loss_of_yolo_v3(options, monkeypatch):
    targets, outputs = _case("objects on maps", np.random.default_rng(4))

    def total(at):
        return ops.sum(LOSSES["yolo_v3"](targets, at, **options))

    _check(total, outputs, _held(monkeypatch, total, outputs))


class _Said:
    """A network of two stages whose parts say what they are told to, whatever they read."""

    training = False

    def __init__(self, maps, said):
        self.maps, self.said = maps, said

    def __call__(self, *inputs, part):
        if part == "features":
            return self.maps
        if part == "rpn":
            return {"objectness": self.said["objectness"], "deltas": self.said["shifts"]}
        if part == "head":
            return {"classes": self.said["classes"], "deltas": self.said["boxes"]}
        return self.said["masks"]


def test_the_losses_of_two_stages(monkeypatch):
    """By all that the parts say of anchors, regions and masks, with the regions that are learnt from held."""
    monkeypatch.setitem(globals(), "MOST", 12)  # each takes all of two stages twice
    regions, side, cells = 8, 3, (HEIGHT // 8, WIDTH // 8)
    monkeypatch.setattr(ops, "convert_to_tensor", _doubled(ops.convert_to_tensor))
    options = {"anchor_scale": [2], "proposals": 20, "sampled_anchors": 30, "sampled_regions": regions, "canonical": 64}
    task = TASKS.build({"name": "instance_segmentation", **options}, scene_card(instances=([HEIGHT, WIDTH], "uint8")))
    anchors, kinds, random = 3 * cells[0] * cells[1], 1 + len(KINDS), np.random.default_rng(0)
    of_shape = lambda *shape: keras.KerasTensor((None, *shape))  # noqa: E731
    parts = {
        "features": SimpleNamespace(outputs=[of_shape(*cells, 1)]),
        "rpn": SimpleNamespace(output={"objectness": of_shape(anchors)}),
        "head": SimpleNamespace(inputs=[of_shape(2, 2, 1)]),
        "mask": SimpleNamespace(input=of_shape(2, 2, 1), output=of_shape(side, side, kinds)),
    }
    task.learn({}, parts)
    task.anchors = [one.astype("float64") for one in task.anchors]
    examples, answering = len(SCENES["image"]), regions // 4
    shapes = {"objectness": (anchors,), "shifts": (anchors, 4), "classes": (kinds,), "boxes": (kinds, 4)}
    said = {key: random.normal(size=(examples, *shapes[key])) / 3 for key in ("objectness", "shifts")}
    said |= {key: random.normal(size=(examples * regions, *shapes[key])) / 3 for key in ("classes", "boxes")}
    said["masks"] = random.normal(size=(examples * answering, side, side, kinds))
    batch = {**SCENES, "instances": np.tile(np.arange(WIDTH, dtype="uint8") // 24, (examples, HEIGHT, 1))}
    maps = ops.convert_to_tensor(random.normal(size=(examples, *cells, 1)))
    shares = np.linspace(0.5, 1.5, examples)

    def total(at):
        return ops.sum(task.losses(_Said(maps, at), batch, 0)["loss"] * shares)

    slopes = gradient(total, said)
    assert {key: bool(slope.any()) for key, slope in slopes.items()} == dict.fromkeys(said, True)
    _check(total, said, _held(monkeypatch, total, said))
