"""The recall of proposals: by hand, from prepared data, and in the report."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import toys

from archbench.page.figures import Gallery
from archbench.page.section import Figures, Table, Workplace
from archbench.page.sections.proposal_recall import proposal_recall as section_of
from archbench.probes.proposal_recall import best_overlaps, proposal_recall, recall
from archbench.records.probe_folder import ProbeFolder
from archbench.tasks.base import TaskMismatch

SPLIT = {
    "boxes": np.array([[(0, 0, 10, 10), (20, 20, 30, 40)], [(0, 0, 10, 20), (0, 0, 0, 0)]], "float32"),
    "box_label": np.array([[0, 1], [1, -1]], "int32"),
    "proposals": np.array(
        [
            [(0, 0, 5, 10), (0, 0, 7, 10), (20, 20, 30, 40)],  # an IoU of 0.5 and 0.7 with the first, 1 with the second
            [(0, 0, 4, 20), (0, 0, 0, 0), (0, 0, 0, 0)],  # 0.4
        ],
        "float32",
    ),
}


def test_the_best_of_the_first_proposals_counts():
    found = best_overlaps(SPLIT["boxes"][0].astype("float64"), SPLIT["proposals"][0].astype("float64"))
    np.testing.assert_allclose(found, [[0.5, 0.7, 0.7], [0, 0, 1]])


def test_recall_of_three_objects_by_hand():
    """With two proposals 0.7 is reached of the first object: at five of ten thresholds."""
    found = recall(SPLIT)
    assert found["proposals"] == [1, 2, 3]
    np.testing.assert_allclose(found["recall_50"], [1 / 3, 1 / 3, 2 / 3])
    np.testing.assert_allclose(found["recall_70"], [0, 1 / 3, 2 / 3])
    np.testing.assert_allclose(found["average_recall"], [1 / 30, 5 / 30, 15 / 30])
    assert found["objects"] == [3, 3, 3]
    assert found["pictures"] == [2, 2, 2]


def test_the_numbers_are_powers_of_two_and_all_or_those_given_as_far_as_there_are_so_many():
    many = {**SPLIT, "proposals": np.tile(SPLIT["proposals"], (1, 3, 1))[:, :8]}
    assert recall(many)["proposals"] == [1, 2, 4, 8]
    assert recall(SPLIT, (2, 50, 70))["proposals"] == [2, 3]


def _subject(name, proposals, arm="a"):
    squares = toys.squares()
    splits, told = dict(squares.splits), dict(squares.card.arrays)
    if proposals:
        splits = {
            split: {**arrays, "proposals": arrays["boxes"][:, ::-1] * (1 if split == "test" else 0)}
            for split, arrays in splits.items()
        }
        told["proposals"] = {"shape": [2, 4], "dtype": "float32"}
    card = replace(squares.card, name=name, arrays=told)
    return SimpleNamespace(arm=arm, prepared=replace(squares, card=card, splits=splits))


def test_every_data_set_is_looked_at_once_in_its_test_split():
    subjects = [_subject("first", True), _subject("first", True, "b"), _subject("second", True)]
    found = proposal_recall(iter(subjects))["recall"]
    assert found["dataset"].tolist() == ["first"] * 2 + ["second"] * 2
    assert found["recall_50"].tolist()[1::2] == [1, 1]
    assert set(found["pictures"]) == {20}


def test_data_without_proposals_are_refused():
    with pytest.raises(TaskMismatch, match=r"'plain' has no proposals, which .* Give net a data set with proposals"):
        proposal_recall(iter([_subject("plain", False, "net")]))


def test_the_report_draws_and_tells_it(tmp_path):
    tables = pd.concat([pd.DataFrame({"dataset": name, **recall(SPLIT)}) for name in ("windows", "searched")])
    settings = {"probe": {"name": "proposal_recall"}}
    probe = ProbeFolder(tmp_path / "found", settings, {}, {"files": {}})
    probe.__dict__["tables"] = {"recall": tables}
    other = ProbeFolder(tmp_path / "signals", {"probe": {"name": "signal_propagation"}}, {}, {})
    written = {}
    place = Workplace(Gallery(tmp_path / "figures"), lambda name, table: written.update({name: table}))
    (made,) = section_of(SimpleNamespace(probes=[probe, other]), place)
    (table,) = (block for block in made.blocks if isinstance(block, Table))
    assert [row["Data set"] for row in table.rows] == ["windows"] * 3 + ["searched"] * 3
    assert table.rows[2]["Recall at IoU 0.5"] == "0.667"
    assert table.rows[2]["Objects"] == "n=3 in 2"
    (figures,) = (block for block in made.blocks if isinstance(block, Figures))
    drawn = (tmp_path / "figures" / figures.shown[0].file).read_text()
    assert "proposals looked at in a picture" in drawn
    assert "searched" in drawn
    assert len(written["probe-found.csv"]) == 6
