"""Every architecture: counts, shapes, learning, XLA; `test_saved.py` has saving, and the same on both backends."""

import csv
import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from archbench.architectures import ARCHITECTURES
from archbench.architectures.network import build_network, outline
from archbench.architectures.profile import Profile, profile
from archbench.architectures.sizes import AXES, InputMismatch, minimum_size
from archbench.datasets.spelled import LETTERS
from archbench.losses.margin import margin
from archbench.parts import WrongParts
from archbench.tasks import TASKS
from archbench.tasks.base import Direct
from backend import compiled
from completeness import check_rows

GOLDEN = Path(__file__).parents[1] / "golden"
ROWS = list(csv.DictReader((GOLDEN / "parameter_counts.csv").open()))
COSTS = list(csv.DictReader((GOLDEN / "multiply_adds.csv").open()))
BATCH, OUTPUTS = 6, 3
COUNT = "name, its paper's input (224x224x3) and outputs, options {}, and its number of trainable parameters"
FINER = {"small": 2, "medium": 1, "large": 0}
"""The maps of YOLO v3 -> halvings less than the coarsest has."""
OTHER_PARTS = {
    "activation": "silu",
    "normalization": "instance",
    "initializer": "orthogonal",
    "regularizer": {"name": "l2", "strength": 0.1},
    "dropout": 0.125,
}
"""A value for each part that no architecture has as its own."""


def _whole(entry) -> bool:
    """Whether a network answers to its input by itself; one of parts answers to its task, whose own tests try it."""
    return issubclass(TASKS[entry.facts["task"]].build, Direct)


def _distinct():
    """One entry for each whole network that differs at smoke size: variants that only differ in depth are one."""
    seen = {}
    for entry in filter(_whole, ARCHITECTURES):
        options = {**entry.options, **entry.facts["smoke"]}
        seen.setdefault((entry.build, repr(sorted(options.items()))), entry)
    return list(seen.values())


every = pytest.mark.parametrize("entry", list(ARCHITECTURES), ids=lambda entry: entry.name)
distinct = pytest.mark.parametrize("entry", _distinct(), ids=lambda entry: entry.name)


def _smoke(entry, parts=()):
    keras.utils.set_random_seed(1)
    spec = {"name": entry.name, **entry.facts["smoke"]}
    return build_network(spec, entry.facts["smoke_input"], OUTPUTS, dict(parts))


@cache
def _own(name: str) -> keras.Model:
    """The network at smoke size with its own parts, for tests that leave its weights as they are."""
    return _smoke(ARCHITECTURES[name])


@cache
def _answers(name: str) -> dict[str, np.ndarray]:
    """What that network says of `_inputs`, operation by operation."""
    return _by_name(_own(name)(_inputs(ARCHITECTURES[name]), training=False))


def _inputs(entry) -> np.ndarray:
    random, shape = np.random.default_rng(0), (BATCH, *entry.facts["smoke_input"])
    if entry.positional[0] == "tokens":
        return random.integers(1, entry.facts["smoke"]["vocabulary"], shape).astype("float32")
    if entry.positional[0] == "letters":
        return random.integers(1, LETTERS, shape).astype("float32")
    return random.normal(size=shape).astype("float32")


def _by_name(outputs) -> dict[str, np.ndarray]:
    named = outputs if isinstance(outputs, dict) else {"output": outputs}
    return {name: ops.convert_to_numpy(value) for name, value in named.items()}


# Facts


@every
def test_declares_what_others_read(entry):
    assert entry.source
    assert entry.what.endswith(".")
    assert entry.facts["task"]
    assert entry.positional[0] in (*AXES, "x", "source", "content", "tokens", "letters")
    assert set(entry.facts["swaps"]) <= set(OTHER_PARTS)
    assert set(entry.facts["smoke"]) <= set(entry.options)
    sides = entry.facts["paper_input"][:-1] if entry.positional[0] in AXES else entry.facts["paper_input"]
    assert minimum_size(entry, {}) <= min(sides)
    assert entry.facts["paper_outputs"] > 0


