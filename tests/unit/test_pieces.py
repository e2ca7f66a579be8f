"""Steps in pieces: the same step as on the whole batch, found where memory is short, refused where it is another."""

import os
import subprocess
import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import toys
from keras import ops
from test_resolve import VALUES

from archbench import resolve
from archbench.config import ConfigError, check_config
from archbench.records.run_folder import read_json
from archbench.results.recipes import describe_recipe
from archbench.sweeps import trial as trial_module
from archbench.training import pieces
from archbench.training.checkpoint import Progress
from archbench.training.pieces import NotInPieces, OutOfMemory
from archbench.training.run import Pace, Workbench, run_benchmark
from archbench.training.split import Split

STRIPES, SQUARES = toys.stripes(), toys.squares()
PLAIN = {
    "architecture": {"name": "mlp", "units": [8]},
    "parts": {},
    "augmentation": [],
    "optimizer": {"name": "sgd", "learning_rate": 0.5},
}
WEIGHTED = {**PLAIN, "task": {"name": "weighted"}}
CASES = {
    "plain": PLAIN,
    "with XLA": {**PLAIN, "xla": "on"},
    "a penalty of the weights": {**PLAIN, "parts": {"regularizer": {"name": "l2", "strength": 0.05}}},
    "clipped": {**PLAIN, "clip": {"global_norm": 0.1}},
    "float16 with loss scaling": {**PLAIN, "precision": "mixed_float16"},
    "adam, averaged": {**PLAIN, "optimizer": {"name": "adam", "learning_rate": 0.01}, "average": {"decay": 0.5}},
}


def trained(prepared=STRIPES, *, steps=3, weights=None, **changes):
    """The weights before and after so many steps, and what they logged, with each example's weight if given."""
    bench = Workbench(toys.settings(**changes), prepared)
    if weights is not None:
        _weigh(bench, weights)
    bench.start(toys.settings(**changes))
    before = bench.program.learner.read_state()
    feed, order = bench.training.feeds[0], np.arange(16 * steps).reshape(steps, 16)
    numbers = bench.start(toys.settings(**changes)).numbers
    rate = float(ops.convert_to_numpy(bench.program.learner.optimizer.learning_rate))
    logs = bench.program.train(feed.placed, order, steps, np.full(steps, rate), numbers, watched=True)
    return before, bench.program.learner.read_state(), logs


def _weigh(bench, weights):
    """Have each example count `weights[label]` in every mean."""
    task, losses = bench.task, bench.task.losses

    def weighed(net, batch, seed):
        return {**losses(net, batch, seed), "weight": ops.take(ops.convert_to_tensor(weights), batch["label"])}

    object.__setattr__(task, "losses", weighed)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("micro_batch", [1, 4, 8])
def test_a_step_in_pieces_is_the_step_on_the_batch(case, micro_batch):
    """Within float32's rounding; half of it in float16."""
    start, whole, logs = trained(**CASES[case])
    begun, found, told = trained(**CASES[case], micro_batch=micro_batch)
    toys.assert_same_bits(begun, start)
    close = 2e-3 if case.startswith("float16") else 2e-6
    moved = 0
    for before, ours, theirs in zip(start, found, whole, strict=True):
        np.testing.assert_allclose(ours.astype("float64"), theirs.astype("float64"), rtol=close, atol=close)
        moved += not np.array_equal(before, ours)
    assert moved > 3
    assert told.keys() == logs.keys()
    for name in ("loss", "accuracy", "gradient_norm", "weight_norm", "health_gradient_1", "health_update_1"):
        if name in logs:
            assert told[name] == pytest.approx(logs[name], rel=10 * close), name


def test_examples_count_by_their_weight_in_the_whole_batch():
    """Weights that differ from piece to piece: the mean of the pieces' own means would be another step."""
    weights = np.float32([0.1, 1.0, 7.0])
    _, whole, logs = trained(**PLAIN, weights=weights)
    _, found, told = trained(**PLAIN, weights=weights, micro_batch=2)
    _, unweighted, _ = trained(**PLAIN)
    for ours, theirs, plain in zip(found[:4], whole[:4], unweighted[:4], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-6, atol=2e-6)
        assert not np.allclose(ours, plain, rtol=1e-4, atol=1e-4)
    assert told["loss"] == pytest.approx(logs["loss"], rel=1e-6)


def test_a_batch_in_which_nothing_counts_moves_nothing():
    start, found, told = trained(**PLAIN, weights=np.zeros(3, "float32"), micro_batch=4)
    toys.assert_same_bits(found[:4], start[:4])
    assert (told["loss"], told["finite"]) == (0, 1)


