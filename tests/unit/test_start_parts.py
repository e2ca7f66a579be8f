"""Starting part by part: what is matched with what, what trains, what is refused, and whole runs of it."""

import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import toys
import yaml

from archbench import dvcfile, resolve
from archbench.architectures.kernels import layers_with_kernels
from archbench.architectures.network import build_network, load_network
from archbench.architectures.parted import Network, parts_of
from archbench.cli.changes import _needs as stage_needs
from archbench.config import ConfigError, check_config
from archbench.project import Folders
from archbench.training.run import Pace, run_benchmark
from archbench.training.start import NoStart, begin, describe_source, frozen, matched, saved_parts

PACE = Pace(30.0, lambda *_: None)


def _features(width=4):
    """Two convolutions with batch normalization after each, 8 pixels to one vector: 4 layers with weights."""
    here = image = keras.Input((8, 8, 1))
    for number in (1, 2):
        here = keras.layers.Conv2D(width, 3, padding="same", name=f"conv{number}")(here)
        here = keras.layers.BatchNormalization(name=f"norm{number}")(here)
        here = keras.layers.ReLU()(here)
    return keras.Model(image, keras.layers.GlobalAveragePooling2D()(here))


def _head(outputs=3, width=4):
    vector = keras.Input((width,))
    hidden = keras.layers.Dense(5, name="hidden")(vector)
    return keras.Model(vector, keras.layers.Dense(outputs, name="logits")(hidden))


def _classifier(width=4, outputs=3):
    """One part: the layers of `_features` and a dense one."""
    trunk = _features(width)
    return keras.Model(trunk.input, keras.layers.Dense(outputs, name="classes")(trunk.output))


def _detector(seed=0, outputs=3, width=4):
    keras.utils.set_random_seed(seed)
    return Network({"features": _features(width), "head": _head(outputs, width)})


def _values(model):
    return [np.array(weight) for weight in model.weights]


def _same(ours, theirs):
    return [np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True)]


# What is taken


def test_a_network_that_names_no_parts_is_the_part_network():
    model = _classifier()
    assert dict(parts_of(model)) == {"network": model}
    assert set(parts_of(_detector())) == {"features", "head"}


def test_without_parts_those_of_one_name_and_shapes_are_taken_whole():
    """The head for 7 classes starts fresh, the one for 3 is taken with its last layer."""
    source = _detector(1)
    for outputs, taken in ((7, ["features"]), (3, ["features", "head"])):
        mine = _detector(0, outputs)
        fresh = _values(mine.parts["head"])
        begin(mine, source.parts, {"from": "source", "train": "all"})
        assert list(matched(mine.parts, source.parts, {"from": "source"})) == taken
        assert all(_same(_values(mine.parts["features"]), _values(source.parts["features"])))
        if outputs == 7:
            assert all(_same(_values(mine.parts["head"]), fresh))
        else:
            assert all(_same(_values(mine.parts["head"]), _values(source.parts["head"])))


def test_a_part_takes_the_trunk_of_a_network_of_one_part():
    """The dense layer of the classifier stands after the last layer of the part, and is left."""
    keras.utils.set_random_seed(1)
    source, mine = _classifier(), _detector(0)
    source.set_weights([np.random.default_rng(3).random(value.shape) for value in _values(source)])
    fresh = _values(mine.parts["head"])
    begin(mine, parts_of(source), {"from": "source", "parts": {"features": "network"}, "train": "all"})
    trunk = [np.array(weight) for layer in source.layers[:-1] for weight in layer.weights]
    assert all(_same(_values(mine.parts["features"]), trunk))
    assert all(_same(_values(mine.parts["head"]), fresh))


def test_parts_may_have_other_names_and_one_may_be_taken_twice():
    keras.utils.set_random_seed(0)
    mine = {"left": _features(), "right": _features(), "head": _head()}
    pairs = matched(mine, _detector(1).parts, {"from": "source", "parts": {"left": "features", "right": "features"}})
    assert list(pairs) == ["left", "right"]
    assert [[one.name for one in pair] for pair in pairs["right"]] == [
        [name, name] for name in ("conv1", "norm1", "conv2", "norm2")
    ]


