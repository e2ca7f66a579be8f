"""Choices in a space: what every sampler makes of them, what a controller learns from, and what is told of them."""

import csv
import json
import math
from collections import Counter

import numpy as np
import optuna
import pytest
import toys
import yaml
from optuna.trial import TrialState

from archbench import code, resolve, sources
from archbench.config import Choices, Range, Study, check_config, name_of_choice
from archbench.page.figures import Gallery
from archbench.page.study_figures import study_figures
from archbench.records import run_folder
from archbench.results.importance import importances
from archbench.results.studies import read_study
from archbench.sweeps import budget, gaussian_process, reinforce, space, storage
from archbench.sweeps import study as sweeps
from archbench.sweeps.benches import Benches
from archbench.sweeps.study import ArmPlan
from archbench.training import machine
from archbench.training.run import Pace

optuna.logging.set_verbosity(optuna.logging.WARNING)
LEAKY = {"name": "leaky_relu", "slope": 0.1}
UNITS = Choices(choices=[[4], [8], [16, 8]])
ACTIVATION = Choices(choices=["tanh", "relu", LEAKY])
BATCH = Choices(choices=[8, 16, 32])
CELLS = {"architecture.units": UNITS, "parts.activation": ACTIVATION, "batch_size": BATCH}
RATE = Range(low=1e-3, high=0.1, log=True)
MLP = {"architecture": {"name": "mlp", "units": [4]}, "parts": {}, "augmentation": [], "epochs": 2}
WORTH = {"[4]": 0.0, "[8]": 0.3, "[16, 8]": 0.1, "tanh": 0.0, "relu": 0.05, "8": 0.1, "16": 0.0, "32": 0.2}


def _study(searched=CELLS, **changes) -> Study:
    values = {"base": {"architecture": "mlp", "dataset": "stripes"}, "trials": 12, "epochs": 2, "pruner": "none"}
    arm = {"optimizer": "sgd", "space": {key: given.model_dump() for key, given in searched.items()}}
    return Study.model_validate({**values, "workers": 1, **changes, "arms": {"sgd": arm}})


def _plan(study, seeds=(0,), name="sgd") -> ArmPlan:
    settings = {**MLP, "optimizer": {"name": "sgd"}, "benchmark": f"cells/{name}"}
    return ArmPlan(name, study.space_of("sgd"), [toys.settings(**settings, seed=s) for s in seeds], study.sampler)


def _search(study, journal, benches):
    sweeps.open_arms(study, journal, ["sgd"], True)
    sweeps.search_arm(_plan(study), study, benches, journal, "sgd", True, (0, 1))


def _trials(journal, trials=12):
    return budget.counted(optuna.load_study(study_name="sgd", storage=storage.open_storage(journal)), trials)


class Scripted:
    """Trials that end at once, in place of benches and training: the value follows from what was chosen."""

    def __init__(self):
        self.trained = []

    def check_room(self):
        """There always is."""

    def run(self, study, asked, benches, folds):
        for trial, settings in asked:
            chosen = (settings["architecture"]["units"], settings["parts"].get("activation"), settings["batch_size"])
            self.trained.append(chosen)
            trial.set_user_attr("seconds", 0.0)
            study.tell(trial, sum(WORTH.get(name_of_choice(one), 0.2) for one in chosen))


@pytest.fixture
def scripted(monkeypatch):
    script = Scripted()
    monkeypatch.setattr(sweeps, "run_trials", script.run)
    return script


@pytest.fixture
def journal(tmp_path, monkeypatch):
    monkeypatch.delenv("OPTUNA_STORAGE", raising=False)
    return tmp_path / "cells.journal"


# What is drawn


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("relu", "relu"),
        ({"name": "relu"}, "relu"),
        (LEAKY, '{"name": "leaky_relu", "slope": 0.1}'),
        (3, "3"),
        (3.0, "3"),
        (0.001, "0.001"),
        ((6, 16), "[6, 16]"),
        (True, "true"),
        (None, "null"),
    ],
)
def test_a_choice_is_known_by_one_line_and_what_means_the_same_by_the_same(value, name):
    assert name_of_choice(value) == name