def test_every_name_has_a_count_and_every_count_a_name():
    names = {entry.name for entry in ARCHITECTURES}
    check_rows(names, {row["name"] for row in ROWS}, "parameter_counts.csv", COUNT)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['name']}-{row['input']}-{row['parameters']}")
def test_parameter_count(row):
    assert _profile_of(row).parameters == int(row["parameters"]), row["source"]


@pytest.mark.parametrize("row", COSTS, ids=lambda row: f"{row['name']}-{row['input']}-{row['multiply_adds']}")
def test_multiply_adds_are_the_published_ones(row):
    assert _profile_of(row).multiply_adds == pytest.approx(float(row["multiply_adds"]), rel=0.01), row["source"]


def _profile_of(row) -> Profile:
    return _profile(row["name"], row["options"], row["input"], int(row["outputs"]))


@cache
def _profile(name: str, options: str, shape: str, outputs: int) -> Profile:
    """Many a network has a row in both tables."""
    spec = {"name": name, **json.loads(options)}
    return profile(outline(spec, [int(side) for side in shape.split("x")], outputs))


@every
def test_the_first_count_of_a_name_is_at_its_papers_size(entry):
    row = next((row for row in ROWS if row["name"] == entry.name), None)
    assert row, f"tests/golden/parameter_counts.csv has no row for {entry.name}. Add one: {COUNT}."
    assert tuple(int(side) for side in row["input"].split("x")) == entry.facts["paper_input"]
    assert int(row["outputs"]) == entry.facts["paper_outputs"]
    assert row["options"] == "{}"


# Behavior