def test_a_network_of_one_part_that_is_named_is_taken_with_its_last_layer():
    keras.utils.set_random_seed(0)
    source, mine = _classifier(), _classifier()
    begin(mine, parts_of(source), {"from": "source", "parts": {"network": "network"}, "train": "all"})
    assert all(_same(_values(mine), _values(source)))


def test_the_parts_of_a_saved_network_are_read(tmp_path):
    source = _detector(1)
    source.save(tmp_path / "model.keras")
    mine = _detector(0)
    begin(mine, saved_parts(tmp_path / "model.keras"), {"from": "source", "train": "all"})
    for name, part in source.parts.items():
        assert all(_same(_values(mine.parts[name]), _values(part)))


def test_parts_of_a_network_behind_its_preprocessing_are_read(tmp_path):
    network = _classifier()
    raw = keras.Input((8, 8, 1))
    keras.Model(raw, network(keras.layers.Rescaling(0.5)(raw))).save(tmp_path / "model.keras")
    (read,) = saved_parts(tmp_path / "model.keras").values()
    assert all(_same(_values(read), _values(network)))


# What is refused


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"neck": "network"}, "this network has no part neck. It has: features, head"),
        ({"features": "trunk"}, "'source' has no part trunk. It has: network"),
        ({"head": "network"}, r"\[\(3, 3, 1, 4\), \(4,\)\] \(conv1\).*\[\(4, 5\), \(5,\)\] \(hidden\)"),
    ],
)
def test_a_wrong_name_or_shape_is_told_with_both_and_nothing_is_taken(parts, why):
    mine = _detector(0)
    before = _values(mine)
    with pytest.raises(NoStart, match=why):
        begin(mine, parts_of(_classifier()), {"from": "source", "parts": parts, "train": "all"})
    assert all(_same(_values(mine), before))


@pytest.mark.parametrize(("train", "still"), [("all", 0), ("none", 4)])
def test_a_part_that_is_longer_than_the_sources_goes_on_with_fresh_layers_that_train(train, still):
    source, mine = _detector(1), Network({"features": _classifier(), "head": _head()})
    fresh = _values(mine.parts["features"].layers[-1])
    start = {"from": "source", "parts": {"features": "features"}, "train": train}
    begin(mine, source.parts, start)
    *taken, last = [layer for layer in mine.parts["features"].layers if layer.weights]
    for layer, other in zip(taken, [one for one in source.parts["features"].layers if one.weights], strict=True):
        assert all(_same(_values(layer), _values(other)))
    assert all(_same(_values(last), fresh))
    assert sum(not layer.trainable for layer in taken) == still
    assert last.trainable


def test_networks_without_a_part_alike_are_refused():
    with pytest.raises(NoStart, match="has the parts features, head, this network features, head: none of one name"):
        matched(_detector(width=6).parts, _detector().parts, {"from": "source"})
    with pytest.raises(NoStart, match="has the parts network, this network features, head"):
        matched(_detector().parts, parts_of(_classifier()), {"from": "source"})


def test_a_network_of_several_outputs_has_no_one_last_layer():
    image = keras.Input((8, 8, 1))
    two = keras.Model(image, [keras.layers.Dense(2)(image), keras.layers.Dense(3)(image)])
    with pytest.raises(NoStart, match="several outputs"):
        matched(parts_of(two), parts_of(two), {"from": "source"})


# What trains


@pytest.mark.parametrize(
    ("train", "still"),
    [
        ("all", []),
        ("none", ["conv1", "norm1", "conv2", "norm2"]),
        ("head", ["conv1", "norm1", "conv2", "norm2", "hidden"]),
        (2, ["conv1", "norm1", "conv2", "norm2"]),
        (3, ["conv1", "norm1"]),
        (4, []),
        (["head"], ["conv1", "norm1", "conv2", "norm2"]),
        (["features"], ["hidden", "logits"]),
        (["features", "head"], []),
    ],
)
def test_what_trains_is_counted_over_the_parts_or_named(train, still):
    mine = _detector(0)
    start = {"from": "source", "parts": {"features": "features"}, "train": train}
    begin(mine, _detector(1).parts, start)
    found = [
        layer.name
        for part in mine.parts.values()
        for layer in part.layers
        if layer.weights and not layer.trainable_weights
    ]
    assert found == still


