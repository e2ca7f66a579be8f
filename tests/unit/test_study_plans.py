"""What an arm of a study is given, what its name in the storage hangs on, and what it does not."""

import copy

import keras
import pytest

from archbench import code, resolve, stages
from archbench.config import Arm, Benchmark, Changes, ConfigError, Range, Study, Training, check_config
from archbench.datasets.prepare import prepare
from archbench.project import Folders

VALUES = {
    "pipeline": "toy",
    "seeds": [3, 4],
    "datasets": {"digits": {"size": 8}, "wine": None},
    "recipes": {"nothing": {}},
    "benchmarks": {"other": {"architecture": "lenet5", "dataset": "digits"}},
    "studies": {
        "rates": {
            "base": {"architecture": "mlp", "dataset": "digits", "parts": {"activation": "tanh", "dropout": 0.2}},
            "trials": 3,
            "epochs": 2,
            "space": {"learning_rate": {"low": 0.01, "high": 0.5, "log": True}},
            "arms": {
                "momentum": {"optimizer": "momentum", "parts": {"initializer": "he_normal", "dropout": 0.4}},
                "plain": {},
                "other": {"optimizer": "sgd", "sampler": "random"},
            },
        }
    },
}
OTHER, RATES = VALUES["benchmarks"]["other"], VALUES["studies"]["rates"]
STUDY = "studies.rates"
ARM = f"{STUDY}.arms.plain"
RANGE = f"{STUDY}.space.learning_rate"

CHANGES = {
    "pipeline": "another",
    "seeds": [5, 4],
    "training.xla": "off",
    "training.precision": "mixed_bfloat16",
    "training.preprocessing": "rescale",
    "training.augmentation": ["flip"],
    "training.optimizer": "sgd",
    "training.schedule": "cosine",
    "training.batch_size": 16,
    "training.clip": {"norm": 1},
    "training.early_stopping": {"patience": 2},
    "training.average": {"decay": 0.9},
    "training.micro_batch": 2,
    "training.devices": 2,
    "training.resident_megabytes": 7,
    "training.steps_per_call": 7,
    f"{STUDY}.base.architecture": {"name": "mlp", "units": [7]},
    f"{STUDY}.base.dataset": "wine",
    f"{STUDY}.base.seeds": [9],
    f"{STUDY}.epochs": 3,
    f"{STUDY}.folds": 4,
    f"{STUDY}.sampler": "random",
    f"{STUDY}.pruner": "none",
    f"{STUDY}.side_by_side": 2,
    f"{STUDY}.seed": 1,
    f"{ARM}.architecture": {"name": "mlp", "units": [7]},
    f"{ARM}.sampler": "random",
    f"{ARM}.space": {"learning_rate": {"low": 0.02, "high": 0.5}},
    f"{RANGE}.low": 0.02,
    f"{RANGE}.high": 0.4,
    f"{RANGE}.log": False,
    f"{RANGE}.one_minus": True,
    RANGE: {"low": 1, "high": 2, "integer": True},
    **{
        f"{where}.{name}": value
        for where in (f"{STUDY}.base", ARM)
        for name, value in {
            "task": {"name": "classification", "loss": "focal"},
            "parts.activation": "gelu",
            "parts.normalization": "batch",
            "parts.initializer": "he_uniform",
            "parts.regularizer": {"name": "l2", "strength": 0.1},
            "parts.dropout": 0.3,
            "parts.spatial_dropout": True,
            "xla": "off",
            "precision": "mixed_bfloat16",
            "preprocessing": "rescale",
            "augmentation": ["flip"],
            "optimizer": "sgd",
            "schedule": "cosine",
            "batch_size": 16,
            "clip": {"norm": 1},
            "early_stopping": {"patience": 2},
            "average": {"decay": 0.9},
            "micro_batch": 2,
            "devices": 1,
        }.items()
    },
}
"""Key -> another value: the trials of the arm `plain` are then others."""

