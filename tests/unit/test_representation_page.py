"""The sections about learnt representations: triplets that still teach, and pre-training without labels."""

import fake_runs as fake
import pytest
import yaml
from test_start_page import _write

from archbench.config import SingleNumber
from archbench.page.figures import Gallery
from archbench.page.section import Workplace
from archbench.page.sections import sections_of
from archbench.page.sections.boards import board_remark
from archbench.results.facts import apart
from archbench.results.gathered import Options, Results
from archbench.results.leaderboard import boards
from archbench.results.runs import read_runs
from archbench.results.single_number import rankings
from archbench.results.start import pretrained, transfers
from archbench.tasks import TASKS


def _sections(folder, benchmarks, tables, seeds=(0, 1)):
    runs = read_runs(folder, dict.fromkeys(benchmarks, seeds))
    results = Results("tour", Options(title="t", seeds={}, study_seeds={}), runs, [], {}, None, [])
    place = Workplace(Gallery(folder / "figures"), lambda name, table, **_: tables.update({name: table}))
    return {section.anchor: section for section in sections_of(results, place)}


def test_the_share_of_active_triplets_is_told_by_epoch_as_a_mean_over_seeds(tmp_path):
    shares = {"random": ([0.8, 0.2], [0.6, 0.0]), "hard": ([0.9, 0.9], [1.0, 0.7])}
    for benchmark, seeds in shares.items():
        _write(tmp_path, benchmark, (0.9, 0.8))
        for seed, active in enumerate(seeds):
            rows = fake.history(0.9, epochs=2, seed=seed)
            fake.write_rows(
                tmp_path / benchmark / f"seed-{seed}" / "history.csv",
                [{**row, "train_active": share} for row, share in zip(rows, active, strict=True)],
            )
    _write(tmp_path, "other", (0.9, 0.8))
    tables = {}
    section = _sections(tmp_path, [*shares, "other"], tables)["active-triplets"]
    _, table, _, figures = section.blocks
    assert [tuple(row.values()) for row in table.rows] == [
        ("random", "0.7", "0.1", "n=2"),
        ("hard", "0.95", "0.8", "n=2"),
    ]
    assert tables["active-triplets.csv"]["active"].tolist() == [0.8, 0.2, 0.6, 0.0, 0.9, 0.9, 1.0, 0.7]
    assert "random" in (tmp_path / "figures" / figures.shown[0].file).read_text()


def test_without_triplets_there_is_no_such_section(tmp_path):
    _write(tmp_path, "other", (0.9, 0.8))
    assert "active-triplets" not in _sections(tmp_path, ["other"], {})


@pytest.fixture
def stacked(tmp_path):
    """A stack of two, and a network that begins with it, on 30 and on 100 labels, and from scratch."""
    start = {"from": "stack", "parts": {"network": "encoder"}, "train": "all", "weights_sha256": "0"}
    below = {"from": "below", "parts": {"encoder": "encoder"}, "train": 2, "weights_sha256": "0"}
    _write(tmp_path, "below", (9.0, 9.0), dataset="a", task="reconstruction", architecture="one", monitor="loss")
    _write(tmp_path, "stack", (8.0, 8.0), dataset="a", task="reconstruction", architecture="stack", start=below)
    for size, scratch, tuned in ((30, (0.5, 0.6), (0.7, 0.8)), (100, (0.9, 0.8), (0.9, 0.9))):
        described = {"dataset": f"a-{size}", "architecture": "mlp", "training_examples": size}
        _write(tmp_path, f"mlp-{size}", scratch, **described)
        _write(tmp_path, f"mlp-{size}-pretrained", tuned, **described, start=start)
    return tmp_path


NAMES = ["below", "stack", "mlp-30", "mlp-30-pretrained", "mlp-100", "mlp-100-pretrained"]


def test_what_begins_with_a_stack_is_compared_with_the_same_network_from_scratch(stacked):
    runs = read_runs(stacked, dict.fromkeys(NAMES, (0, 1)))
    (found,) = pretrained(runs)  # the second layer of the stack has no twin
    assert found.source == "stack"
    assert {point.benchmark: point.score.mean for point in found.points} == pytest.approx(
        {"mlp-30": 0.55, "mlp-30-pretrained": 0.75, "mlp-100": 0.85, "mlp-100-pretrained": 0.9}
    )
    assert transfers(runs) == []


