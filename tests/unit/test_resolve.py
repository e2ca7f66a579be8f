"""From params to trials: every name is checked, every mistake told at once, and an id changes with what matters."""

import copy

import keras
import pytest

from archbench import code, resolve
from archbench.augmentations import AUGMENTATIONS
from archbench.config import ConfigError, Range, check_config
from archbench.datasets.card import Card

VALUES = {
    "pipeline": "toy",
    "seeds": [3, 4],
    "training": {"epochs": 5, "schedule": "cosine"},
    "datasets": {"digits": {"size": 16}, "adding": None},
    "benchmarks": {
        "one": {"architecture": "lenet5", "dataset": "digits", "parts": {"activation": "relu"}},
        "two": {"architecture": "vae", "dataset": "digits", "preprocessing": "rescale", "seeds": [9]},
    },
    "studies": {
        "rates": {
            "base": {"architecture": "lenet5", "dataset": "digits"},
            "trials": 3,
            "epochs": 2,
            "arms": {
                "momentum": {
                    "optimizer": "momentum",
                    "space": {"momentum": {"low": 0.01, "high": 0.5, "log": True, "one_minus": True}},
                }
            },
        }
    },
}


def _config(path="seeds", value=(3, 4)):
    """VALUES with what stands at the key `path` replaced."""
    values = here = copy.deepcopy(VALUES)
    *way, last = path.split(".")
    for key in way:
        here = here.setdefault(key, {})
    here[last] = value
    return check_config(values)


def _mistakes(path, value):
    with pytest.raises(ConfigError) as caught:
        resolve.resolve_all(_config(path, value))
    return str(caught.value)