@pytest.mark.parametrize("entry", filter(_whole, ARCHITECTURES), ids=lambda entry: entry.name)
def test_output_shape(entry):
    shape, outputs = entry.facts["smoke_input"], OUTPUTS
    got = {name: value.shape for name, value in _answers(entry.name).items()}
    options = {**entry.options, **entry.facts["smoke"]}
    match entry.facts["task"]:
        case "classification" if "auxiliary_weight" in entry.facts:
            heads = got.keys() - {"logits"}
            assert heads
            assert all(name.startswith("auxiliary_") for name in heads)
            assert got == dict.fromkeys(["logits", *heads], (BATCH, outputs))
        case "classification" | "binary" | "multi_label" | "sequence_regression" | "localization" | "landmarks":
            assert got == {"output": (BATCH, outputs)}
        case "sequence_labelling":
            assert got == {"output": (BATCH, shape[0], outputs)}
        case "segmentation":
            assert got == {"output": (BATCH, *shape[:2], outputs)}
        case "detection" if entry.name == "yolo_v1":
            assert got == {"output": (BATCH, options["grid"], options["grid"], 5 * options["boxes"] + outputs)}
        case "detection" if entry.name == "yolo_v3":
            strides = {name: 2 ** (len(options["blocks"]) - finer) for name, finer in FINER.items()}
            grids = {name: [side // stride for side in shape[:2]] for name, stride in strides.items()}
            assert got == {name: (BATCH, *grid, options["anchors"], 5 + outputs) for name, grid in grids.items()}
        case "detection":
            grid = [side // 2 ** options["stages"] for side in shape[:2]]
            assert got == {"output": (BATCH, *grid, options["anchors"], 5 + outputs)}
        case "capsules":
            assert got == {"length": (BATCH, outputs), "reconstruction": (BATCH, outputs, *shape)}


@distinct
def test_fits_one_batch_and_every_weight_moves(entry):
    if entry.facts.get("fit"):
        pytest.skip("is fitted at once, without gradients")
    model, x = _smoke(entry, _easy(entry)), _inputs(entry)
    before = [ops.convert_to_numpy(weight) for weight in model.trainable_weights]

    def fitted(losses: list[float]) -> bool:
        """And stays so: steps after these would show nothing more."""
        return len(losses) > 10 and max(losses[-10:]) < 0.3 * losses[0]

    losses = _fit(entry.facts["task"], model, x, 150, fitted)
    assert fitted(losses)
    assert not _unmoved(model, before)


def _easy(entry) -> dict[str, object]:
    """Parts with which a tiny net learns in a few steps."""
    parts = {"dropout": None} if "dropout" in entry.facts["swaps"] else {}
    # Where the paper draws N(0, 0.01^2), that is for layers thousands of inputs wide: here signals would vanish.
    if "parts" in entry.options and entry.options["parts"].initializer == "small_normal":
        parts["initializer"] = "he_normal"
    return parts


def _unmoved(model: keras.Model, before: list[np.ndarray]) -> list[str]:
    now = [ops.convert_to_numpy(weight) for weight in model.trainable_weights]
    return [w.path for w, a, b in zip(model.trainable_weights, before, now, strict=True) if np.array_equal(a, b)]


def _fit(
    task: str,
    model: keras.Model,
    x: np.ndarray,
    steps: int,
    enough: Callable[[list[float]], bool] = lambda losses: False,
    traced: bool = True,
) -> list[float]:
    """The training loss of each step on the batch `x` and made-up targets, for `steps` or until it is `enough`."""
    random = np.random.default_rng(2)
    if task in ("classification", "segmentation"):
        model = keras.Model(model.input, keras.tree.flatten(model.output))  # logits and auxiliary heads alike
        sides = model.outputs[0].shape[1:-1]  # of a map, whose pixels are all of one class: it may be a coarse one
        labels = np.tile(random.integers(0, OUTPUTS, (BATCH, *[1] * len(sides))), (1, *sides))
        y = [labels] * len(model.outputs)
        loss = [keras.losses.SparseCategoricalCrossentropy(from_logits=True) for _ in y]
    elif task == "capsules":
        pixels = np.repeat((x > 0).astype("float32")[:, None], OUTPUTS, axis=1)
        y = {"length": np.eye(OUTPUTS)[random.integers(0, OUTPUTS, BATCH)], "reconstruction": pixels}
        loss = {"length": margin, "reconstruction": keras.losses.BinaryCrossentropy(from_logits=True)}
    else:
        draw = lambda output: random.normal(size=(BATCH, *output.shape[1:])).astype("float32")  # noqa: E731
        y = keras.tree.map_structure(draw, model.output)
        loss = dict.fromkeys(y, "mse") if isinstance(y, dict) else "mse"
    # The quicker way to a compiled step: TensorFlow has its graphs, JAX would run a step operation by operation.
    jax = keras.backend.backend() == "jax"
    model.compile(keras.optimizers.Adam(0.01), loss, jit_compile=jax, run_eagerly=not traced and not jax)
    model.optimizer.build(model.trainable_variables)  # in the first step it would have TensorFlow trace the step twice
    losses: list[float] = []
    while len(losses) < steps and not enough(losses):
        losses.append(float(model.train_on_batch(x, y, return_dict=True)["loss"]))
    return losses


@distinct
def test_compiles_with_xla(entry):
    model, plain = _own(entry.name), _answers(entry.name)
    found = _by_name(compiled(lambda arrays: model(arrays["x"], training=False), {"x": _inputs(entry)}))
    for name, value in found.items():
        np.testing.assert_allclose(value, plain[name], rtol=1e-4, atol=1e-4)


@distinct
def test_works_in_mixed_precision_and_answers_in_full(entry):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        mixed = _smoke(entry)
    finally:
        keras.config.set_dtype_policy("float32")
    mixed.set_weights(_own(entry.name).get_weights())
    expected = _answers(entry.name)
    for name, value in _by_name(mixed(_inputs(entry), training=False)).items():
        assert value.dtype == "float32"
        scale = max(0.1, np.abs(expected[name]).max())
        np.testing.assert_allclose(value, expected[name], atol=0.1 * scale)


# Parts


@distinct
def test_every_part_it_takes_changes_the_network_and_the_others_are_refused(entry):
    own = _configuration(_own(entry.name))
    assert _configuration(_outline(entry, {})) == own
    for piece, value in OTHER_PARTS.items():
        if piece in entry.facts["swaps"]:
            assert _configuration(_outline(entry, {piece: value})) != own, piece
        else:
            with pytest.raises(WrongParts, match=f"{entry.name} has no (place for another {piece}|parts to swap)"):
                _outline(entry, {piece: value})


def _outline(entry, parts) -> keras.Model:
    return outline({"name": entry.name, **entry.facts["smoke"]}, entry.facts["smoke_input"], OUTPUTS, parts)


def _configuration(model: keras.Model) -> str:
    """A network as text, without the numbers that Keras appends to names."""
    return re.sub(r"_\d+", "", model.to_json())


@distinct
def test_still_learns_with_other_parts(entry):
    """What a sweep does: another activation and no normalization, and every weight still gets a gradient.

    Operation by operation on TensorFlow, which for three steps takes half the time that tracing one would.
    """
    parts = {"activation": "silu", "normalization": "none", "initializer": "xavier_normal"}
    model, x = _smoke(entry, {k: v for k, v in parts.items() if k in entry.facts["swaps"]}), _inputs(entry)
    before = [ops.convert_to_numpy(weight) for weight in model.trainable_weights]
    _fit(entry.facts["task"], model, x, steps=3, traced=False)
    assert not _unmoved(model, before)


def test_a_regularizer_adds_its_penalty_once_for_every_kernel():
    parts = {"regularizer": {"name": "l2", "strength": 0.5}}
    model = build_network({"name": "resnet20", "blocks": 1, "widths": (2, 4)}, (8, 8, 1), 3, parts)
    kernels = [w for w in model.trainable_weights if w.name == "kernel"]
    by_hand = sum(0.25 * np.square(ops.convert_to_numpy(w)).sum() for w in kernels)
    assert len(kernels) == len(model.losses) == 6
    assert float(sum(model.losses)) == pytest.approx(by_hand, rel=1e-5)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"activations": "relu"}, "No part is called 'activations'. A network has the parts: activation"),
        ({"activation": "rellu"}, "Did you mean relu"),
        ({"normalization": {"name": "group", "group": 4}}, "no option 'group'. Did you mean groups"),
        ({"dropout": 1.0}, "dropout is 1.0. It must be a share from 0 to less than 1"),
    ],
)
def test_a_wrong_part_is_answered(parts, message):
    with pytest.raises(Exception, match=message):
        build_network("lenet5", (32, 32, 1), 10, parts)