@pytest.mark.parametrize("micro_batch", [1, 4, None])
def test_the_penalty_counts_once(micro_batch):
    """By hand: what it adds to a step of plain descent is rate strength weight."""
    changes = {**PLAIN, "micro_batch": micro_batch} if micro_batch else PLAIN
    start, penalized, _ = trained(**{**changes, "parts": {"regularizer": {"name": "l2", "strength": 0.05}}}, steps=1)
    _, without, _ = trained(**changes, steps=1)
    np.testing.assert_allclose(penalized[0] - without[0], -0.5 * 0.05 * start[0], rtol=1e-3, atol=1e-6)


def test_regions_are_drawn_and_learned_in_pieces():
    changes = {**toys.TWO_STAGES, "augmentation": [], "parts": {"normalization": {"name": "none"}}}
    start, found, told = trained(SQUARES, **changes, micro_batch=4)
    assert np.isfinite(told["loss"])
    assert any(not np.array_equal(a, b) for a, b in zip(start, found, strict=True))


def test_what_couples_the_examples_of_a_batch_is_refused():
    normalized = toys.settings(parts={"normalization": {"name": "batch"}}, micro_batch=4)
    with pytest.raises(NotInPieces, match=r"^Batch normalization makes the gradient .* Leave micro_batch out"):
        Workbench(normalized, STRIPES)
    bench = Workbench(toys.settings(), STRIPES)
    object.__setattr__(bench.task, "coupled", lambda arrays: True)
    with pytest.raises(NotInPieces, match=r"count by what the others are makes the gradient"):
        pieces.settle(bench.program, bench.training, toys.settings(micro_batch=4), {})
    object.__setattr__(bench.task, "coupled", lambda arrays: False)
    bench.program.learner.carried["state"] = keras.Variable(np.zeros((16, 2), "float32"))
    with pytest.raises(NotInPieces, match=r"carries a state from batch to batch"):
        pieces.settle(bench.program, bench.training, toys.settings(micro_batch=4), {})


def _resolved(values):
    config = check_config(values, "params.yaml")
    return [resolve.resolve(config, slug) for slug in config.benchmarks]


def refused(path, value, more=()):
    values = {**VALUES, "benchmarks": {name: {**one} for name, one in VALUES["benchmarks"].items()}}
    values["training"] = {**values.get("training", {}), "batch_size": 48, "micro_batch": value, **dict(more)}
    with pytest.raises(ConfigError) as caught:
        _resolved(values)
    assert path in str(caught.value)
    return str(caught.value)


def test_pieces_that_make_up_no_batch_are_refused_before_anything_runs():
    told = refused("micro_batch", 20)
    assert (
        "A batch of 48 is no whole number of pieces of 20. Choose a micro_batch that divides it, as 24, or auto" in told
    )
    for wrong in (0, "some", True, 2.5, [4]):
        told = refused("training.micro_batch", wrong)
        assert told.count("micro_batch") == 2
        assert f"micro_batch takes a whole number from 1 on, or auto. Given: {wrong!r}." in told
    assert "Leave micro_batch out" in refused("micro_batch", 16, {"optimizer": {"name": "batch_gd"}}.items())


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ({"choices": [8, 12, 18]}, "A batch of 18 is no whole number of pieces of 4."),
        ({"low": 8, "high": 10**9, "integer": True}, "A batch of 9 is no whole number of pieces of 4."),
    ],
)
def test_pieces_fit_every_batch_that_a_study_may_choose(sizes, told):
    study = {"base": {"architecture": "mlp", "dataset": "digits", "batch_size": 8, "micro_batch": 4}, "arms": {"a": {}}}
    study |= {"trials": 1, "epochs": 1, "space": {"batch_size": sizes}}
    config = check_config({**VALUES, "studies": {"sizes": study}}, "params.yaml")
    with pytest.raises(ConfigError) as caught:
        resolve.resolve_arm(config, "sizes", "a")
    assert f"studies.sizes.arms.a.space.batch_size: {told}" in str(caught.value)


def test_trials_side_by_side_that_do_not_fit_train_by_halves(monkeypatch, capsys):
    """Five of which two fit: two, and of the other three one and two; each from its beginning."""
    tried, room = [], 2

    def side_by_side(bench, settings, progress, after_epoch):
        tried.append([one["seed"] for one in settings])
        if len(settings) > room:
            raise out_of_memory("jax")
        assert all(one.epoch == 0 for one in progress)
        return [one["seed"] for one in settings]

    monkeypatch.setattr(trial_module, "fit_side_by_side", side_by_side)
    monkeypatch.setattr(trial_module, "fit", lambda *_, **__: tried.append("alone"))
    attempts = [trial_module._Attempt(None, {"seed": seed, "id": str(seed)}) for seed in range(5)]
    bench = SimpleNamespace(program=None, training=None, validation=None, start=lambda settings: None)
    trial_module._train(bench, attempts, lambda attempt: False)
    assert tried == [[0, 1, 2, 3, 4], [0, 1], [2, 3, 4], "alone", [3, 4]]
    assert [attempt.diverged for attempt in attempts] == [0, 1, None, 3, 4]
    assert "5 trials side by side do not fit in memory: 2 at a time" in capsys.readouterr().out