def test_its_section_tells_every_number_of_labels(stacked):
    tables = {}
    section = _sections(stacked, NAMES, tables)["pretraining-stack"]
    text, table, file, _ = section.blocks
    assert section.title == "Pre-training by stack"
    assert "begins with the layers of stack" in text.text
    rows = [(row["Training examples"], row["Trains"], row["Minus from scratch"][:5]) for row in table.rows]
    assert rows == [
        ("30", "from scratch", rows[0][2]),
        ("30", "all layers", "+0.20"),
        ("100", "from scratch", rows[2][2]),
        ("100", "all layers", "+0.05"),
    ]
    assert len(tables[file.name]) == 4


def _answering(folder, *answers):
    """Let a run's network be one whose encoder gives `answers` beside the code."""
    outputs = {"encoder": ("code", *answers), "decoder": ("x",)}
    parts = {part: {"inputs": {}, "outputs": {name: {} for name in names}} for part, names in outputs.items()}
    fake.write_json(folder / "signature.json", {"parts": parts})


def test_losses_of_reconstruction_are_ranked_only_beside_those_of_the_same(tmp_path):
    """A stack's upper layers reconstruct a layer of their own, and a variational autoencoder pays for its code."""
    losses = {"deep": (95.0, 96.0), "noisy": (90.0, 91.0), "first": (90.5, 90.6), "second": (46.0, 47.0)}
    losses |= {"other": (48.0, 49.0), "third": (44.0, 45.0), "vae": (20.0, 21.0)}
    below = {"second": "first", "other": "first", "third": "second"}
    for name, seeds in losses.items():
        described = {"architecture": name, "scale": "s", "dataset": "digits", "task": "reconstruction"}
        start = {"start": {"from": below[name], "weights_sha256": "0"}} if name in below else {}
        answers = {"vae": ("kl",), "first": ("seen",)}.get(name, ("target",) if name in below else ())
        for seed, loss in enumerate(seeds):
            folder, scores = tmp_path / name / f"seed-{seed}", {"validation": {"loss": loss}, "test": {"loss": loss}}
            own = fake.settings(name, seed, **described, **start)
            fake.write_run(folder, own, loss, monitor="loss", maximize=False, scores=scores)
            _answering(folder, *answers)
    found = {board.name: board for board in boards(read_runs(tmp_path, dict.fromkeys(losses, (0, 1))))}
    assert {name: [place.benchmark for place in board.places] for name, board in found.items()} == {
        "digits (reconstruction)": ["noisy", "first", "deep"],
        "digits (reconstruction: a layer of first)": ["second", "other"],
        "digits (reconstruction: a layer of second)": ["third"],
        "digits (reconstruction: the input and KL)": ["vae"],
    }
    assert found["digits (reconstruction: the input and KL)"].best is None
    said = board_remark(found["digits (reconstruction: a layer of second)"])
    assert said.startswith("These scores (a layer of second) cannot be compared with other scores of reconstruction. ")
    assert "cannot be compared" not in board_remark(found["digits (reconstruction)"])
    ranked = {
        ranking.board.name
        for ranking in rankings(list(found.values()), {"quick": SingleNumber(limit={"parameters": 1e9})})
    }
    assert ranked == {"digits (reconstruction)", "digits (reconstruction: a layer of first)"}


def test_losses_by_options_of_a_task_that_change_what_a_loss_is_stand_apart(tmp_path):
    options = {"drawn": {}, "named": {"negatives": 5, "foretells": "context"}, "all": {"negatives": 0}}
    options["word"] = {"foretells": "word"}
    for name, own in options.items():
        _write(tmp_path, name, (1.0, 2.0), dataset="prose", architecture=name)
        for seed in (0, 1):
            file = tmp_path / name / f"seed-{seed}" / "settings.yaml"
            written = yaml.safe_load(file.read_text()) | {"task": {"name": "word_vectors", **own}}
            file.write_text(yaml.safe_dump(written))
    found = {board.name: len(board.places) for board in boards(read_runs(tmp_path, dict.fromkeys(options, (0, 1))))}
    assert found == {
        "prose (word vectors)": 2,
        "prose (word vectors: 0 negative samples)": 1,
        "prose (word vectors: foretells word)": 1,
    }


def test_what_is_usual_of_an_option_is_its_default():
    for row in (row for entry in TASKS for row in apart(entry.name) if row["told_by"] == "option"):
        default = TASKS[row["task"]].options[row["name"]]
        usual = yaml.safe_load(row["usual"])
        assert (list(default) if isinstance(default, tuple) else default) == usual, row