def test_what_is_drawn_is_a_name_and_means_the_value():
    drawn = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask(space.distributions(CELLS)).params
    meant = space.values_of(drawn, CELLS)
    assert all(isinstance(name, str) for name in drawn.values())
    assert [meant[key] in given.choices for key, given in CELLS.items()] == [True] * 3
    assert [name_of_choice(meant[key]) for key in CELLS] == [drawn[key] for key in CELLS]


@pytest.mark.parametrize(
    ("searched", "default"),
    [
        (CELLS, {"architecture.units": "[4]", "parts.activation": "relu", "batch_size": "16"}),
        ({"architecture.units": Choices(choices=[[2], [3]]), "batch_size": BATCH}, {"batch_size": "16"}),
        ({"learning_rate": Choices(choices=[0.1, 0.01])}, {"learning_rate": "0.01"}),
        ({"parts.normalization": Choices(choices=["batch", {"name": "none"}])}, {"parts.normalization": "none"}),
        ({"nesterov": Choices(choices=[True, False])}, {}),
    ],
)
def test_the_papers_choice_comes_first_and_what_is_none_of_them_is_drawn(searched, default):
    settings = toys.settings(**MLP, optimizer={"name": "sgd"})
    assert space.paper_default(searched, settings) == default


def test_the_papers_option_is_a_choice_though_the_settings_do_not_name_it():
    settings = toys.settings(**{**MLP, "architecture": {"name": "lenet5"}})
    maps = {"architecture.maps": Choices(choices=[[4, 8], [6, 16]])}
    assert space.paper_default(maps, settings) == {"architecture.maps": "[6, 16]"}


@pytest.mark.parametrize(
    ("searched", "trials", "each"),
    [
        (CELLS, 5, [3, 3, 3]),
        ({"batch_size": BATCH, "learning_rate": RATE}, 2, [3, 1]),
        ({"batch_size": BATCH, "learning_rate": RATE}, 7, [3, 3]),  # seven trials are three batches of three rates
        ({"batch_size": BATCH, "learning_rate": RATE, "momentum": RATE}, 12, [3, 2, 2]),
    ],
)
def test_a_grid_has_every_choice_and_as_few_numbers_as_fill_the_budget(searched, trials, each):
    assert [len(values) for values in space.grid(searched, trials).values()] == each


@pytest.mark.parametrize(
    ("searched", "sampler", "trials", "points"),
    [
        (CELLS, "reinforce", 40, 27),
        (CELLS, "tpe", 9, 9),
        (CELLS, "grid", 40, 27),
        ({"batch_size": BATCH, "learning_rate": RATE}, "random", 40, 40),
    ],
)
def test_choices_have_so_many_distinct_points(searched, sampler, trials, points):
    assert space.distinct_points(searched, sampler, trials) == points


# Samplers


@pytest.mark.parametrize("sampler", ["random", "grid", "tpe", "gp", "reinforce"])
def test_every_sampler_spends_its_budget_on_real_values_the_same_each_time(journal, scripted, tmp_path, sampler):
    study, again = _study(sampler=sampler), tmp_path / "again.journal"
    for place in (journal, again):
        _search(study, place, scripted)
        _search(study, place, scripted)  # there is nothing left to do
    trials = _trials(journal)
    assert [trial.params for trial in trials] == [trial.params for trial in _trials(again)]
    assert len(trials) == 12
    for units, activation, batch in scripted.trained:
        assert (units in UNITS.choices, batch in BATCH.choices) == (True, True)
        assert activation in ({"name": "tanh"}, {"name": "relu"}, LEAKY)
    if sampler == "grid":
        assert len({str(trial.params) for trial in trials}) == 12
    else:
        assert trials[0].params == space.paper_default(CELLS, _plan(study).trials[0])
        _search(_study(sampler=sampler, seed=1), tmp_path / "other.journal", scripted)
        assert [t.params for t in _trials(tmp_path / "other.journal")] != [t.params for t in trials]