class Memory:
    """A device on which so many examples of a batch fit, which counts what was tried."""

    def __init__(self, program, room, error):
        self.tried, self._room, self._error, self._program = [], room, error, program
        self._train, self._answer = program.train, program.answer
        program.train = self.train

    def train(self, data, order, count, rates, numbers, *, watched=False):
        at_once = min(order.shape[1], self._program.micro_batch or order.shape[1])
        if count:
            self.tried.append(at_once)
            if at_once > self._room:
                raise self._error
        return self._train(data, order, count, rates, numbers, watched=watched)


def out_of_memory(backend):
    """The error that a backend raises, as its own code makes it."""
    if backend == "numpy":
        return MemoryError("Unable to allocate 7 GiB")
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor with shape[16,9]")
    import jax

    return jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 123 bytes.")


@pytest.mark.parametrize("backend", ["numpy", "tensorflow", "jax"])
def test_auto_finds_the_most_examples_that_fit_and_records_them(backend, tmp_path, monkeypatch):
    trial = toys.settings(**PLAIN, micro_batch="auto", batch_size=24, epochs=1)
    memories = []
    settle = pieces.settle

    def scarce(program, *rest):
        memories.append(Memory(program, 5, out_of_memory(backend)))
        settle(program, *rest)

    monkeypatch.setattr(pieces, "settle", scarce)
    run_benchmark([trial], STRIPES, tmp_path, Pace(1e9, lambda *_: None))
    (memory,) = memories
    assert memory.tried == [24, 12, 6, 3, 3]  # 24's divisors at most half of the one before; then the epoch
    assert read_json(tmp_path / "seed-0" / "metrics.json")["micro_batch"] == 3
    assert describe_recipe(trial) == "sgd at 0.5, cosine, 1 epoch, batch 24 in pieces that fit, no augmentation"
    assert "batch 24 in pieces of 8," in describe_recipe({**trial, "micro_batch": 8})
    assert "batch 24, " in describe_recipe({**trial, "micro_batch": 24})


def test_auto_takes_the_whole_batch_where_it_fits(tmp_path):
    trial = toys.settings(**PLAIN, micro_batch="auto", epochs=1)
    run_benchmark([trial], STRIPES, tmp_path / "auto", Pace(1e9, lambda *_: None))
    assert read_json(tmp_path / "auto" / "seed-0" / "metrics.json")["micro_batch"] == 16
    plain = toys.settings(**PLAIN, epochs=1)
    run_benchmark([plain], STRIPES, tmp_path / "plain", Pace(1e9, lambda *_: None))
    assert "micro_batch" not in read_json(tmp_path / "plain" / "seed-0" / "metrics.json")
    models = [keras.models.load_model(tmp_path / one / "seed-0" / "model.keras") for one in ("auto", "plain")]
    toys.assert_same_bits(*(model.get_weights() for model in models))


def test_a_run_that_goes_on_keeps_the_pieces_that_it_began_with(tmp_path):
    """Another number would round otherwise, and memory may have become free."""
    trial = toys.settings(**PLAIN, micro_batch="auto", epochs=2)
    bench = Workbench(trial, STRIPES)
    bench.program.take_in_pieces(4)
    whole = tmp_path / "whole"
    run_benchmark([trial], STRIPES, whole, Pace(1e9, lambda *_: None), bench=lambda: bench)

    class Stop(BaseException):
        pass

    def stop(run, row, epochs, monitor):
        if row["epoch"] == 2:
            raise Stop

    with pytest.raises(Stop):
        run_benchmark([trial], STRIPES, tmp_path / "cut", Pace(1e-9, stop), bench=lambda: bench)
    assert Progress.load(tmp_path / "cut" / "seed-0" / "checkpoint.npz", trial["id"]).micro_batch == 4
    run_benchmark([trial], STRIPES, tmp_path / "cut", Pace(1e9, lambda *_: None))
    assert read_json(tmp_path / "cut" / "seed-0" / "metrics.json")["micro_batch"] == 4
    models = [keras.models.load_model(folder / "seed-0" / "model.keras") for folder in (whole, tmp_path / "cut")]
    toys.assert_same_bits(*(model.get_weights() for model in models))


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        (PLAIN, "choose micro_batch: 4 (or auto), which sums the gradients of 4 pieces to the same step, or"),
        ({"parts": {"normalization": {"name": "batch"}}}, "4 examples at once do: choose batch_size: 4."),
        ({**PLAIN, "micro_batch": 8}, "A batch of 16 in pieces of 8 does not fit"),
    ],
)
def test_a_batch_that_does_not_fit_ends_in_one_message_with_what_would(changes, advice):
    trial = toys.settings(**changes)
    bench = Workbench(trial, STRIPES)
    Memory(bench.program, 5, out_of_memory("tensorflow"))
    with pytest.raises(OutOfMemory) as caught:
        toys.train(bench, trial)
    assert advice in str(caught.value)