def test_what_is_not_given_comes_from_training():
    plans = resolve.resolve_all(_config())
    one, two = plans["one"], plans["two"]
    assert (one.seeds, two.seeds) == ((3, 4), (9,))
    assert one.settings["epochs"] == 5
    assert one.settings["schedule"] == {"name": "cosine"}
    assert one.settings["task"] == {"name": "classification"}
    assert two.settings["task"] == {"name": "reconstruction"}
    assert one.settings["parts"] == {"activation": {"name": "relu"}}
    assert one.settings["clip"] is None
    named = {role: entry.name for role, entry in one.entries.items()}
    assert named == {
        "architecture": "lenet5",
        "task": "classification",
        "loss": "cross_entropy",
        "optimizer": "adam",
        "schedule": "cosine",
        "preprocessing": "standardize",
        "activation": "relu",
        "normalization": "none",
        "initializer": "xavier_uniform",
        "regularizer": "none",
    }


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("benchmarks.one.architecture", "lenet6", "benchmarks.one.architecture: No architecture is called 'lenet6'."),
        ("benchmarks.one.architecture", "lenet6", "Did you mean lenet5"),
        (
            "benchmarks.one.architecture",
            {"name": "lenet5", "unit": 3},
            "benchmarks.one.architecture: architecture 'lenet5' has no option 'unit'. Did you mean units?",
        ),
        (
            "benchmarks.one.architecture",
            {"name": "lenet5", "units": "many"},
            "benchmarks.one.architecture: architecture 'lenet5': units cannot be 'many'.",
        ),
        (
            "benchmarks.one.architecture",
            {"name": "lenet5", "parts": {"activation": "relu"}},
            "benchmarks.one.architecture: parts are no option of 'lenet5': write them beside `architecture`",
        ),
        (
            "benchmarks.one.dataset",
            "digit",
            "one.dataset: params.yaml has no data set 'digit'. Did you mean digits?",
        ),
        ("benchmarks.one.optimizer", "adan", "benchmarks.one.optimizer: No optimizer is called 'adan'."),
        (
            "benchmarks.one.optimizer",
            {"name": "adam", "learning_rate": -1},
            "benchmarks.one.optimizer: optimizer 'adam': learning_rate cannot be -1. Input should be greater than 0.",
        ),
        (
            "benchmarks.one.optimizer",
            {"name": "adam", "beta1": 0.9},
            "benchmarks.one.optimizer: optimizer 'adam' has no option 'beta1'. Did you mean beta_1?",
        ),
        ("training.optimizer", "adan", "benchmarks.one.optimizer: No optimizer is called 'adan'."),
        ("benchmarks.one.schedule", "cosin", "benchmarks.one.schedule: No schedule is called 'cosin'."),
        (
            "benchmarks.one.schedule",
            {"name": "cosine", "warmup_epochs": 5},
            "benchmarks.one.schedule: A warm-up of 5 epochs leaves nothing of a run of 5.",
        ),
        (
            "benchmarks.one.schedule",
            {"name": "cosine", "warmup_epochs": "two"},
            "benchmarks.one.schedule: schedule 'cosine': warmup_epochs cannot be 'two'.",
        ),
        (
            "benchmarks.one.schedule",
            {"name": "piecewise", "epochs": [1, 2], "factors": [0.1]},
            "benchmarks.one.schedule: piecewise needs rising `epochs` and as many `factors`",
        ),
        (
            "benchmarks.one.schedule",
            {"name": "piecewise", "epochs": [1]},
            "benchmarks.one.schedule: schedule 'piecewise' needs the option factors.",
        ),
        ("benchmarks.one.task", "classify", "benchmarks.one.task: No task is called 'classify'."),
        ("benchmarks.one.preprocessing", "norm", "benchmarks.one.preprocessing: No preprocessor is called 'norm'."),
        ("benchmarks.one.augmentation", ["flip", "flop"], "benchmarks.one.augmentation.1: No augmentation is called"),
        ("benchmarks.one.parts.activation", "rely", "benchmarks.one.parts: No activation is called 'rely'."),
        (
            "benchmarks.two.parts",
            {"normalization": "batch"},
            "benchmarks.two.parts: vae has no place for another normalization",
        ),
        (
            "benchmarks.two.preprocessing",
            "standardize",
            "benchmarks.two.preprocessing: 'standardize' does not go with the task 'reconstruction'. Choose 'rescale'.",
        ),
        ("benchmarks.two.preprocessing", None, "benchmarks.two.preprocessing: 'standardize' does not go with"),
        ("datasets.digits", {"sze": 16}, "datasets.digits: dataset 'digits' has no option 'sze'. Did you mean size?"),
        ("datasets.digit", None, "datasets.digit: No dataset is called 'digit'. Did you mean digits"),
        (
            "studies.rates.arms.momentum.space.beta_1",
            {"low": 0.1, "high": 0.2},
            "studies.rates.arms.momentum.space.beta_1: momentum has no number of this name to tune. "
            "It has: learning_rate, momentum.",
        ),
        (
            "studies.rates.arms.momentum.space.momentum",
            {"low": 0.5, "high": 1.5},
            "studies.rates.arms.momentum.space.momentum: optimizer 'momentum': momentum cannot be 1.5.",
        ),
        (
            "studies.rates.arms.momentum.space.momentum",
            {"low": 0.0, "high": 0.5, "one_minus": True},
            "studies.rates.arms.momentum.space.momentum: optimizer 'momentum': momentum cannot be 1.0.",
        ),
        (
            "studies.rates.arms.momentum.space",
            {"parts.regularizer.strength": {"low": 0.1, "high": 0.2}},
            "space.parts.regularizer.strength: the arm names no parts.regularizer, so it has no strength to tune.",
        ),
        (
            "studies.rates.arms.momentum.space",
            {"clip.norm": {"low": 0.1, "high": 0.2}},
            "space.clip.norm: the arm clips by no norm, so there is no limit to tune. Give it clip: {norm: 1}.",
        ),
        (
            "studies.rates.arms.momentum.space",
            {"parts.dropout": {"low": 0.1, "high": 1}},
            "space.parts.dropout: dropout is 1.0. It must be a share from 0 to less than 1",
        ),
        (
            "studies.rates.arms.momentum.space",
            {"batch_size": {"low": 8, "high": 16}},
            "space.batch_size: batch_size cannot be 8.0. Give the range `integer: true`",
        ),
        (
            "studies.rates.arms.momentum.space",
            {"batch_size": {"choices": [8, "many"]}},
            "space.batch_size: batch_size cannot be 'many'. Give the range `integer: true`",
        ),
        (
            "studies.rates.arms.momentum.space",
            {"learning_rate": {"choices": [0.1, -0.1]}},
            "space.learning_rate: optimizer 'momentum': learning_rate cannot be -0.1. Input should be greater than 0.",
        ),
        (
            "studies.rates.arms.momentum.space",
            {"parts.activation": {"choices": ["relu", "rely"]}},
            "studies.rates.arms.momentum.space.parts.activation: No activation is called 'rely'. Did you mean relu",
        ),
        (
            "studies.rates.arms.momentum.space",
            {"parts.activation": {"choices": ["relu", 3]}},
            "space.parts.activation: parts.activation cannot be 3. Give names, or mappings with a name and options.",
        ),
        (
            "studies.rates.arms.momentum.space",
            {"parts.activation": {"low": 0.1, "high": 1}},
            "space.parts.activation: 'parts.activation' cannot be tuned. A name alone is",
        ),
        (
            "studies.rates.arms.momentum.space",
            {"parts.activation": {"choices": ["relu", "maxout"]}, "parts.activation.pieces": {"choices": [2, 3]}},
            "space.parts.activation.pieces: it stands inside parts.activation, which is tuned as a whole. Leave one of",
        ),
        (
            "studies.rates.arms.momentum.space",
            {"architecture.maps": {"choices": [[6, 16], [6, 0]]}},
            "space.architecture.maps: architecture 'lenet5': maps cannot be [6, 0]. At place 2: Input should be",
        ),
        (
            "studies.rates.arms.momentum.space",
            {"architecture.name": {"choices": ["lenet5", "mlp"]}},
            "space.architecture.name: 'architecture.name' is no option of lenet5. What is another architecture is",
        ),
        (
            "studies.rates.arms.momentum.space",
            {"architecture.parts": {"choices": [{"activation": "relu"}, {"activation": "tanh"}]}},
            "space.architecture.parts: 'architecture.parts' is no option of lenet5.",
        ),
        (
            "studies.rates.arms.momentum.space",
            {"task.loss": {"choices": ["cross_entropy", "crossed"]}},
            "space.task.loss: No loss is called 'crossed'.",
        ),
        (
            "studies.rates.arms.momentum.space",
            {"dataset.size": {"low": 8, "high": 16}},
            "space.dataset.size: 'dataset.size' cannot be tuned. A name alone is a number of the optimizer;",
        ),
        (
            "benchmarks.two.augmentation",
            ["mixup"],
            "benchmarks.two.augmentation.0: 'mixup' does not go with the task 'reconstruction'. It goes with:",
        ),
        ("studies.rates.arms.momentum.optimizer", "sg", "studies.rates.arms.momentum.optimizer: No optimizer is"),
        ("studies.rates.base.dataset", "iris", "studies.rates.arms.momentum.dataset: params.yaml has no data set"),
    ],
)
def test_a_name_that_is_not_there_is_told_with_its_key(path, value, says):
    assert says in _mistakes(path, value)


