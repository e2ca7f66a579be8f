"""Error analysis: categories of examples and sums of mistakes by hand, a trained network's, and the report."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import toys

from archbench.datasets.columns import Ragged
from archbench.page.figures import Gallery
from archbench.page.section import Folded, Table, Workplace
from archbench.page.sections.error_analysis import error_analysis as section_of
from archbench.probes.categories import by_length, confused, labels, objects
from archbench.probes.error_analysis import COUNTED, LISTED, count, error_analysis, explained, worst_rows
from archbench.probes.subject import Subject
from archbench.records.probe_folder import read_probe, write_probe
from archbench.results.mistakes import by_category
from archbench.training.run import Pace, run_benchmark

QUIET = Pace(1e9, lambda run, row, epochs, monitor: None)

# What kinds of examples there are


def _card(**changes):
    return replace(toys.stripes().card, class_names=("ant", "bee"), labels=("label",), label_names={}, **changes)


def test_classes_and_labels_with_names_of_their_own():
    card = replace(_card(), label_names={"hue": ["red", "blue", "green"]})
    split = {"label": np.array([0, 1, -1]), "hue": np.array([2, 0, 1]), "other": np.array([1, 1, 1])}
    found = {kind: values.tolist() for kind, values in labels(card, split).items()}
    assert found == {"label": ["ant", "bee", "none"], "hue": ["green", "red", "blue"]}


def test_what_was_taken_for_what():
    split = {"label": np.array([0, 1, 1]), "image": np.zeros((3, 2, 2, 1))}
    found = confused(_card(), split, {"label": np.array([1, 1, 0]), "confidence": np.ones(3)})
    assert {kind: values.tolist() for kind, values in found.items()} == {
        "label, as answered": ["ant taken for bee", "", "bee taken for ant"]
    }
    assert confused(_card(), split, {"label": np.zeros((3, 5), int)}) == {}


def test_lengths_in_thirds():
    """Of 1 to 6 tokens, two examples each third; one length alone is no difference."""
    tokens = Ragged.of([np.ones(n, "int32") for n in (1, 6, 3, 2, 5, 4)])
    found = by_length({"source": tokens, "label": np.zeros(6)})
    assert found["length of source"].tolist() == ["1 to 2", "5 to 6", "3 to 4", "1 to 2", "5 to 6", "3 to 4"]
    assert by_length({"source": Ragged.of([np.ones(3, "int32")] * 4)}) == {}
    assert by_length({"boxes": Ragged.of([np.zeros((n, 4)) for n in (1, 2)])}) == {}


def test_objects_by_number_size_cut_and_overlap():
    """In pictures of 100 x 200: 4 %, 10 % and 45 % of the area; the third example has none."""
    boxes = np.zeros((4, 2, 4))
    boxes[0] = [(20, 20, 40, 60), (50, 100, 70, 200)]  # 800 and 2000 of 20,000; the second reaches the right edge
    boxes[1, 0] = (5, 50, 95, 150)
    boxes[3] = [(20, 20, 60, 60), (50, 50, 90, 90)]  # they share 10 x 10
    label = np.array([[0, 1], [0, -1], [-1, -1], [1, 1]])
    split = {"image": np.zeros((4, 100, 200, 3)), "boxes": boxes, "box_label": label}
    found = {kind: values.tolist() for kind, values in objects(_card(input="image"), split).items()}
    small, middle, large = "under 5 % of the picture", "5 % to 20 % of the picture", "over 20 % of the picture"
    assert found == {
        "number of objects": ["2", "1", "0", "2"],
        "largest object": [middle, large, "none", middle],
        "smallest object": [small, large, "none", middle],
        "cut off by the frame": ["some", "none", "none", "none"],
        "boxes overlap": ["none", "none", "none", "some"],
    }


# Mistakes counted


def test_a_score_that_is_the_mean_of_what_is_not_missed_is_named():
    mistakes = np.array([1, 0, 0, 1, 0])
    assert explained({"accuracy": 0.6, "f1": 0.5}, mistakes, "accuracy") == "accuracy"
    assert explained({"loss": 2.0, "exact_match": 0.6}, mistakes, "loss") == "exact_match"
    assert explained({"loss": 0.4, "mse": 0.4}, mistakes, "mse") == "mse"
    assert explained({"mean_iou": 0.7}, mistakes, "mean_iou") is None


def test_what_each_category_holds_and_ending_it_wins():
    """Five examples with mistakes 1, 1, 0, 1, 0: of a 2 in 3 and of b 1 in 2; without one category 0.4 or 0.2 more."""
    kinds = {"label": np.array(["a", "a", "a", "b", "b"]), "pair": np.array(["", "x", "", "", ""])}
    rows = count(kinds, np.array([1.0, 1, 0, 1, 0]), True)
    assert [(row["category"], row["examples"], row["wrong"], row["mistakes"]) for row in rows] == [
        ("a", 3, 2, 2), ("b", 2, 1, 1), ("x", 1, 1, 1)
    ]  # fmt: skip
    assert [row["share"] for row in rows] == pytest.approx([2 / 3, 1 / 3, 1 / 3])
    assert [row["win"] for row in rows] == pytest.approx([0.4, 0.2, 0.2])
    assert all(np.isnan(row["win"]) for row in count(kinds, np.array([1.0, 1, 0, 1, 0]), False))
    assert [row["share"] for row in count(kinds, np.zeros(5), True)] == [0, 0, 0]


def test_the_worst_come_first_and_what_is_right_not_at_all():
    """Of two mistakes of 3 the one with the larger loss is the worse."""
    loss = np.array([9, 1, 1, 2, 1.0])
    assert worst_rows(np.array([0, 3, 1, 3, 0.5]), loss, 3).tolist() == [3, 1, 2]
    assert worst_rows(np.array([0, 3, 0, 0, 0]), loss, 3).tolist() == [1]
    assert worst_rows(np.zeros(5), loss, 3).tolist() == []


# A trained network


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Of a network that hardly learnt anything, over two seeds."""
    runs = tmp_path_factory.mktemp("runs")
    trials = [toys.settings(seed=seed, epochs=1, optimizer={"name": "sgd", "learning_rate": 1e-6}) for seed in (0, 1)]
    prepared = toys.stripes()
    run_benchmark(trials, prepared, runs / "lenet5-stripes", QUIET)
    subjects = [Subject("net", trial, prepared, runs, trained=True) for trial in trials]
    validation = [
        json.loads((runs / "lenet5-stripes" / f"seed-{seed}" / "metrics.json").read_text())["scores"]["validation"]
        for seed in (0, 1)
    ]
    return prepared, error_analysis(iter(subjects), worst=5), validation