def _short(monkeypatch, most):
    """Memory for batches of at most so many examples, where a whole split is scored; the sizes that were tried."""
    tried = []

    def scores(split, size, scores=Split.scores, **options):
        tried.append(size)
        if size > most and not np.array_equal(split.arrays["label"], STRIPES.splits["validation"]["label"]):
            raise MemoryError("Unable to allocate 7 GiB")
        return scores(split, size, **options)

    monkeypatch.setattr(Split, "scores", scores)
    return tried


def test_a_run_that_is_trained_is_scored_by_as_many_as_fit(tmp_path, monkeypatch, capsys):
    trial = toys.settings(**PLAIN, epochs=1)
    run_benchmark([trial], STRIPES, tmp_path / "whole", Pace(1e9, lambda *_: None))
    tried = _short(monkeypatch, 5)
    run_benchmark([trial], STRIPES, tmp_path / "short", Pace(1e9, lambda *_: None))
    assert tried[-6:] == [16, 8, 4, 16, 8, 4]  # the test split, and the sample of the training split
    whole, short = (read_json(tmp_path / name / "seed-0" / "metrics.json")["scores"] for name in ("whole", "short"))
    assert short["test"] == pytest.approx(whole["test"], rel=1e-5)
    assert short["train"] == pytest.approx(whole["train"], rel=1e-5)
    told = capsys.readouterr().out
    assert "A batch of 16 of the test split does not fit in memory when it is scored: 8 do, perhaps." in told
    assert "A batch of 8 of the training split" in told


def test_what_cannot_be_scored_one_by_one_is_told(tmp_path, monkeypatch):
    _short(monkeypatch, 0)
    with pytest.raises(OutOfMemory, match=r"batch of 1 of the test split does not fit .* Choose a smaller batch_size"):
        run_benchmark([toys.settings(**PLAIN, epochs=1)], STRIPES, tmp_path, Pace(1e9, lambda *_: None))


def test_where_nothing_fits_the_message_says_so():
    trial = toys.settings(**PLAIN)
    bench = Workbench(trial, STRIPES)
    memory = Memory(bench.program, 0, out_of_memory("jax"))
    with pytest.raises(OutOfMemory, match=r"Choose a smaller batch_size, smaller examples or a smaller network\.$"):
        toys.train(bench, trial)
    assert memory.tried == [16, 8, 4, 2, 1]


def test_what_is_fitted_at_once_takes_no_steps_to_cut(monkeypatch):
    """So that `micro_batch` may stand in `training`, for all benchmarks."""
    monkeypatch.setattr(pieces, "settle", lambda *_: pytest.fail("settled"))
    Workbench(toys.settings(architecture={"name": "knn"}, parts={}, augmentation=[], micro_batch="auto"), STRIPES)


def test_another_error_stays_what_it_is():
    trial = toys.settings(**PLAIN)
    bench = Workbench(trial, STRIPES)
    Memory(bench.program, 0, ZeroDivisionError("of another kind"))
    with pytest.raises(ZeroDivisionError):
        toys.train(bench, trial)


@pytest.mark.slow
def test_memory_that_really_runs_out_is_told():
    """A limit of the operating system on the process, and a batch whose maps are larger than it.

    On JAX: TensorFlow's kernels for CPUs do not look whether they were given memory.
    """
    script = """
import resource, sys
import numpy as np
import toys
from archbench.errors import UserError
from archbench.training.run import Workbench

def large(examples, seed):
    random = np.random.default_rng(seed)
    label = random.integers(3, size=examples).astype("int32")
    return {"image": random.integers(0, 255, (examples, 256, 256, 1)).astype("uint8"), "label": label}

data = toys._prepared("large", "image", ("a", "b", "c"), large)
wide = {"architecture": {"name": "lenet5", "maps": [256, 16], "units": [8]}, "parts": {}, "augmentation": []}
trial = toys.settings(**wide, batch_size=64, xla="off")
bench = Workbench(trial, data)
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + 2**32, held + 2**32))
try:
    toys.train(bench, trial)
except UserError as error:
    print(type(error).__name__, error)
"""
    environment = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("OutOfMemory A batch of 64 does not fit in the memory of ")
    assert "examples at once do: choose micro_batch: " in done.stdout