def test_mistakes_in_several_places_are_told_together():
    values = copy.deepcopy(VALUES)
    values["datasets"]["digit"] = None
    values["benchmarks"]["one"] |= {"optimizer": "adan", "schedule": "cosin", "dataset": "no", "parts": {"dropout": 0}}
    values["benchmarks"]["two"] |= {"architecture": "vea", "preprocessing": "norm"}
    values["studies"]["rates"]["arms"]["momentum"]["space"] = {"a": {"low": 0, "high": 1}, "b": {"low": 0, "high": 1}}
    with pytest.raises(ConfigError) as caught:
        resolve.resolve_all(check_config(values))
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == [
        "datasets.digit",
        "benchmarks.one.optimizer",
        "benchmarks.one.schedule",
        "benchmarks.one.dataset",
        "benchmarks.two.preprocessing",
        "benchmarks.two.architecture",
        "studies.rates.arms.momentum.space.a",
        "studies.rates.arms.momentum.space.b",
    ]


def test_a_benchmark_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(ConfigError, match=r"params\.yaml has no benchmark 'three'\. It has: one, two"):
        resolve.resolve(_config(), "three")


def _id(config, seed=3, sha256="abc"):
    return resolve.resolve(config, "one").trial_settings(seed, sha256)["id"]


def test_the_id_of_a_trial_is_the_same_every_time_and_does_not_hang_on_other_benchmarks():
    assert _id(_config()) == _id(_config())
    assert _id(_config()) == _id(_config("benchmarks.two.epochs", 77)) == _id(_config("studies", {}))
    assert _id(_config()) == _id(_config("seeds", [3])) == _id(_config("training.checkpoint_seconds", 1))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("pipeline", "other"),
        ("training.epochs", 6),
        ("training.batch_size", 8),
        ("training.xla", "off"),
        ("training.precision", "mixed_bfloat16"),
        ("training.clip", {"norm": 1}),
        ("training.early_stopping", {"patience": 3}),
        ("training.average", {"decay": 0.9}),
        ("training.steps_per_call", 7),
        ("training.augmentation", ["flip"]),
        ("training.optimizer", {"name": "adam", "beta_1": 0.8}),
        ("benchmarks.one.schedule", "constant"),
        ("benchmarks.one.preprocessing", "none"),
        ("benchmarks.one.parts.activation", "gelu"),
        ("benchmarks.one.architecture", {"name": "lenet5", "units": [9]}),
        ("benchmarks.one.task", {"name": "classification", "loss": "focal"}),
    ],
)
def test_the_id_of_a_trial_changes_with_every_setting(path, value):
    assert _id(_config(path, value)) != _id(_config())