KEPT = {
    "seeds": [3],
    "training.epochs": 99,
    "training.checkpoint_seconds": 1.0,
    "training.tracking_seconds": 1.0,
    "benchmarks": {},
    "report.title": "another",
    f"{STUDY}.base.seeds": [3, 8],
    f"{STUDY}.base.scale": "small",
    f"{STUDY}.base.recipe": "nothing",
    f"{ARM}.recipe": "nothing",
    f"{ARM}.scale": "small",
    f"{STUDY}.trials": 30,
    f"{STUDY}.workers": 7,
    f"{STUDY}.arms.other": {"optimizer": "adam"},
    f"{STUDY}.arms.new": {"optimizer": "adam"},
}
"""Key -> another value: the trials that ended stay what they are."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Prepared data of every pipeline and data set that is named above."""
    root = tmp_path_factory.mktemp("project")
    for pipeline in ("toy", "another"):
        here = Folders(root, pipeline)
        prepare({"name": "digits", "size": 8}, "digits", here.prepared / "digits", here.raw)
    here = Folders(root, "toy")
    prepare({"name": "wine"}, "wine", here.prepared / "wine", here.raw)
    return here


@pytest.fixture(autouse=True)
def _jax(monkeypatch):
    """On the backend where every setting may be given, and with code that is read in no time."""
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    monkeypatch.setattr(code, "digest", lambda files: "code")


def _config(path="seeds", value=(3, 4), **study):
    values = here = copy.deepcopy(VALUES)
    values["studies"]["rates"] |= study
    *way, last = path.split(".")
    for key in way:
        here = here.setdefault(key, {})
    here[last] = value
    return check_config(values)


def _arms(folders, *change, **study):
    """The plans of all arms, and their identities in the storage."""
    config = _config(*change, **study)
    folders = Folders(folders.root, config.pipeline)
    plans = stages._arm_plans(config, folders, "rates")
    return {plan.name: plan for plan in plans}, {
        plan.name: stages._identity(config.studies["rates"], plan) for plan in plans
    }


@pytest.mark.parametrize("path", CHANGES)
def test_the_identity_of_an_arm_changes_with_every_setting_of_its_trials(folders, path):
    assert _arms(folders, path, CHANGES[path])[1]["plain"] != _arms(folders)[1]["plain"]


def test_the_identity_of_an_arm_changes_with_the_data(folders):
    names = set()
    for size in (8, 9):
        prepare({"name": "digits", "size": size}, "digits", folders.prepared / "digits", folders.raw)
        names.add(_arms(folders)[1]["plain"])
    assert len(names) == 2


@pytest.mark.parametrize("module", ["archbench.sweeps.trial", "archbench.sweeps.space", "archbench.datasets.folds"])
def test_the_identity_of_an_arm_changes_with_the_code_of_sweeping(folders, monkeypatch, module):
    before, file = _arms(folders)[1]["plain"], code.path_of(module)
    monkeypatch.setattr(code, "digest", lambda files: "another" if file in files else "code")
    assert _arms(folders)[1]["plain"] != before


@pytest.mark.parametrize("path", KEPT)
def test_the_identity_of_an_arm_stays_where_its_trials_do(folders, path):
    assert _arms(folders, path, KEPT[path])[1]["plain"] == _arms(folders)[1]["plain"]


def test_a_longer_study_has_another_grid(folders):
    names = [_arms(folders, sampler="grid", trials=trials)[1]["plain"] for trials in (3, 9)]
    assert names[0] != names[1]


def test_every_setting_either_changes_the_name_or_is_known_not_to():
    """A new setting stands in neither table until somebody decides."""
    decided = {*CHANGES, *KEPT}
    elsewhere = {
        *(f"{STUDY}.{name}" for name in ("arms", "cross", "space")),  # one by one above, or arms by another name
        *(f"{STUDY}.base.{name}" for name in ("epochs", "keep_every", "start", "expect", "beats")),  # refused
        f"{RANGE}.integer",
    }
    for where, model in (
        ("training", Training),
        (f"{STUDY}.base", Benchmark),
        (f"{STUDY}.base", Changes),
        (STUDY, Study),
        (ARM, Arm),
        (RANGE, Range),
    ):
        for name in model.model_fields:
            path = f"{where}.{name}"
            assert path in elsewhere or any(one == path or one.startswith(f"{path}.") for one in decided), path