@pytest.mark.parametrize(
    ("train", "taken", "why"),
    [
        (
            "none",
            {"features": "features", "head": "head"},
            "train is none, and so nothing .* its parts, which are: features, head",
        ),
        (["neck"], {"features": "features"}, "no part neck. It has: features, head"),
        (5, {"features": "features"}, "the network has 4 layers with kernels. Choose 1 to 4, or all"),
    ],
)
def test_a_train_that_fits_no_network_or_leaves_nothing_is_refused(train, taken, why):
    mine = _detector()
    with pytest.raises(NoStart, match=why):
        frozen(mine.parts, matched(mine.parts, _detector(1).parts, {"from": "source", "parts": taken}), train)


@pytest.mark.parametrize("train", ["none", ["head"]])
def test_what_is_frozen_does_not_move_in_training_and_the_rest_does(train):
    """To the bit, the moving averages of batch normalization among it; and no penalty counts for it."""
    source, mine = _detector(1), _detector(0)
    start = {"from": "source", "parts": {"features": "features"}, "train": train}
    begin(mine, source.parts, start)
    before = _values(mine.parts["head"])
    random = np.random.default_rng(0)
    chained = keras.Model(mine.parts["features"].input, mine.parts["head"](mine.parts["features"].output))
    chained.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    chained.fit(random.random((16, 8, 8, 1), "float32"), random.integers(3, size=16), epochs=2, verbose=0)
    assert all(_same(_values(mine.parts["features"]), _values(source.parts["features"])))
    assert not any(_same(_values(mine.parts["head"]), before))


# Whole runs

DEEP = {"architecture": {"name": "mlp", "units": [4, 3, 5]}, "parts": {}, "augmentation": [], "epochs": 2}
FLAT = {**DEEP, "architecture": {"name": "mlp", "units": [4]}}


def _dense(folder):
    model = load_network(folder / "seed-0" / "model.keras")
    network = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    return [[np.array(weight) for weight in layer.weights] for layer in layers_with_kernels(network)]


def _run(runs, slug, described, start=None):
    extra = {"start": describe_source(start, 0, runs)} if start else {}
    trial = toys.settings(**described, benchmark=slug, seed=0, **extra)
    run_benchmark([trial], toys.stripes(), runs / slug, PACE)
    return _dense(runs / slug)


def test_a_chain_of_runs_starts_one_from_the_other_and_keeps_what_is_frozen(tmp_path):
    """256-4-3-5-3, then 256-4-3 from its first two layers with the last one trained, then all of that again."""
    source = _run(tmp_path, "source", DEEP)
    part = {"network": "network"}
    second = _run(tmp_path, "second", FLAT, {"from": "source", "parts": part, "train": "head"})
    assert [[value.shape for value in layer] for layer in second] == [[(256, 4), (4,)], [(4, 3), (3,)]]
    assert all(_same(second[0], source[0]))
    assert not any(_same(second[1], source[1]))
    third = _run(tmp_path, "third", FLAT, {"from": "second", "parts": part, "train": "all"})
    assert not any(_same(third[0], second[0]))
    kept = _run(tmp_path, "kept", FLAT, {"from": "third", "train": "head"})
    assert all(_same(kept[0], third[0]))


def test_the_part_that_is_taken_is_where_training_begins(tmp_path):
    """With a rate of nothing, the run ends where it began: at the source's first two layers."""
    source = _run(tmp_path, "source", DEEP)
    still = {**FLAT, "optimizer": {"name": "sgd", "learning_rate": 1e-30}}
    ended = _run(tmp_path, "still", still, {"from": "source", "parts": {"network": "network"}, "train": "all"})
    for ours, theirs in zip(ended, source[:2], strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)


