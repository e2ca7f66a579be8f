"""The measurements: both sides do the same work, and the table says what was measured."""

import csv
import re
import statistics

import keras
import numpy as np
import pytest

from archbench import resolve
from archbench.config import Arm, ConfigError, Speed, check_config
from archbench.datasets import prepare
from archbench.errors import UserError
from archbench.project import Folders
from archbench.results.xla import COMPILED
from archbench.speed import run, steps, sweep, tracking, words
from archbench.speed.pairs import Pair, interleave, row
from archbench.speed.steps import Bare
from archbench.speed.training import OurFit, PlainFit
from archbench.speed.workshop import Site, cifar_like, digits, workbench
from archbench.training.run import Workbench

BACKEND = keras.backend.backend()
OTHER = "jax" if BACKEND == "tensorflow" else "tensorflow"
TINY = {"architecture": {"name": "lenet5", "maps": [4, 6], "units": [16, 12]}, "batch_size": 32}


EMPTY = check_config({"pipeline": "tour", "datasets": {}, "benchmarks": {}})


@pytest.fixture
def folders(tmp_path):
    return Folders(tmp_path, "tour")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return workbench(TINY, digits(16, 32, tmp_path_factory.mktemp("digits")))


def replace_cases(monkeypatch, **rates):
    """Cases that only say which rates they measured."""

    def case(name, ours):
        pair = Pair([ours] * 5, [2.0] * 5)
        return lambda site: [row(name, "images/s", pair, "a note")]

    monkeypatch.setattr(run, "CASES", {name: case(name, ours) for name, ours in rates.items()})


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return {(line["backend"], line["case"]): line for line in csv.DictReader(file)}


def test_sides_run_in_turn_and_the_warm_up_is_not_counted():
    calls = []

    def side(name):
        numbers = iter(range(1, 100))
        return lambda: calls.append(name) or float(next(numbers))

    pair = interleave(side("ours"), side("baseline"), 5)
    assert calls == ["ours", "baseline"] * 6
    assert list(pair.ours) == list(pair.baseline) == [2.0, 3.0, 4.0, 5.0, 6.0]


def test_ratio_is_that_of_the_medians_and_the_note_holds_the_spread():
    line = row("a", "images/s", Pair([10.0, 80.0, 9.0, 12.0, 11.0], [2.0, 1.0, 4.0, 5.0, 90.0]), "what")
    assert (line["ours"], line["baseline"], line["ratio"], line["n"]) == (11.0, 4.0, 2.75, 5)
    assert "what; ours 9 to 80, baseline 1 to 90; load " in line["note"]


def test_fewer_than_five_repeats_are_refused():
    with pytest.raises(ValueError, match=r"at least 5\. Received: 4"):
        interleave(lambda: 1.0, lambda: 1.0, 4)
    with pytest.raises(ConfigError, match=r"speed\.repeats"):
        check_config({"pipeline": "p", "datasets": {}, "benchmarks": {}, "speed": {"repeats": 4}})


def test_tracking_that_halves_the_speed_costs_100_percent(monkeypatch, tmp_path):
    def measured(ours, baseline, repeats):
        ours.waits += [9.0, 1.0, 2.0, 3.0]  # the first is the warm-up's
        return Pair([50.0] * 5, [100.0] * 5)

    monkeypatch.setattr(tracking, "digits", lambda *_: None)
    monkeypatch.setattr(tracking, "workbench", lambda *_: (None, {}))
    monkeypatch.setattr(tracking, "enough_epochs", lambda *_: 7)
    monkeypatch.setattr(tracking, "interleave", measured)
    (line,) = tracking.cost(Site(Speed(), tmp_path, EMPTY, Folders(tmp_path, "tour")))
    assert line["ratio"] == 0.5
    assert "tracking costs 100.0 % of a run of about 60 s (7 epochs), of which the wait" in line["note"]
    assert "is 2.0 s" in line["note"]


def test_a_partial_run_keeps_the_other_rows(monkeypatch, folders):
    replace_cases(monkeypatch, first=4.0, second=6.0)
    path = run.measure(EMPTY, folders)
    assert path == folders.runs / "speed.csv"
    replace_cases(monkeypatch, first=10.0, second=20.0)
    run.measure(EMPTY, folders, ["second"])
    table = read(path)
    assert {key: float(line["ratio"]) for key, line in table.items()} == {
        (BACKEND, "first"): 2.0,
        (BACKEND, "second"): 10.0,
    }
    for line in table.values():
        assert float(line["ratio"]) == float(line["ours"]) / float(line["baseline"])


def test_rows_of_the_other_backend_stay(monkeypatch, folders):
    replace_cases(monkeypatch, first=4.0)
    path = run.measure(EMPTY, folders)
    text = path.read_text().replace(f"first,{BACKEND}", f"first,{OTHER}")
    path.write_text(text)
    run.measure(EMPTY, folders)
    assert set(read(path)) == {(BACKEND, "first"), (OTHER, "first")}