def test_the_id_of_a_trial_changes_with_seed_and_data():
    assert len({_id(_config()), _id(_config(), seed=4), _id(_config(), sha256="abd")}) == 3


def test_the_id_of_a_trial_hangs_on_the_backend(monkeypatch):
    before = _id(_config())
    monkeypatch.setattr(keras.backend, "backend", lambda: "another")
    assert _id(_config()) != before


@pytest.mark.parametrize(
    ("architecture", "task", "expected"),
    [
        ("googlenet", None, {"name": "classification", "auxiliary_weight": 0.3}),
        ("inception_v3", None, {"name": "classification", "auxiliary_weight": 0.4}),
        ("inception_v3", "classification", {"name": "classification", "auxiliary_weight": 0.4}),
        (
            "inception_v3",
            {"name": "classification", "auxiliary_weight": 0.1},
            {"name": "classification", "auxiliary_weight": 0.1},
        ),
        ("linear_svm", None, {"name": "classification", "loss": "multiclass_hinge"}),
        ("linear_svm", {"name": "classification", "loss": "focal"}, {"name": "classification", "loss": "focal"}),
        ("lenet5", None, {"name": "classification"}),
    ],
)
def test_a_benchmark_has_the_task_options_of_its_architectures_paper(architecture, task, expected):
    benchmark = {"architecture": architecture, "dataset": "digits", **({"task": task} if task else {})}
    assert resolve.resolve(_config("benchmarks.one", benchmark), "one").settings["task"] == expected


def test_the_id_of_a_trial_changes_with_its_code_and_with_no_other(monkeypatch):
    """A changed file is one that digests to something else."""
    before, digest = _id(_config()), code.digest

    def changed(module):
        path = code.path_of(module)
        monkeypatch.setattr(code, "digest", lambda paths: digest(paths) + ("x" if path in set(paths) else ""))
        return _id(_config())

    for module in (
        "archbench.architectures.vision.lenet5",
        "archbench.activations.rectified",
        "archbench.initializers.scaled",
        "archbench.tasks.classification",
        "archbench.losses.entropy",
        "archbench.training.fit",
        "archbench.parts",
    ):
        assert changed(module) != before, module
    for module in (
        "archbench.architectures.vision.vgg",
        "archbench.tasks.detection",
        "archbench.figures.curves",
        "archbench.page.report",
        "archbench.tracking.sync",
        "archbench.sweeps.study",
        "archbench.cli.app",
        "archbench.augmentations.geometry",
    ):
        assert changed(module) == before, module