# Sizes


@every
def test_reads_its_minimum_and_refuses_less(entry):
    if entry.positional[0] not in AXES:
        pytest.skip("reads any size")
    axes = len(entry.facts["paper_input"]) - 1
    least, channels = minimum_size(entry, {}), entry.facts["paper_input"][-1]
    outline(entry.name, (*[least] * axes, channels), 2)
    with pytest.raises(InputMismatch, match=rf"needs at least {least} .* given {least - 1} "):
        outline(entry.name, (*[least - 1] * axes, channels), 2)


@every
def test_refuses_an_input_with_other_axes(entry):
    if entry.positional[0] not in AXES:
        pytest.skip("reads any shape")
    with pytest.raises(InputMismatch, match=f"{entry.name} reads {entry.positional[0]}s of shape"):
        outline(entry.name, (64,), 2)


@pytest.mark.parametrize(
    ("spec", "shape", "message"),
    [
        ("unet", (570, 570, 1), "side of 570 pixels 4 times .* 556, 572"),
        ({"name": "unet", "padding": "same", "depth": 3}, (60, 64, 3), "side of 60 .* 56, 64"),
        ({"name": "unet", "padding": "full"}, (572, 572, 1), 'must be "valid"'),
        ("yolo_v2", (400, 416, 3), "multiple of 32, and was given 400.* 384 and 416"),
        ({"name": "vgg11", "convs": [1, 1, 1, 1, 1, 1]}, (64, 64, 3), "convs has 6 stages.* at most 5"),
        ({"name": "yolo_v2", "stages": 6}, (416, 416, 3), "stages is 6. It must be 1 to 5"),
        ({"name": "yolo_v1", "stages": 6}, (448, 448, 3), "stages is 6. It must be 1 to 5"),
        ("yolo_v3", (416, 400, 3), "multiple of 32, and was given 400"),
        ({"name": "yolo_v3", "blocks": [1, 2]}, (416, 416, 3), r"blocks is \[1, 2\]. It must be 3 to 5 numbers"),
        ({"name": "googlenet", "modules": [2, 6]}, (64, 64, 3), r"modules is \[2, 6\]. It counts .* \[2, 5, 2\]"),
        ({"name": "inception_v2", "modules": []}, (64, 64, 3), r"modules cannot be \[\]. .* at least 1 item"),
        ({"name": "alexnet", "widths": [8, 9, 8, 8, 8]}, (227, 227, 3), "2 groups cannot split the widths"),
        ({"name": "alexnet", "widths": [8, 8]}, (227, 227, 3), "widths cannot be"),
        ("lenet5_1998", (32, 32, 1), "a code for each of 10 digits, and was asked for 11"),
    ],
)
def test_a_size_that_does_not_fit_is_answered_with_one_that_does(spec, shape, message):
    with pytest.raises(Exception, match=message):
        outline(spec, shape, 11)