# What an arm is given


def test_an_arm_keeps_the_parts_of_the_base_that_it_does_not_name(folders):
    plans, _ = _arms(folders)
    activation, initializer = {"name": "tanh"}, {"name": "he_normal"}
    assert plans["plain"].trials[0]["parts"] == {"activation": activation, "dropout": 0.2}
    assert plans["momentum"].trials[0]["parts"] == {
        "activation": activation,
        "initializer": initializer,
        "dropout": 0.4,
    }


def test_an_arm_may_be_another_network_of_its_own_size(folders):
    """The base's words on its size do not go with it, nor does a task that it does not name."""
    other = {"architecture": {"name": "mlp", "units": [7]}}
    for arm, words in ((other, ()), ({**other, "scale": "shrunk"}, ("shrunk",))):
        study = {"base": {**RATES["base"], "scale": "small"}, "arms": {"plain": {}, "other": arm}}
        plans, _ = _arms(folders, **study)
        trial, plain = plans["other"].trials[0], plans["plain"].trials[0]
        pixels = f"{plans['other'].shape[0]} pixels"
        scale = ", ".join(["units [7]", pixels, *words])
        assert (trial["architecture"], trial["scale"]) == (other["architecture"], scale)
        assert (plain["architecture"]["name"], plain["scale"]) == ("mlp", f"{pixels}, small")


def test_architectures_may_be_an_axis(folders):
    cross = {"architecture": {"flat": "softmax_regression", "deep": "mlp"}, "optimizer": {"sgd": "sgd", "adam": "adam"}}
    values = copy.deepcopy(VALUES)
    values["studies"]["rates"] |= {"base": {"architecture": "mlp", "dataset": "digits"}, "cross": cross}
    del values["studies"]["rates"]["arms"]
    config = check_config(values)
    made = {arm: resolve.resolve_arm(config, "rates", arm).settings for arm in config.studies["rates"].arms}
    assert {arm: one["architecture"]["name"] for arm, one in made.items()} == {
        "flat-sgd": "softmax_regression",
        "flat-adam": "softmax_regression",
        "deep-sgd": "mlp",
        "deep-adam": "mlp",
    }


@pytest.mark.parametrize(
    ("arm", "why"),
    [
        ({"architecture": "vae"}, "arms.other.task: reconstruction is judged by loss, the first arm by accuracy"),
        ({"architecture": "knn"}, "arms.other.architecture: knn is fitted at once"),
        ({"architecture": "mpl"}, "arms.other.architecture: No architecture is called 'mpl'"),
        ({"architecture": {"name": "mlp", "width": 3}}, "arms.other.architecture: "),
    ],
)
def test_an_arm_of_a_network_that_cannot_be_compared_is_refused(arm, why):
    base = {"architecture": "mlp", "dataset": "digits", "preprocessing": "rescale"}
    values = copy.deepcopy(VALUES)
    values["studies"]["rates"] |= {"base": base, "arms": {"plain": {}, "other": arm}}
    with pytest.raises(ConfigError) as error:
        resolve.resolve_all(check_config(values))
    assert f"studies.rates.{why}" in str(error.value)


def test_an_arm_has_its_own_sampler_or_the_studys(folders):
    samplers = {name: plan.sampler for name, plan in _arms(folders, sampler="gp")[0].items()}
    assert samplers == {"momentum": "gp", "plain": "gp", "other": "random"}


def test_an_arms_range_wins_over_the_studys_and_the_others_stay(folders):
    own = {"learning_rate": {"low": 0.1, "high": 0.2}, "parts.dropout": {"low": 0.1, "high": 0.6}}
    plans, _ = _arms(folders, f"{ARM}.space", own)
    assert {key: (one.low, one.high) for key, one in plans["plain"].space.items()} == {
        "learning_rate": (0.1, 0.2),
        "parts.dropout": (0.1, 0.6),
    }
    assert [one.low for one in plans["momentum"].space.values()] == [0.01]