def test_rows_that_share_a_measurement_are_replaced_together(monkeypatch, folders):
    pair = Pair([4.0] * 5, [2.0] * 5)
    for names in (("xla-unet", "xla-vae"), ("xla-vae",)):
        rows = [row(name, "steps/s", pair, "") for name in names]
        monkeypatch.setattr(run, "CASES", {"xla": lambda site, rows=rows: rows})
        path = run.measure(EMPTY, folders)
    assert set(read(path)) == {(BACKEND, "xla-vae")}


def test_an_unknown_measurement_is_answered_with_the_known_ones(folders):
    with pytest.raises(UserError, match=r"'swep'\. Did you mean sweep\?"):
        run.measure(EMPTY, folders, ["swep"])
    assert not folders.runs.exists()


def test_the_report_takes_the_columns(folders):
    from archbench.results.gathered import SPEED_COLUMNS

    assert set(SPEED_COLUMNS) <= set(row("a", "images/s", Pair([1.0] * 5, [1.0] * 5), ""))


def test_both_sides_take_the_same_steps_on_the_same_data_and_learn(tiny):
    bench, settings = tiny
    ours, plain = OurFit(bench, settings, 3), PlainFit(bench, settings, 3)
    assert ours() > 0
    assert plain() > 0
    train = bench.prepared.splits["train"]
    examples = len(train["label"])
    assert examples % 32 == 0
    assert plain.steps == ours.history[-1]["step"] == 3 * examples // 32
    np.testing.assert_array_equal(plain.train[0], train["image"].astype("float32"))
    np.testing.assert_array_equal(plain.train[1], train["label"])
    assert plain.history["loss"][-1] < 0.8 * plain.history["loss"][0]
    assert ours.history[-1]["train_loss"] < 0.8 * ours.history[0]["train_loss"]
    # The same recipe from the same weights: the epochs differ only in their shuffles.
    assert plain.history["loss"][-1] == pytest.approx(ours.history[-1]["train_loss"], rel=0.2)


def test_each_repeat_starts_from_the_same_weights(tiny):
    bench, settings = tiny
    plain = PlainFit(bench, settings, 1)
    losses, steps = [], []
    for _ in range(2):
        plain()
        losses.append(plain.history["loss"][0])
        steps.append(plain.steps)
    assert steps[0] == steps[1]
    assert losses[1] > statistics.mean(losses) * 0.8  # a second epoch would be far below the first


def test_cifar_like_data_have_the_shape_of_cifar(tmp_path):
    prepared = cifar_like(20, 10, tmp_path)
    assert prepared.card.input_shape == (32, 32, 3)
    assert prepared.card.split_sizes == {"train": 20, "validation": 10, "test": 10}
    assert prepared.card.label_counts["label"]["train"]["classes"] == [2] * 10


def test_the_plain_sweep_trains_the_points_of_ours(tmp_path, monkeypatch):
    ours = sweep.OurSweep(tmp_path / "project", 1)
    digits(16, 32, tmp_path / "data")
    prepared = tmp_path / "project" / "data" / "prepared" / "speed"
    prepared.mkdir(parents=True)
    (tmp_path / "data" / "digits").rename(prepared / "digits")
    points = {"adam": [{"learning_rate": 0.002}], "momentum": [{"learning_rate": 0.05}]}
    ours.outcomes.append(sweep.Outcome(10.0, 5.0, points))
    seen = []
    real = sweep.trial

    def spy(benchmark, prepared):
        seen.append(benchmark["optimizer"])
        return real(benchmark, prepared)

    monkeypatch.setattr(sweep, "trial", spy)
    monkeypatch.setattr(sweep, "EPOCHS", 2)
    monkeypatch.chdir(tmp_path)
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'plain.db'}")
    plain = sweep.PlainSweep(ours)
    assert plain() > 0
    mlflow.set_tracking_uri(None)
    assert [(one["name"], one["learning_rate"]) for one in seen] == [("adam", 0.002), ("momentum", 0.05)]
    assert all(losses[-1] < losses[0] for losses in plain.losses)


def test_the_swept_project_reads_as_params(tmp_path):
    study = check_config(sweep._params(6)).studies["speed"]
    assert (study.trials, study.epochs, study.workers, study.pruner) == (6, 4, 2, "none")
    assert {name: (arm.optimizer, arm.space) for name, arm in study.arms.items()} == {
        name: (Arm.model_validate(arm).optimizer, arm.space) for name, arm in sweep.ARMS.items()
    }