@pytest.mark.parametrize("channels", [1, 2, 5])
@distinct
def test_takes_any_number_of_channels_and_classes(entry, channels):
    *sides, _ = entry.facts["smoke_input"]
    spec = {"name": entry.name, **entry.facts["smoke"]}
    outline(spec, (*sides, channels), 7)


# Papers


def test_unet_maps_572_pixels_to_388():
    assert outline("unet", (572, 572, 1), 2).output.shape == (None, 388, 388, 2)


def test_yolo_v2_divides_416_pixels_into_13_cells():
    assert outline("yolo_v2", (416, 416, 3), 20).output.shape == (None, 13, 13, 5, 25)


def test_a_valid_unet_shows_the_center_of_its_image():
    """A pixel moves the outputs around its own place, counted from the center of image and map."""
    spec = {"name": "unet", "width": 2, "depth": 1, "padding": "valid"}
    model = build_network(spec, (64, 64, 1), 2, {"activation": "linear", "dropout": None})
    x = np.zeros((1, 64, 64, 1), "float32")
    bumped = x.copy()
    bumped[0, 28, 37] = 1.0
    change = np.abs(ops.convert_to_numpy(model(bumped) - model(x)))[0].sum(-1)
    offset = (64 - change.shape[0]) // 2
    rows, columns = np.nonzero(change > 1e-6)
    assert abs((rows.min() + rows.max()) / 2 + offset - 28) <= 1
    assert abs((columns.min() + columns.max()) / 2 + offset - 37) <= 1


def test_a_unet_joins_the_center_of_its_finer_map():
    from archbench.layers.crop import crop

    skip, x = keras.Input((8, 7, 1)), keras.Input((4, 2, 1))
    places = np.arange(56, dtype="float32").reshape(1, 8, 7, 1)
    center = ops.convert_to_numpy(keras.Model(skip, crop(skip, x.shape[1:3]))(places))
    np.testing.assert_array_equal(center, places[:, 2:6, 2:4])


def test_the_shortcut_of_a_small_resnet_subsamples_and_pads_with_zeros():
    from archbench.blocks.residual import padded

    inputs = keras.Input((4, 4, 2))
    model = keras.Model(inputs, padded(inputs, 4, 2))
    x = np.arange(32, dtype="float32").reshape(1, 4, 4, 2)
    expected = np.zeros((1, 2, 2, 4), "float32")
    expected[..., 1:3] = x[:, ::2, ::2]
    np.testing.assert_array_equal(ops.convert_to_numpy(model(x)), expected)


def test_a_residual_net_differs_from_its_plain_twin_by_the_additions_alone():
    layers = {}
    for name in ("resnet20", "plain20"):
        model = outline(name, (32, 32, 3), 10)
        layers[name] = [type(layer).__name__ for layer in model.layers if layer.weights]
        assert sum(isinstance(layer, keras.layers.Add) for layer in model.layers) == (9 if name == "resnet20" else 0)
    assert layers["resnet20"] == layers["plain20"]


