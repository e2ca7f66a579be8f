"""Labels that are likely wrong: what confident learning finds of those that were planted, and how it is told."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import toys

from archbench.datasets import store
from archbench.datasets.folds import fold, numbered, together
from archbench.datasets.prepare import prepare
from archbench.page.figures import Gallery
from archbench.page.section import Folded, Table, Workplace
from archbench.page.sections.suspected_labels import suspected_labels as section_of
from archbench.probes import suspected_labels as module
from archbench.probes.subject import Subject
from archbench.probes.suspected_labels import counts, held_out, suspected_labels
from archbench.records.probe_folder import read_probe, write_probe
from archbench.tasks.base import TaskMismatch


def test_recall_and_precision_by_hand():
    """Of planted 1, 4 and 7 the suspects 4, 1, 5 and 0 find two."""
    planted = np.isin(np.arange(10), [1, 4, 7])
    found = counts(10, np.array([4, 1, 5, 0]), planted)
    assert found == {
        "examples": 10, "suspected": 4, "planted": 3, "found": 2, "recall": pytest.approx(2 / 3), "precision": 0.5
    }  # fmt: skip
    assert counts(10, np.array([4]), None) == {"examples": 10, "suspected": 1}
    assert np.isnan(counts(10, np.zeros(0, int), planted)["precision"])


def test_every_example_is_held_out_of_one_fold():
    prepared = toys.stripes()
    number, both = numbered(prepared, 4), together(prepared)
    assert len(number) == 100
    for place in range(4):
        held = fold(prepared, place, 4).splits["validation"]["image"]
        np.testing.assert_array_equal(held, both["image"][number == place])


def test_what_is_likely_stands_at_the_example_that_was_held_out(tmp_path):
    """A network that learns stripes tells each held-out example's own class."""
    prepared = toys.stripes()
    likely = held_out(Subject("net", toys.settings(parts={}), prepared, tmp_path), 3)
    assert likely.shape == (100, len(prepared.card.class_names))
    np.testing.assert_allclose(likely.sum(axis=1), 1, atol=1e-5)
    assert (likely.argmax(axis=1) == together(prepared)["label"]).mean() > 0.9


def test_what_is_not_of_one_class_is_refused(tmp_path):
    subject = Subject("vae", toys.settings(**toys.VAE), toys.stripes(), tmp_path)
    with pytest.raises(TaskMismatch, match="reconstruction does not say how likely each of several classes is"):
        suspected_labels(iter([subject]))


def test_suspects_are_told_by_split_and_row_the_least_credible_first(monkeypatch, tmp_path):
    """Of 70 training and 30 validation examples the 5th and the 73rd are doubted."""
    prepared = toys.stripes()
    classes = len(prepared.card.class_names)
    label = together(prepared)["label"]
    likely = np.eye(classes)[label] * 0.9 + 0.1 / classes
    other = (label + 1) % classes
    likely[[4, 72]] = np.eye(classes)[other[[4, 72]]] * 0.8 + 0.2 / classes
    monkeypatch.setattr(module, "held_out", lambda subject, folds: likely)
    monkeypatch.setattr("cleanlab.filter.find_label_issues", lambda labels, probabilities, **how: np.array([72, 4]))
    found = suspected_labels(iter([Subject("net", toys.settings(), prepared, tmp_path)]))
    suspects, names = found["suspects"], prepared.card.class_names
    assert list(zip(suspects["split"], suspects["row"], strict=True)) == [("validation", 2), ("train", 4)]
    assert suspects["label"].tolist() == [names[label[72]], names[label[4]]]
    assert suspects["likeliest"].tolist() == [names[other[72]], names[other[4]]]
    assert suspects["credibility"].tolist() == pytest.approx([0.2 / classes] * 2)
    assert found["summary"]["agreement"].tolist() == [0.98]
    np.testing.assert_array_equal(found["suspects-net"]["input"], together(prepared)["image"][[72, 4]])


@pytest.mark.slow
def test_six_percent_of_wrong_digits_are_found(tmp_path):
    """At least 70 % of them, at a precision of at least 0.7."""
    prepare("digits", "digits", tmp_path / "digits", tmp_path / "raw")
    spec = {"name": "mislabelled", "share": 0.06}
    prepare(spec, "noisy", tmp_path / "noisy", tmp_path / "raw", of=store.load(tmp_path / "digits"))
    trial = toys.settings(
        architecture={"name": "mlp", "units": [128]},
        parts={"dropout": 0.4},
        augmentation=[],
        dataset="noisy",
        epochs=20,
        batch_size=32,
        optimizer={"name": "adam", "learning_rate": 0.003},
    )
    found = suspected_labels(iter([Subject("mlp", trial, store.load(tmp_path / "noisy"), tmp_path)]))
    (summary,) = found["summary"].to_dict("records")
    assert summary["planted"] == 75  # 6 % of 1257
    assert summary["recall"] >= 0.7
    assert summary["precision"] >= 0.7
    suspects = found["suspects"]
    planted = np.asarray(store.load(tmp_path / "noisy").splits["train"]["planted"])
    of_training = suspects[suspects["split"] == "train"]
    assert planted[of_training["row"]].tolist() == of_training["planted"].tolist()
    assert suspects["credibility"].is_monotonic_increasing


def test_the_report_tells_how_many_were_found(tmp_path, monkeypatch):
    prepared = toys.stripes()
    names = prepared.card.class_names
    label = together(prepared)["label"]
    summed = {"arm": "net", "seed": 0, **counts(100, np.array([1, 2]), label == 0), "agreement": 0.9}
    doubted = [
        ["net", 0, "train", 1, names[0], names[1], 0.01, True],
        ["net", 0, "validation", 2, names[1], names[0], 0.02, False],
    ]
    tables = {
        "summary": pd.DataFrame([summed]),
        "suspects": pd.DataFrame(doubted, columns=list(module.COLUMNS)),
        "suspects-net": {
            "input": together(prepared)["image"][:2],
            "class_names": np.array(names),
            "row": np.arange(2),
            "target_label": label[:2],
            "prediction_label": (label[:2] + 1) % len(names),
            "all_target_label": label,
            "all_prediction_label": label,
        },
    }
    network = {"seeds": [0], "architecture": {"name": "mlp"}, "dataset": "d", "task": {"name": "classification"}}
    settings = {"probe": {"name": "suspected_labels"}, "networks": {"net": network}}
    write_probe(tmp_path / "labels", settings, {}, tables, 1.0)
    monkeypatch.setattr("archbench.records.probe_folder.read_record", lambda path, shape: settings)
    place = Workplace(Gallery(tmp_path / "figures"), lambda name, table: None)
    (made,) = section_of(SimpleNamespace(probes=[read_probe(tmp_path / "labels")]), place)
    summary, suspects = (block for block in made.blocks if isinstance(block, Table))
    assert summary.rows[0]["Suspected"] == "2"
    assert {"Planted", "Found", "Recall", "Precision"} <= set(summary.rows[0])
    assert [row["Example"] for row in suspects.rows] == ["train 1", "validation 2"]
    assert [row["Planted"] for row in suspects.rows] == ["yes", "no"]
    assert [block for block in made.blocks if isinstance(block, Folded)]
