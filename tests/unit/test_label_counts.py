"""What a task asks of the examples: two classes or more to tell apart, and some of each where scores are their mean."""

from types import SimpleNamespace

import numpy as np
import picture_files as files
import pytest

from archbench import stages
from archbench.cli.data import look_up
from archbench.config import DataSet
from archbench.datasets import store
from archbench.datasets.folds import fold
from archbench.datasets.prepare import prepare
from archbench.project import Folders
from archbench.tasks import TASKS
from archbench.tasks.detection import NoBoxes
from archbench.tasks.labels import ClassWithoutExamples, NothingToTell

LABELS = {"train": [0, 0, 1, 1], "validation": [0, 1], "test": [1, 0]}
PRESENT = {"train": [[1, 0], [0, 1], [1, 1]], "validation": [[1, 1]], "test": [[1, 1]]}


def written(folder, labels, present=None, names=("no", "yes"), count=None):
    """A card of made-up pictures with these labels: split -> rows."""
    splits = {}
    for split, rows in labels.items():
        splits[split] = {"image": np.zeros((len(rows), 4, 4, 1), np.uint8), "label": np.array(rows, np.int32)}
        if present is not None:
            splits[split] = {"image": np.zeros((len(present[split]), 4, 4, 1), np.uint8)}
            splits[split]["present"] = np.array(present[split], np.uint8)
            splits[split]["singles"] = np.zeros((len(present[split]), 1, 4, 4, 1), np.uint8)
        if count is not None:
            splits[split]["count"] = np.array(count[split], np.int32)
    fields = {"name": "toy", "source": "", "licence": "", "input": "image", "class_names": names}
    fields["labels"] = [name for name in ("label", "present") if name in splits["train"]]
    return store.write(folder / "toy", {**fields, "label_names": {"count": ["0", "1"]} if count else {}}, splits)


SINGLE = ["classification", "binary", "capsules", {"name": "multi_task", "heads": ["label"]}]
SETS = ["multi_label", "overlapping_capsules", {"name": "multi_task", "heads": ["present"]}]


@pytest.mark.parametrize("task", SINGLE, ids=str)
def test_one_class_of_examples_is_refused_though_two_are_named(tmp_path, task):
    TASKS.build(task, written(tmp_path, LABELS))
    for label in (0, 1):
        card = written(tmp_path, {**LABELS, "train": [label] * 4})
        with pytest.raises(NothingToTell, match="nothing to tell apart: of its 4 training examples with a label, none"):
            TASKS.build(task, card)


@pytest.mark.parametrize("task", SETS, ids=str)
def test_sets_that_are_all_the_same_are_refused(tmp_path, task):
    TASKS.build(task, written(tmp_path, LABELS, PRESENT))
    for row in ([1, 0], [1, 1]):
        unknown = [[255, 255]] if task not in SETS[:2] else []
        card = written(tmp_path, LABELS, {**PRESENT, "train": [row, row, *unknown]})
        with pytest.raises(NothingToTell, match="of its 2 training examples with a present"):
            TASKS.build(task, card)


def test_a_head_that_always_has_one_answer_is_refused(tmp_path):
    count = {split: [1] * len(rows) for split, rows in LABELS.items()}
    with pytest.raises(NothingToTell, match="with a count"):
        TASKS.build({"name": "multi_task", "heads": ["count"]}, written(tmp_path, LABELS, count=count))
    count["train"] = [1, 1, 0, -1]  # its score is an accuracy, so other splits may lack a class
    assert TASKS.build({"name": "multi_task", "heads": ["count"]}, written(tmp_path, LABELS, count=count))


@pytest.mark.parametrize("split", store.SPLITS)
@pytest.mark.parametrize("task", ["classification", "capsules"], ids=str)
def test_a_split_without_a_class_is_refused_where_scores_are_means_over_classes(tmp_path, task, split):
    names = ("zero", "one", "two")
    labels = {key: [0, 1, 2] for key in store.SPLITS}
    TASKS.build(task, written(tmp_path, labels, names=names))
    with pytest.raises(ClassWithoutExamples, match=f"The {split} split of .*1 of its 3 classes: two"):
        TASKS.build(task, written(tmp_path, {**labels, split: [0, 1, 1]}, names=names))


