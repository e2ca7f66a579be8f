"""Kinds of trials one after the other and side by side, on JAX: `both_ways.py FILE KIND...` writes what they leave."""

import json
import sys
import tempfile
from pathlib import Path

import optuna
import toys
from keras import ops

from archbench.config import Arm, Study
from archbench.datasets import store
from archbench.datasets.prepare import prepare
from archbench.datasets.store import Prepared
from archbench.sweeps import budget, storage, tables
from archbench.sweeps import study as sweeps
from archbench.sweeps.benches import Benches
from archbench.tasks import task
from archbench.tasks.base import Task
from archbench.training import feed
from archbench.training.build import build_task

RATE = {"low": 1e-3, "high": 0.3, "log": True}
MASS = {"low": 0.01, "high": 0.5, "log": True, "one_minus": True}
TRIALS = 4
TOGETHER = 3
"""So the last group is not full."""
FOLDS = 2
BOUND = 0.02
"""A score above it stops the trial, where trials are stopped: from the second epoch on, or at any fold."""
PLAIN = {
    **toys.LSTM,
    "architecture": {"name": "mlp", "units": [8]},  # its score is a mean of squares, which tells the smallest change
    "epochs": 3,
    "batch_size": 8,  # eight steps an epoch, in chunks of three of which the last is filled up
    "steps_per_call": 3,
}
MOMENTUM = {"optimizer": "momentum", "space": {"learning_rate": RATE, "momentum": MASS}}
WILD = {**MOMENTUM, "space": {"learning_rate": {"low": 1.0, "high": 30.0, "log": True}}}
TUNED = {
    "optimizer": "adam",
    "space": {
        "learning_rate": RATE,
        "parts.regularizer.strength": {"low": 1e-4, "high": 1.0, "log": True},
        "parts.dropout": {"low": 0.1, "high": 0.7},
        "clip.norm": {"low": 0.01, "high": 1.0, "log": True},
    },
}
PARTS = {"regularizer": {"name": "l2", "strength": 0.01}, "dropout": 0.25}
HELD = {"normalization": {"name": "batch"}, "regularizer": {"name": "max_norm", "limit": 1.0}}
DEVIATION = {"parts.initializer.deviation": {"low": 1e-3, "high": 30.0, "log": True}}
AUTOENCODER = {**toys.VAE, "augmentation": [{"name": "shift", "pixels": 1}]}
LENET = {**toys.SETTINGS, **PLAIN, **{name: toys.SETTINGS[name] for name in ("architecture", "task", "preprocessing")}}
KINDS = {
    "numbers of the optimizer": {"arm": MOMENTUM, "study": {"trials": 5}},  # the last group has two
    "initial weights": {
        "arm": {"optimizer": "momentum", "space": DEVIATION},
        "settings": {"parts": {"initializer": {"name": "small_normal"}}},
    },
    "schedules": {
        "arm": {"optimizer": "momentum", "space": {"learning_rate": RATE, "schedule.drop": {"low": 0.1, "high": 0.9}}},
        "settings": {"schedule": {"name": "reduce_on_plateau", "patience": 1, "least_gain": 0.01}, "epochs": 5},
    },
    "stopped early": {
        "arm": MOMENTUM,
        "settings": {"epochs": 8, "early_stopping": {"patience": 1, "least_gain": 0.002}},
    },
    "averaged weights": {"arm": MOMENTUM, "settings": {"average": {"decay": 0.9}}},
    "pruned": {"arm": MOMENTUM, "settings": {"epochs": 5}, "study": {"pruner": "median"}},
    "folds": {"arm": MOMENTUM, "study": {"folds": FOLDS}},
    "pruned in folds": {"arm": MOMENTUM, "study": {"folds": FOLDS, "pruner": "successive_halving"}},
    "a loss as the score": {"arm": MOMENTUM, "settings": AUTOENCODER, "data": "stripes"},
    "diverging": {"arm": WILD, "settings": AUTOENCODER, "data": "stripes"},
    "diverging in folds": {"arm": WILD, "settings": AUTOENCODER, "data": "stripes", "study": {"folds": FOLDS}},
    "numbers of the parts and the clipping": {
        "arm": TUNED,
        "settings": {"parts": PARTS, "clip": {"norm": 1.0}},
    },
    "running statistics and weights held after each step": {
        "arm": {"optimizer": "momentum", "space": {"parts.regularizer.limit": {"low": 0.05, "high": 2.0}}},
        "settings": {"parts": HELD},
    },
    "convolutions": {"arm": MOMENTUM, "settings": LENET, "data": "stripes"},
    "half precision": {"arm": MOMENTUM, "settings": {"precision": "mixed_float16"}},
    "streamed sequences": {
        "arm": MOMENTUM,
        "settings": {"architecture": {"name": "lstm", "units": 4}, "resident_megabytes": 0},
    },
    "sequences of uneven length": {
        "arm": {**MOMENTUM, "optimizer": "adam", "space": {"learning_rate": RATE}},
        "settings": {
            "architecture": {"name": "bahdanau", "units": 7, "embedding": 5, "alignment": 6, "maxout": 4},
            "task": {"name": "translation", "buckets": 2},
        },
        "data": "dates",
    },
    "what is carried from batch to batch": {"arm": MOMENTUM, "settings": {"task": {"name": "running"}}},
}
"""Kind of trial -> its arm, its settings beside `PLAIN`, the study's own, and its data."""