def test_the_mistakes_of_a_run_add_up_to_what_its_accuracy_misses(found):
    prepared, tables, validation = found
    counted = tables["categories"]
    for seed, scores in enumerate(validation):
        own = counted[(counted["seed"] == seed) & (counted["kind"] == "label")]
        assert own["examples"].sum() == prepared.card.split_sizes["validation"]
        assert own["score"].unique().tolist() == ["accuracy"]
        assert own["win"].sum() == pytest.approx(1 - scores["accuracy"])
        pairs = counted[(counted["seed"] == seed) & (counted["kind"] == "label, as answered")]
        assert pairs["mistakes"].sum() == own["mistakes"].sum()
        assert (pairs["examples"] == pairs["wrong"]).all()


def test_the_worst_are_validation_examples_of_the_first_seed_with_what_was_said(found):
    prepared, tables, _ = found
    worst, arrays = tables["worst"], tables["worst-net"]
    assert 0 < len(worst) <= 5
    assert set(worst["seed"]) == {0}
    names = list(prepared.card.class_names)
    truth = np.asarray(prepared.splits["validation"]["label"])
    assert [names.index(name) for name in worst["true"]] == truth[worst["row"]].tolist()
    assert (worst["true"] != worst["answered"]).all()
    np.testing.assert_array_equal(arrays["row"], worst["row"])
    np.testing.assert_array_equal(arrays["input"], prepared.splits["validation"]["image"][worst["row"]])
    np.testing.assert_array_equal(arrays["all_target_label"], truth)


def test_of_no_mistakes_nothing_is_drawn(found, monkeypatch):
    """Texts of several lengths come from several feeds, of which none can be asked for no example."""
    prepared, _, _ = found
    trial = toys.settings(epochs=1)
    monkeypatch.setattr("archbench.tasks.classification.Classification.mistakes", lambda *_: np.zeros(30))
    monkeypatch.setattr("archbench.training.split.Split.show", lambda *_: pytest.fail("asked for no example"))
    made = error_analysis(iter([Subject("net", trial, prepared, None, trained=False)]))
    assert made["worst"].empty
    assert "worst-net" not in made
    assert made["categories"]["wrong"].tolist() == [0] * len(made["categories"])


def test_where_a_task_tells_no_mistakes_its_loss_does(tmp_path):
    prepared = toys.stripes()
    trial = toys.settings(**toys.VAE)
    tables = error_analysis(iter([Subject("vae", trial, prepared, tmp_path)]), worst=3)
    worst, counted = tables["worst"], tables["categories"]
    assert (worst["mistake"].diff().dropna() <= 0).all()
    assert worst["mistake"].min() > 1
    assert counted[counted["kind"] == "label"]["wrong"].sum() == prepared.card.split_sizes["validation"]