@pytest.mark.parametrize("task", SETS, ids=str)
def test_a_split_that_never_shows_a_class_is_refused(tmp_path, task):
    with pytest.raises(ClassWithoutExamples, match=r"The test split .*: yes"):
        TASKS.build(task, written(tmp_path, LABELS, {**PRESENT, "test": [[1, 0], [1, 0]]}))


def test_what_needs_no_class_takes_such_labels(tmp_path):
    assert TASKS.build("reconstruction", written(tmp_path, {**LABELS, "train": [1, 1]}))


def test_a_split_without_a_box_is_refused_before_training(tmp_path):
    prepare({"name": "balloons", "size": 32, "examples": 60}, "balloons", tmp_path / "balloons", tmp_path / "raw")
    prepared = store.load(tmp_path / "balloons")
    task = TASKS.build("detection", prepared.card)
    arrays = {name: np.array(array) for name, array in prepared.splits["test"].items()}
    task.arrays(arrays)
    arrays["box_label"][:] = -1
    with pytest.raises(NoBoxes, match="9 examples without a single box"):
        task.arrays(arrays)


def test_a_folder_of_one_class_is_refused_by_its_task(tmp_path):
    put = {f"{part}/n01/{n}.JPEG": files.noise(n) for part in ("train", "val") for n in range(4)}
    files.put(tmp_path / "raw" / "imagenet", put)
    card = prepare({"name": "imagenet", "size": 8, "validation": 0.3}, "one", tmp_path / "one", tmp_path / "raw")
    with pytest.raises(NothingToTell):
        TASKS.build("classification", card)


def test_folds_count_their_own_examples(tmp_path):
    labels = {"train": [0, 0, 0, 0, 1], "validation": [0, 0, 1], "test": [0, 1]}
    written(tmp_path, labels)
    cards = [fold(store.load(tmp_path / "toy"), number, 4).card for number in range(4)]
    held_out = [card.label_counts["label"]["validation"]["classes"][1] for card in cards]
    assert sorted(held_out) == [0, 0, 1, 1]
    for card, count in zip(cards, held_out, strict=True):
        if count == 0:
            with pytest.raises(ClassWithoutExamples, match="The validation split"):
                TASKS.build("classification", card)


def test_data_that_are_not_prepared_yet_pass(tmp_path):
    card = look_up("digits", {"digits": DataSet(name="digits")}, Folders(tmp_path, "small")).card
    assert card.label_counts == {}
    assert TASKS.build("classification", card)


STUDY = """\
pipeline: small
seeds: [0]
datasets: {iris: {validation: 0.02, test: 0.1}}
benchmarks:
  mlp-iris: {architecture: mlp, dataset: iris}
studies:
  rates:
    base: {architecture: mlp, dataset: iris}
    arms: {sgd: {optimizer: sgd, space: {learning_rate: {low: 0.001, high: 1.0, log: true}}}}
    trials: 2
    epochs: 1
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "params.yaml").write_text(STUDY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stages, "live", lambda *_: Untracked())
    return tmp_path


class Untracked:
    def __enter__(self):
        return SimpleNamespace(message="")

    def __exit__(self, *_):
        return None


def test_train_and_sweep_say_so_before_they_write_anything(project):
    """Two validation examples cannot be of three kinds of flowers."""
    (project / "params.yaml").write_text(STUDY.replace("0.02", "0.013"))
    stages.prepare("iris")
    for stage, slug in ((stages.train, "mlp-iris"), (stages.sweep, "rates")):
        with pytest.raises(ClassWithoutExamples, match="The validation split of the data set 'iris'"):
            stage(slug)
    assert _written(project) == []


def test_a_sweep_with_folds_that_lack_a_class_says_so_before_its_workers_start(project):
    (project / "params.yaml").write_text(STUDY.replace("trials: 2", "trials: 2\n    folds: 60"))
    stages.prepare("iris")
    with pytest.raises(ClassWithoutExamples, match="The validation split"):
        stages.sweep("rates")
    assert _written(project) == []


def _written(project):
    """The folders of runs and studies that a stage left; its lock and its log stand beside them."""
    return sorted(path for top in ("runs", "studies") for path in project.glob(f"{top}/*/*/"))