class Running(Task):
    """Foretells the mean of the targets so far, each half as much as the one after it: what it carries."""

    monitor, maximize, needs, carry, predict_every = "loss", False, ("target",), {"mean": (1,)}, 0

    def outputs(self):
        return 1

    def losses(self, net, batch, seed):
        net.carried["mean"] = (net.carried["mean"] + batch["target"]) / 2
        return {"loss": ops.square(net(batch["sequence"]) - net.carried["mean"])[:, 0]}


def _dates(folder: Path) -> Prepared:
    prepare({"name": "dates", "examples": 100}, "dates", folder / "dates", folder / "raw")
    return store.load(folder / "dates")


def both(kind: dict, benches: Benches, prepared: Prepared, folder: Path) -> list[dict]:
    """What the trials of a study leave behind one after the other, and side by side."""
    arm = Arm.model_validate(kind["arm"])
    changes = {**PLAIN, **kind.get("settings", {}), "optimizer": arm.optimizer.spec, "benchmark": "ways/arm"}
    plan = sweeps.ArmPlan("arm", arm.space, [toys.settings(**changes)], "random")
    maximize = build_task(plan.trials[0], prepared.card).maximize
    found = []
    for together in (1, TOGETHER):
        journal = folder / f"{together}.journal"
        base = {"architecture": "mlp", "dataset": "stripes"}
        values = {"base": base, "trials": TRIALS, "epochs": 1, "pruner": "none", "arms": {"arm": kind["arm"]}}
        study = Study.model_validate({**values, "side_by_side": together, **kind.get("study", {})})
        sweeps.search_arm(plan, study, benches, journal, "ways", maximize, (0, 1))
        found.append(_left_behind(plan, optuna.load_study(study_name="ways", storage=storage.open_storage(journal))))
    return found


def _left_behind(plan: sweeps.ArmPlan, study: optuna.Study) -> dict:
    counted = budget.counted(study, len(study.trials))
    trials, history = tables.trial_rows([plan], {"arm": counted})
    return {
        "trials": trials,
        "history": history,
        "folds": tables.fold_rows({"arm": counted}),
        "diverged_at_step": [trial.user_attrs.get("diverged_at_step") for trial in counted],
    }


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # Optuna's pruners look at the trials that ended before, which are others where several are asked for at once.
    storage._PRUNERS["median"] = lambda: optuna.pruners.ThresholdPruner(upper=BOUND, n_warmup_steps=2)
    storage._PRUNERS["successive_halving"] = lambda: optuna.pruners.ThresholdPruner(upper=BOUND)
    feed.EVALUATION_VALUES = 1  # 30 validation examples in batches of 8, of which the last is filled up
    task("running", smoke="mlp", source="made up")(Running)  # in this process alone: contracts walk the catalogue
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        made = {"stripes": toys.stripes, "sums": toys.sums, "dates": lambda: _dates(Path(folder))}
        used = {KINDS[name].get("data", "sums") for name in sys.argv[2:]}
        data = {name: made[name]() for name in used}
        shared = {name: Benches(prepared, FOLDS) for name, prepared in data.items()}
        for number, name in enumerate(sys.argv[2:]):
            kind = KINDS[name]
            used = kind.get("data", "sums")
            found[name] = both(kind, shared[used], data[used], Path(folder, f"kind-{number}"))
    Path(sys.argv[1]).write_text(json.dumps(found), encoding="utf-8")