def test_other_layers_are_told_before_a_run_begins(tmp_path):
    _run(tmp_path, "source", DEEP)
    other = {**DEEP, "architecture": {"name": "mlp", "units": [4, 2]}}
    with pytest.raises(NoStart, match=r"\[\(4, 3\), \(3,\)\] \(.*\[\(4, 2\), \(2,\)\] \("):
        _run(tmp_path, "other", other, {"from": "source", "parts": {"network": "network"}, "train": "all"})
    assert not (tmp_path / "other" / "seed-0").exists()


# params.yaml

DEEP_BENCHMARK = {"architecture": {"name": "mlp", "units": [4, 10, 5]}, "dataset": "digits"}
FLAT_BENCHMARK = {"architecture": {"name": "mlp", "units": [4]}, "dataset": "small"}


def _config(start, **onto):
    values = {
        "pipeline": "toy",
        "datasets": {"digits": {"size": 32}, "small": {"name": "digits", "size": 16}},
        "benchmarks": {
            "deep": DEEP_BENCHMARK,
            "neighbors": {"architecture": "knn", "dataset": "digits"},
            "onto": {**FLAT_BENCHMARK, "start": {"from": "deep", "train": "all", **start}, **onto},
        },
    }
    return check_config(values)


def test_named_parts_are_taken_of_another_architecture_and_stand_in_the_settings():
    start = {"parts": {"network": "network"}, "train": ["network"]}
    plan = resolve.resolve(_config(start), "onto")
    assert plan.settings["start"] == {"from": "deep", **start}


@pytest.mark.parametrize(
    ("start", "onto", "why"),
    [
        ({}, {}, "'deep' has the architecture"),
        ({}, {}, "name what is taken: parts: {mine: theirs}"),
        ({"parts": {"features": "network"}}, {}, "this network has no part features. It has: network"),
        ({"parts": {"network": "trunk"}}, {}, "'deep' has no part trunk. It has: network"),
        (
            {"parts": {"network": "network"}},
            {"architecture": {"name": "mlp", "units": [4, 6]}},
            "[(4, 10), (10,)]",
        ),
        (
            {"parts": {"network": "network"}},
            {"parts": {"activation": "gelu"}},
            "has the activation of its paper",
        ),
        ({"parts": {"network": "network"}, "train": "none"}, {}, "nothing of the network would train"),
        ({"parts": {"network": "network"}, "train": ["trunk"]}, {}, "no part trunk"),
        ({"parts": {"network": "network"}, "train": 3}, {}, "the network has 2 layers with kernels"),
        ({"from": "neighbors", "parts": {"network": "network"}}, {}, "knn has no weights to start from"),
    ],
)
def test_what_does_not_fit_is_refused_when_params_are_read(start, onto, why):
    with pytest.raises(ConfigError, match=r"benchmarks\.onto\.start: ") as error:
        resolve.resolve_all(_config(start, **onto))
    assert why in str(error.value)


def test_a_piece_that_the_paper_has_may_be_written_out():
    own = resolve.resolve(_config({"parts": {"network": "network"}}, parts={"activation": "relu"}), "onto")
    assert own.settings["parts"] == {"activation": {"name": "relu"}}


# From a file


def test_weights_of_a_file_are_where_training_begins_and_what_the_id_follows(tmp_path, monkeypatch):
    """A network that Keras alone has made and saved; named relative to the folder of params.yaml."""
    monkeypatch.chdir(tmp_path)
    image = keras.Input((16, 16, 1))
    hidden = keras.layers.Dense(4, activation="relu")(keras.layers.Flatten()(image))
    given = keras.Model(image, keras.layers.Dense(7)(hidden), name="mine")
    given.save("given.keras")
    start = {"from": "given.keras", "train": "all"}
    still = {**FLAT, "optimizer": {"name": "sgd", "learning_rate": 1e-30}}
    ended = _run(tmp_path / "runs", "still", still, start)
    for ours, theirs in zip(ended[0], _values(given), strict=False):
        np.testing.assert_allclose(ours, theirs, atol=1e-25)
    assert [weight.shape for weight in ended[1]] == [(4, 3), (3,)]  # a fresh head
    before = describe_source(start, 0, tmp_path)
    assert before == describe_source({**start, "from": str(tmp_path / "given.keras")}, 1, tmp_path) | {
        "from": "given.keras"
    }
    given.set_weights([value + 1 for value in given.get_weights()])
    given.save("given.keras")
    assert describe_source(start, 0, tmp_path)["weights_sha256"] != before["weights_sha256"]