@pytest.mark.parametrize(("given", "seeds"), [(None, [3, 4]), ([7, 8, 9], [7, 8, 9])])
def test_the_best_setting_trains_over_the_seeds_of_the_base_or_the_pipelines(folders, given, seeds):
    plans, _ = _arms(folders, f"{STUDY}.base.seeds", given)
    for plan in plans.values():
        assert [trial["seed"] for trial in plan.trials] == seeds


OWN = {name: CHANGES[f"{ARM}.{name}"] for name in resolve.SETTINGS_FROM_TRAINING if name != "epochs"}
TRAINING = {
    "xla": "on",
    "precision": "mixed_float16",
    "preprocessing": "none",
    "augmentation": [],
    "optimizer": "adamw",
    "schedule": "constant",
    "batch_size": 64,
    "clip": {"value": 1},
    "early_stopping": {"patience": 5},
    "average": {"decay": 0.99},
    "micro_batch": 4,
    "devices": 2,
}
BASE = {
    "xla": "auto",
    "precision": "float32",
    "preprocessing": "standardize",
    "augmentation": ["shift"],
    "optimizer": "nadam",
    "schedule": {"name": "cosine", "warmup_epochs": 1},
    "batch_size": 8,
    "clip": {"global_norm": 1},
    "early_stopping": {"patience": 4},
    "average": {"decay": 0.999},
    "micro_batch": 8,
    "devices": 4,
}


@pytest.mark.parametrize("name", OWN)
def test_an_arms_own_setting_wins_over_the_bases_and_that_over_trainings(folders, name):
    def resolved(arm, base):
        values = copy.deepcopy(VALUES)
        values["training"] = TRAINING
        values["studies"]["rates"] |= {"base": {**RATES["base"], **base}}
        values["studies"]["rates"]["arms"] = {"plain": arm, "bare": {}}
        plan = resolve.resolve_arm(check_config(values), "rates", "plain")
        return plan.settings[name]

    wanted = [resolved({}, {}), resolved({}, {name: BASE[name]}), resolved({name: OWN[name]}, {name: BASE[name]})]
    for value, given in zip(wanted, (TRAINING[name], BASE[name], OWN[name]), strict=True):
        assert _plain(value) == _plain(given)
    assert len({str(_plain(value)) for value in wanted}) == 3
    values = copy.deepcopy(VALUES)
    values["training"], values["benchmarks"]["other"] = TRAINING, {**OTHER, name: BASE[name]}
    own = resolve.resolve(check_config(values), "other")
    assert _plain(own.settings[name]) == _plain(BASE[name])


def _plain(value):
    """A setting without what only its defaults add."""
    if isinstance(value, str):
        return {"name": value} if value not in ("auto", "on", "off") and "float" not in value else value
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return {key: one for key, one in value.items() if key != "least_gain"} if isinstance(value, dict) else value


def test_the_epochs_of_a_trial_are_the_studys(folders):
    plans, _ = _arms(folders, "training.epochs", 77)
    assert {trial["epochs"] for plan in plans.values() for trial in plan.trials} == {2}


# What the report expects


def test_the_report_looks_for_the_seeds_that_each_study_and_benchmark_has(monkeypatch, tmp_path):
    from archbench.page import report

    config = check_config(
        {
            **VALUES,
            "benchmarks": {"other": OTHER, "one": {**OTHER, "seeds": [6]}},
            "studies": {"rates": RATES, "own": {**RATES, "base": {**RATES["base"], "seeds": [7, 8]}}},
        }
    )
    asked = []
    monkeypatch.setattr(stages, "open_pipeline", lambda: (config, Folders(tmp_path, "toy")))
    monkeypatch.setattr(report, "write_report", lambda *arguments, tell: asked.append(arguments[-1]))
    stages.report()
    assert asked[0].study_seeds == {"rates": (3, 4), "own": (7, 8)}
    assert asked[0].seeds == {"other": (3, 4), "one": (6,)}