@pytest.mark.skipif(BACKEND == "jax", reason="JAX compiles with XLA alone")
def test_a_benchmark_is_measured_with_xla_and_without(tmp_path):
    folders = Folders(tmp_path, "small")
    config = check_config(
        {
            "pipeline": "small",
            "seeds": [4],
            "datasets": {"digits": {"size": 16}},
            "benchmarks": {"tiny": {**TINY, "dataset": "digits"}, "other": {**TINY, "dataset": "digits"}},
            "speed": {"xla": ["tiny"]},
        }
    )
    prepare.prepare({"name": "digits", "size": 16}, "digits", folders.prepared / "digits", folders.raw)
    (measured,) = read(run.measure(config, folders, ["xla"])).values()
    assert (measured["case"], measured["unit"], measured["n"]) == ("xla-tiny", "steps/s", "5")
    on, off = map(float, COMPILED.search(measured["note"]).groups())
    assert on > 0
    assert off > 0
    assert float(measured["ratio"]) == float(measured["ours"]) / float(measured["baseline"])


@pytest.mark.parametrize("key", ["xla", "steps"])
@pytest.mark.parametrize(("slug", "says"), [("lenet", "no benchmark 'lenet'"), ("near", "fitted at once")])
def test_what_cannot_be_measured_is_refused_with_its_key(slug, says, key):
    config = check_config(
        {
            "pipeline": "small",
            "datasets": {"digits": {"size": 16}},
            "benchmarks": {"near": {"architecture": "knn", "dataset": "digits"}},
            "speed": {key: [slug]},
        }
    )
    with pytest.raises(ConfigError, match=rf"speed\.{key}: .*{says}"):
        resolve.resolve_all(config)


def test_steps_are_measured_beside_a_bare_loop_and_fit(tmp_path, monkeypatch):
    monkeypatch.delenv("ARCHBENCH_REFERENCE_PYTHON", raising=False)  # beside PyTorch: test_in_torch.py
    measured = []
    monkeypatch.setattr(
        steps, "Bare", lambda bench, settings, batches: measured.append(settings) or Bare(bench, settings, batches)
    )
    folders = Folders(tmp_path, "small")
    others = {"optimizer": "momentum", "augmentation": ["flip"], "clip": {"value": 1}}
    config = check_config(
        {
            "pipeline": "small",
            "seeds": [4],
            "datasets": {"digits": {"size": 16}},
            "benchmarks": {"tiny": {**TINY, "dataset": "digits", **others}},
            "speed": {"steps": ["tiny"], "minimum_seconds": 0.05},
        }
    )
    prepare.prepare({"name": "digits", "size": 16}, "digits", folders.prepared / "digits", folders.raw)
    bare, fit = read(run.measure(config, folders, ["steps"])).values()
    assert measured[0]["optimizer"] == {"name": "adam", "learning_rate": 1e-4}  # which every side has
    assert (measured[0]["augmentation"], measured[0]["clip"]) == ([], None)
    assert (bare["case"], fit["case"]) == ("steps-tiny", "steps-tiny-fit")
    assert "baseline: a bare loop" in bare["note"]
    assert "baseline: keras.Model.fit" in fit["note"]
    for line in (bare, fit):
        assert (line["unit"], line["n"]) == ("steps/s", "5")
        assert 0 < float(re.search(r"; (\d+)% of the pace", line["note"])[1]) <= 100


def test_all_sides_of_the_steps_make_the_same_weights(tiny):
    """As many steps of each, at one rate on the same batches: what differs is how they are driven, not what they do."""
    bench, settings = tiny
    settings = {**settings, "optimizer": {"name": "momentum", "learning_rate": 1e-4}}
    bench = Workbench(settings, bench.prepared)
    ours = steps.Ours(bench, settings, 9)
    batches = ours.batches()
    assert len(batches) == 9
    bare, fit = steps.Bare(bench, settings, batches), steps.Fit(bench, settings, batches)
    fresh = [np.array(w) for w in bench.program.learner.model.get_weights()]
    learners = [bench.program.learner, bare.learner, fit.learner]
    for side in (ours, bare, fit):
        side()
    theirs, *others = [learner.model.get_weights() for learner in learners]
    assert max(np.abs(a - b).max() for a, b in zip(theirs, fresh, strict=True)) > 1e-4
    for weights in others:
        for one, other in zip(weights, theirs, strict=True):
            np.testing.assert_allclose(one, other, atol=2e-6)


def test_pairs_of_words_are_made_at_once_and_word_by_word_of_the_same_text():
    """Both sides say how many words a second they read; the frequencies are Zipf's."""
    tokens = words.text(50, 4, 16)
    counts = np.bincount(words.text(50, 400, 16).ravel(), minlength=54)
    assert counts[:4].sum() == 0
    assert counts[4] / counts[5] == pytest.approx(2, rel=0.2)
    task = words.task_of(tokens, 50)
    assert words.Compiled(task, tokens, 2)() > 0
    assert words.WordByWord(task, tokens)() > 0
    assert "word-pairs" in run.CASES