def test_the_maps_of_style_transfer_are_those_of_a_vgg_that_a_file_holds(tmp_path):
    """Of Keras Applications' VGG-19, which has sixteen convolutions, the first four, in their order."""
    theirs = keras.applications.VGG19(include_top=False, weights=None, input_shape=(32, 32, 3))
    theirs.save(tmp_path / "vgg19.keras")
    maps = {"content_maps": ["conv2_2"], "style_maps": ["conv1_1"], "pooling": "max"}
    pair = {name: keras.InputSpec(shape=(None, 32, 32, 3), dtype="float32") for name in ("content", "style")}
    mine = build_network({"name": "style_transfer", "convs": [2, 2], **maps}, pair, 3)
    begin(mine, saved_parts(tmp_path / "vgg19.keras"), {"from": "vgg19.keras", "parts": TRUNK, "train": ["picture"]})
    kernels = [layer for layer in theirs.layers if layer.weights][:4]
    assert all(_same(_values(mine.parts["features"]), [value for layer in kernels for value in _values(layer)]))
    given = np.random.default_rng(0).random((1, 32, 32, 3), "float32")
    ours = mine.parts["features"](given)["content"]
    last = keras.Model(theirs.input, theirs.get_layer("block2_conv2").output)(given)
    np.testing.assert_allclose(ours[0], last, atol=1e-5)


TRUNK = {"features": "network"}


def test_a_start_from_a_file_stands_in_the_settings_and_makes_dvc_look_at_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("nets").mkdir()
    _classifier().save("nets/mine.keras")
    config = _config({"from": "nets/mine.keras", "train": "head"})
    assert resolve.resolve(config, "onto").settings["start"] == {"from": "nets/mine.keras", "train": "head"}
    (tmp_path / "pipelines").mkdir()
    stage = yaml.safe_load(dvcfile.render(config, Folders(tmp_path, "toy"), tmp_path))["stages"]["train"]
    assert stage["foreach"]["onto"]["start"] == "nets/mine.keras"
    assert stage["foreach"]["deep"]["start"].endswith("train.txt")
    assert stage_needs(config)["train@onto"] == ("prepare@small",)


@pytest.mark.parametrize(
    ("content", "why"), [(None, "is no file"), (b"PK", "is no saved network"), ("other", "is no saved network")]
)
def test_a_file_that_holds_no_network_is_told_when_params_are_read(content, why, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if content == "other":
        with zipfile.ZipFile("mine.keras", "w") as archive:
            archive.writestr("config.json", "{}")
    elif content:
        Path("mine.keras").write_bytes(content)
    with pytest.raises(ConfigError, match=r"benchmarks\.onto\.start: .*mine\.keras") as error:
        resolve.resolve_all(_config({"from": "mine.keras", "train": "head"}))
    assert why in str(error.value)
    assert "model.save('FILE.keras')" in str(error.value)


def test_a_file_of_layers_that_are_not_kerass_own_runs_no_code_of_theirs(tmp_path):
    """A Lambda layer holds Python code, which safe mode does not load."""
    image = keras.Input((4,))
    keras.Model(image, keras.layers.Lambda(lambda x: 2 * x)(image)).save(tmp_path / "code.keras")
    with pytest.raises(NoStart, match=r"code\.keras cannot be loaded in safe mode"):
        saved_parts(tmp_path / "code.keras")