def test_the_links_of_c3_are_table_1():
    """LeCun et al. 1998, table I: a row for each map of S2, a cross where the map of C3 in that column reads it."""
    from archbench.architectures.vision.lenet5_1998 import C3_TABLE

    table = (
        "X...XXX..XXXX.XX",
        "XX...XXX..XXXX.X",
        "XXX...XXX..X.XXX",
        ".XXX..XXXX..X.XX",
        "..XXX..XXXX.XX.X",
        "...XXX..XXXX.XXX",
    )
    columns = [tuple(sorted(links)) for links in C3_TABLE]
    assert columns == [tuple(row for row in range(6) if table[row][column] == "X") for column in range(16)]


def test_sparse_c3_is_a_convolution_over_the_maps_of_its_table():
    from archbench.architectures.vision.lenet5_1998 import C3_TABLE, SparseConv2D

    layer = SparseConv2D(C3_TABLE, 5, kernel_initializer="glorot_uniform", kernel_regularizer=None)
    x = np.random.default_rng(0).normal(size=(1, 5, 5, 6)).astype("float32")
    y, weight = ops.convert_to_numpy(layer(x))[0, 0, 0], ops.convert_to_numpy(layer.weight)
    link = 0
    for target, sources in enumerate(C3_TABLE):
        by_hand = 0.0
        for source in sources:
            by_hand += (x[0, :, :, source] * weight[:, :, link]).sum()
            link += 1
        assert y[target] == pytest.approx(by_hand, abs=1e-4)
    assert link == 60


def test_trainable_subsampling_sums_scales_and_shifts():
    from archbench.architectures.vision.lenet5_1998 import TrainableSubsampling

    layer = TrainableSubsampling()
    x = np.array([[[[1.0], [2.0]], [[3.0], [5.0]]]], "float32")
    assert float(layer(x)[0, 0, 0, 0]) == pytest.approx(11 / 4)
    layer.set_weights([np.array([2.0]), np.array([-1.0])])
    assert float(layer(x)[0, 0, 0, 0]) == pytest.approx(21.0)


def test_the_codes_of_the_digits_are_apart_and_their_distance_is_the_logit():
    from archbench.architectures.vision.digit_codes import digit_codes
    from archbench.architectures.vision.lenet5_1998 import CodeDistance

    codes = digit_codes(10)
    assert codes.shape == (10, 84)
    apart = (codes[:, None] != codes[None]).sum(-1)
    assert apart[~np.eye(10, dtype=bool)].min() >= 12
    np.testing.assert_allclose(ops.convert_to_numpy(CodeDistance(10)(codes)), -4.0 * apart, atol=1e-4)


def test_space_to_depth_takes_pixels_in_reading_order():
    from archbench.layers.cells import SpaceToDepth

    x = np.arange(16, dtype="float32").reshape(1, 4, 4, 1)
    y = ops.convert_to_numpy(SpaceToDepth()(x))
    np.testing.assert_array_equal(y[0], [[[0, 1, 4, 5], [2, 3, 6, 7]], [[8, 9, 12, 13], [10, 11, 14, 15]]])


def test_the_divergence_of_a_vae_by_hand():
    """KL(N(1, e) || N(0, 1)) = (1 + e - 1 - 1) / 2, and 0 for the standard normal itself."""
    from archbench.architectures.generative.vae import _divergence

    mean, log_variance = (
        np.array([[1.0, 0.0], [0.0, 0.0]], "float32"),
        np.array([[1.0, 0.0], [0.0, 0.0]], "float32"),
    )
    np.testing.assert_allclose(_divergence(mean, log_variance), [(np.e - 1) / 2, 0.0], atol=1e-6)


def test_a_vae_samples_in_training_alone():
    from archbench.architectures.generative.vae import GaussianSample

    layer, mean, log_variance = (
        GaussianSample(seed=3),
        np.full((20000, 1), 2.0),
        np.full((20000, 1), np.log(0.25)),
    )
    mean, log_variance = mean.astype("float32"), log_variance.astype("float32")
    np.testing.assert_array_equal(layer(mean, log_variance, training=False), mean)
    sample = ops.convert_to_numpy(layer(mean, log_variance, training=True))
    assert sample.mean() == pytest.approx(2.0, abs=0.02)
    assert sample.std() == pytest.approx(0.5, abs=0.01)
    assert not np.array_equal(sample, ops.convert_to_numpy(layer(mean, log_variance, training=True)))