@pytest.mark.parametrize("sampler", ["reinforce", "gp", "grid"])
def test_a_journal_that_was_cut_anywhere_goes_on_to_the_same_choices(journal, scripted, sampler):
    study = _study(sampler=sampler)
    _search(study, journal, scripted)
    whole, content = [(t.params, t.value) for t in _trials(journal)], journal.read_bytes()
    for cut in (7, 150, 400, len(content) // 2, len(content) * 4 // 5):
        journal.write_bytes(content[:-cut])
        _search(study, journal, scripted)
        assert [(t.params, t.value) for t in _trials(journal)] == whole, cut


def test_a_longer_search_begins_as_the_shorter_one(journal, scripted, tmp_path):
    """The controller of a trial knows the turns before it, whatever else an earlier sweep left behind."""
    _search(_study(sampler="reinforce"), journal, scripted)
    _search(_study(sampler="reinforce", trials=5), tmp_path / "short.journal", scripted)
    assert [t.params for t in _trials(journal, 5)] == [t.params for t in _trials(tmp_path / "short.journal", 5)]


@pytest.mark.parametrize("sampler", ["reinforce", "random", "tpe"])
def test_a_cell_is_trained_once(journal, scripted, sampler):
    few = {"batch_size": BATCH, "parts.activation": Choices(choices=["relu", "tanh"])}
    _search(_study(few, sampler=sampler, trials=20), journal, scripted)
    trials = _trials(journal, 20)
    assert set(Counter(map(str, scripted.trained)).values()) == {1}
    fresh = [trial for trial in trials if "same_as" not in trial.user_attrs]
    assert len(fresh) == len(scripted.trained) <= 6
    for trial in trials:
        first = trials[trial.user_attrs.get("same_as", trial.user_attrs["turn"])]
        assert (trial.params, trial.value) == (first.params, first.value)


def test_a_process_compares_choices_by_which_one_is_taken():
    """Numbers stay where they were, in the middle; of two choices of three values every pair is as far apart."""
    both = [space.distribution(ACTIVATION), space.distribution(RATE)]
    names = list(ACTIVATION.by_name)
    assert [_through_the_unit_cube(both[0], name) for name in names] == names
    places = np.array([[(number + 0.5) / 3, 0.25] for number in range(3)])
    assert gaussian_process._points(both, places).tolist() == [[1, 0, 0, 0.25], [0, 1, 0, 0.25], [0, 0, 1, 0.25]]


def _through_the_unit_cube(one, name):
    return gaussian_process._from_unit(one, gaussian_process._to_unit(one, name))


def test_the_process_finds_the_choice_that_is_better():
    """After ten trials of which all with relu are best, it draws relu."""
    searched = {"parts.activation": ACTIVATION, "learning_rate": RATE}
    found = optuna.create_study(direction="maximize")
    for turn, name in enumerate([*ACTIVATION.by_name] * 3 + ["tanh"]):
        params = {"parts.activation": name, "learning_rate": 0.001 * (turn + 1)}
        trial = optuna.create_trial(
            params=params, distributions=space.distributions(searched), value=float(name == "relu")
        )
        found.add_trial(trial)
    sampler = gaussian_process.GaussianProcessSampler(space.distributions(searched), seed=0)
    drawn = sampler.sample_relative(found, None, space.distributions(searched))
    assert drawn["parts.activation"] == "relu"
    assert 1e-3 <= drawn["learning_rate"] <= 0.1


# What a controller learns from


@pytest.mark.parametrize(("maximize", "sign"), [(True, 1), (False, -1)])
def test_a_controller_learns_from_the_trials_before_it_in_their_order(monkeypatch, maximize, sign):
    """More is better, whatever the direction; what ended early is as bad as the worst before; later turns are left."""
    learned = []
    monkeypatch.setattr(reinforce.Controller, "learn", lambda self, *one: learned.append(one))
    found = optuna.create_study(direction="maximize" if maximize else "minimize")
    ends = [
        (3, "8", TrialState.COMPLETE, sign * 0.4, {}),
        (0, "16", TrialState.PRUNED, None, {}),
        (1, "16", TrialState.COMPLETE, sign * 0.5, {}),
        (2, "32", TrialState.FAIL, None, {"diverged_at_step": 3}),
        (5, "32", TrialState.COMPLETE, sign * 0.7, {}),
        (4, "8", TrialState.FAIL, None, {}),  # killed
        (4, "8", TrialState.PRUNED, None, {}),
        (7, "8", TrialState.COMPLETE, sign * 0.8, {}),
    ]
    searched = space.distributions({"batch_size": BATCH})
    for turn, name, state, value, attributes in ends:
        found.add_trial(
            optuna.create_trial(
                params={"batch_size": name},
                distributions=searched,
                state=state,
                value=value,
                user_attrs={"turn": turn, **attributes},
            )
        )
    reinforce.ReinforceSampler(searched, 0, 7).sample_relative(found, None, searched)
    assert learned == [([1], 0.5), ([2], 0.5), ([0], 0.4), ([0], 0.4), ([2], 0.7)]


def test_a_controller_proposes_only_what_is_not_given():
    searched = space.distributions(CELLS)
    found = optuna.create_study(sampler=storage.fix({"batch_size": "32"}, reinforce.ReinforceSampler(searched, 0, 1)))
    assert found.ask(searched).params["batch_size"] == "32"


def test_a_proposal_hangs_on_the_seed_and_the_turn():
    searched = space.distributions({str(n): BATCH for n in range(8)})
    found = optuna.create_study()

    def proposed(seed, turn):
        return reinforce.ReinforceSampler(searched, seed, turn).sample_relative(found, None, searched)

    assert proposed(0, 1) == proposed(0, 1)
    assert proposed(0, 1) != proposed(0, 2)
    assert proposed(0, 1) != proposed(1, 1)


# What is told


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A study of two arms over networks, trained in earnest, and the folder of its tables."""
    folder = tmp_path_factory.mktemp("cells")
    cells = {"architecture.units": Choices(choices=[[4], [8]]), "parts.activation": Choices(choices=["relu", LEAKY])}
    base = {"architecture": "mlp", "dataset": "stripes"}
    study = Study.model_validate(
        {
            "base": base,
            "trials": 6,
            "epochs": 2,
            "pruner": "none",
            "space": {key: given.model_dump() for key, given in cells.items()},
            "arms": {"controller": {"sampler": "reinforce"}, "random": {"sampler": "random"}},
        }
    )
    prepared = toys.stripes()
    benches, plans = Benches(prepared, None), []
    for name, arm in study.arms.items():
        settings = {**MLP, "optimizer": {"name": "sgd"}, "benchmark": f"cells/{name}"}
        plans.append(ArmPlan(name, study.space_of(name), [toys.settings(**settings)], arm.sampler))
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("OPTUNA_STORAGE", raising=False)
            sweeps.open_arms(study, folder / "j.journal", [name], True)
            sweeps.search_arm(plans[-1], study, benches, folder / "j.journal", name, True, (0, 1))
            quiet = Pace(1e9, lambda *_: None)
            sweeps.finish_arm(plans[-1], study, benches, prepared, folder / "j.journal", name, True, folder, quiet)
    run_folder.write_yaml(folder / "settings.yaml", sweeps.record("cells", study, "paper", ""))
    run_folder.write_json(folder / "machine.json", machine.describe(False, "", "float32"))
    sweeps.write_tables(plans, study, folder / "j.journal", {name: name for name in study.arms}, True, folder)
    return folder


def test_tables_have_the_names_of_choices_and_settings_their_values(searched):
    rows = list(csv.DictReader((searched / "trials.csv").open(newline="")))
    names = {"relu", json.dumps(LEAKY)}
    assert {row["param_parts.activation"] for row in rows} <= names
    assert {row["param_architecture.units"] for row in rows} == {"[4]", "[8]"}
    best = yaml.safe_load((searched / "best.yaml").read_text())
    for arm, found in best.items():
        final = yaml.safe_load((searched / "final" / arm / "seed-0" / "settings.yaml").read_text())
        assert final["architecture"]["units"] == found["params"]["architecture.units"] in ([4], [8])
        assert final["parts"]["activation"] == {"relu": {"name": "relu"}}.get(
            name_of_choice(found["params"]["parts.activation"]), LEAKY
        )


def test_the_report_tells_the_network_and_the_setting_that_were_found(searched, tmp_path):
    study = read_study(searched, "cells", [0])
    best = yaml.safe_load((searched / "best.yaml").read_text())
    for arm in study.arms:
        chosen = best[arm.name]["params"]
        assert arm.setting == {key: name_of_choice(value) for key, value in chosen.items()}
        assert arm.network.startswith(f"mlp, units {chosen['architecture.units']} (units ")
    assert study.table().set_index("arm")["best_setting"].str.startswith("architecture.units [").all()
    assert {figure.file for figure in study_figures(Gallery(tmp_path), study)} >= {"study-cells-best-so-far.svg"}


def test_importance_takes_choices_for_what_they_are(searched):
    study = read_study(searched, "cells", [0])
    study.trials["value"] = np.where(study.trials["param_architecture.units"] == "[4]", 0.1, 0.9)
    shares = importances(study)
    assert set(shares) == {"architecture.units", "parts.activation", "arm"}
    assert shares["architecture.units"] > 0.9
    assert sum(shares.values()) == pytest.approx(1)


def test_names_that_a_table_would_take_for_nothing_or_numbers_are_read_as_they_are(searched, tmp_path):
    rows = (searched / "trials.csv").read_text().replace(",relu\n", ",null\n")
    settings = yaml.safe_load((searched / "settings.yaml").read_text())
    settings["space"]["parts.activation"]["choices"][0] = None
    settings["space"]["architecture.units"]["choices"] = [4, 8]
    (tmp_path / "machine.json").write_text((searched / "machine.json").read_text())
    (tmp_path / "settings.yaml").write_text(yaml.safe_dump(settings))
    (tmp_path / "trials.csv").write_text(rows.replace("[4]", "4").replace("[8]", "8"))
    study = read_study(tmp_path, "cells", [0])
    assert set(study.trials["param_parts.activation"]) <= {"null", json.dumps(LEAKY)}
    assert study.trials["param_architecture.units"].map(float).isin([4.0, 8.0]).all()
    assert not any(math.isnan(share) for share in importances(study).values())


# What an arm is made of


def test_a_study_hangs_on_the_code_of_all_that_it_may_choose():
    base = {"architecture": "mlp", "dataset": "digits"}
    study = {"base": base, "trials": 2, "epochs": 1, "arms": {"one": {}}}
    values = {"pipeline": "toy", "datasets": {"digits": {}}, "benchmarks": {}, "studies": {"cells": study}}
    for choices, there in ((["relu", "leaky_relu"], False), (["relu", "tanh"], True)):
        study["space"] = {"parts.activation": {"choices": choices}}
        config = check_config(values)
        names = {path.name for path in resolve.resolve_arm(config, "cells", "one").code_files}
        listed = sources.lists(config, code.PACKAGE.parents[1] / "pipelines")["sweep/cells.txt"]
        assert ("saturating.py" in names, "activations/saturating.py" in listed) == (there, there)