@pytest.mark.parametrize(
    ("settings", "space", "says"),
    [
        (
            {"batch_size": 71},
            {},
            "benchmarks.one.batch_size: a batch of 71 is larger than the training split of 'dots'",
        ),
        (
            {"batch_size": 8},
            {"batch_size": {"low": 8, "high": 128, "integer": True}},
            "benchmarks.one.space.batch_size: a batch of 128 is larger than the training split of 'dots', which has 70 "
            "examples. Choose at most 70.",
        ),
    ],
)
def test_a_batch_larger_than_the_data_is_told_with_its_key(settings, space, says):
    card = Card("dots", "", "", "image", {}, {"train": 70, "validation": 10, "test": 10})
    ranges = {key: Range.model_validate(value) for key, value in space.items()}
    with pytest.raises(ConfigError) as caught:
        resolve.check_batch("benchmarks.one", {"dataset": "dots", **settings}, ranges, card)
    assert says in str(caught.value)
    resolve.check_batch("benchmarks.one", {"dataset": "dots", "batch_size": 70}, {}, card)


# Augmentations and what labels mean

SCENES = {
    "multi_task": {"name": "multi_task", "heads": ["present", "count"]},
    "multi_task of colors": {"name": "multi_task", "heads": ["color"]},
    **{
        name: {"name": name}
        for name in ("classification", "binary", "multi_label", "overlapping_capsules", "detection", "segmentation")
    },
    **{name: {"name": name} for name in ("verification", "triplets")},
}
ANY = ("affine", "color", "crop", "cutout", "elastic", "flip", "rotation", "scale", "shift")
GOES = {
    "classification": (*ANY, "label_smoothing", "mixup"),
    "binary": ANY,
    "multi_task of colors": ANY,
    "multi_task": ("color", "flip"),
    "multi_label": ("color", "flip"),
    "overlapping_capsules": (),
    "verification": ANY,
    "triplets": ANY,
    "detection": tuple(name for name in ANY if name not in ("cutout", "elastic")),
    "segmentation": tuple(name for name in ANY if name != "cutout"),
}
"""What changes no label, or changes it with the picture; all else takes away, hides or alters what a label tells of."""


@pytest.mark.parametrize("named", SCENES)
def test_an_augmentation_that_makes_labels_wrong_is_refused_with_what_would_do(named):
    task, kind = SCENES[named], SCENES[named]["name"]
    mistakes = {}
    for entry in AUGMENTATIONS:
        values = copy.deepcopy(VALUES)
        values["benchmarks"] = {"one": {**VALUES["benchmarks"]["one"], "task": task, "augmentation": [entry.name]}}
        values["benchmarks"]["one"]["preprocessing"] = "rescale"
        try:
            resolve.resolve_all(check_config(values))
        except ConfigError as error:
            mistakes[entry.name] = str(error)
    assert set(mistakes) == {entry.name for entry in AUGMENTATIONS} - set(GOES[named])
    for name, says in mistakes.items():
        assert f"benchmarks.one.augmentation.0: '{name}' does not go with the task '{kind}'" in says.splitlines()[0]
        if name not in ("mixup", "label_smoothing"):
            assert says.endswith(f"Choose among: {', '.join(GOES[named]) or 'none, which is []'}.")


def test_the_labels_that_would_be_wrong_are_named():
    says = _mistakes("benchmarks.one", {**VALUES["benchmarks"]["one"], "task": "multi_task", "augmentation": ["crop"]})
    assert "the labels present, count would still tell of what was there before" in says