# What the report says


def _probe(folder, tables, task="classification"):
    settings = {
        "id": "1",
        "pipeline": "p",
        "name": folder.name,
        "probe": {"name": "error_analysis"},
        "trained": True,
        "networks": {"net": {"seeds": [0], "architecture": {"name": "lenet5"}, "dataset": "d", "task": {"name": task}}},
        "datasets": {"d": "0"},
    }
    write_probe(folder, settings, {}, tables, 1.0)
    return settings


def test_means_over_seeds_count_a_seed_without_mistakes_too():
    rows = [
        {"arm": "z", "seed": 0, "score": "accuracy", **row}
        for row in count({"label": np.array(["a", "a", "b", "b"])}, np.array([1.0, 1, 1, 0]), True)
    ] + [
        {"arm": "z", "seed": 1, "score": "accuracy", **row}
        for row in count({"label": np.array(["a", "a", "b", "b"])}, np.array([0.0, 0, 1, 0]), True)
    ]
    pair = {"arm": "z", "seed": 0, "score": "accuracy", "kind": "pair", "category": "a taken for b", "examples": 2}
    rows.append({**pair, "of": 4, "wrong": 2, "mistakes": 2.0, "share": 2 / 3, "win": 0.5})
    other = {**rows[0], "arm": "a", "share": 0.0, "win": 0.0, "wrong": 0}
    table = by_category(pd.DataFrame([*rows, other]))
    assert dict(zip(table["category"], table["examples"], strict=True)) == {"a": 2, "b": 2, "a taken for b": 1}
    told = {row.category: (row.wrong, row.share, row.win, row.seeds) for row in table.itertuples()}
    # a: 2 and 0 wrong, shares 2/3 and 0, wins 0.5 and 0; b: 1 and 1, 1/3 and 1, 0.25 and 0.25; the pair once of twice.
    assert told == {
        "a": (1, pytest.approx(1 / 3), 0.25, 2),
        "b": (1, pytest.approx(2 / 3), 0.25, 2),
        "a taken for b": (1, pytest.approx(1 / 3), 0.25, 2),
    }
    assert table["category"].tolist()[0] == "b"
    assert table["examples_share"].tolist()[0] == 0.5


def test_the_report_shows_categories_the_worst_and_their_pictures(found, tmp_path, monkeypatch):
    _, tables, _ = found
    settings = _probe(tmp_path / "errors", tables)
    monkeypatch.setattr("archbench.records.probe_folder.read_record", lambda path, shape: settings)
    probe = read_probe(tmp_path / "errors")
    assert set(probe.tables) == {"categories", "worst"}
    written = {}
    place = Workplace(Gallery(tmp_path / "figures"), lambda name, table: written.update({name: table}))
    (made,) = section_of(SimpleNamespace(probes=[probe]), place)
    first, worst = (block for block in made.blocks if isinstance(block, Table))
    assert first.rows[0]["Category"].startswith("label")
    assert first.rows[0]["Ending them wins at most"].endswith(" of accuracy")
    assert first.rows[0]["Seeds"] == "n=2"
    assert len(worst.rows) == len(tables["worst"])
    (folded,) = (block for block in made.blocks if isinstance(block, Folded))
    assert len(folded.shown) == 2  # the confusion matrix, and the worst
    assert all("validation" in shown.caption and "test" not in shown.caption for shown in folded.shown)
    assert all((tmp_path / "figures" / shown.file).is_file() for shown in folded.shown)
    assert set(written) == {"probe-errors.csv", "probe-errors-worst.csv"}


@pytest.mark.parametrize("rows", [[["net", 0, "accuracy", "label", "a", 3, 3, 0, 0.0, 0.0, 0.0]], []])
def test_a_network_without_mistakes_or_categories_has_none_to_show(tmp_path, monkeypatch, rows):
    tables = {"categories": pd.DataFrame(rows, columns=COUNTED), "worst": pd.DataFrame(columns=LISTED)}
    settings = _probe(tmp_path / "errors", tables)
    monkeypatch.setattr("archbench.records.probe_folder.read_record", lambda path, shape: settings)
    place = Workplace(Gallery(tmp_path / "figures"), lambda name, table: None)
    (made,) = section_of(SimpleNamespace(probes=[read_probe(tmp_path / "errors")]), place)
    assert not [block for block in made.blocks if isinstance(block, Table | Folded)]
    assert "There are no mistakes" in made.blocks[2].text
