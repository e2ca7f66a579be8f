"""Facts that a report sets beside its own numbers, each with its source: CSV files of this folder."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

Fact = dict[str, str]


@cache
def lineage() -> tuple[Fact, ...]:
    """Who came from whom: parent, child, title, year, added, source.

    Parents stand before children. A child with several parents has a row for each, the one it is drawn under first; the
    first net of all has no parent.
    """
    return _rows("lineage.csv")


@cache
def published() -> tuple[Fact, ...]:
    """Results of the papers: name, metric, value, data, protocol, source, dataset.

    The source says how sure the number is; `dataset` is the loader of the data that it was tested on.
    """
    return _rows("published.csv")


@cache
def perplexities(dataset: str) -> tuple[Fact, ...]:
    """What papers report of a text: name, perplexity, protocol, source."""
    return tuple(row for row in _rows("perplexities.csv") if row["dataset"] == dataset)


@cache
def families() -> dict[str, str]:
    """Architecture -> its family."""
    return {row["architecture"]: row["family"] for row in _rows("families.csv")}


@cache
def advice() -> tuple[Fact, ...]:
    """What helps against each gap of a diagnosis: gap, name, advice, source; from the first split to the last."""
    return _rows("advice.csv")


@cache
def usual_choices() -> tuple[str, ...]:
    """What people choose who have not looked into a question, the more usual first."""
    return tuple(row["name"] for row in _rows("usual.csv"))


ONE_CLASS, SEVERAL_LABELS = "one class", "several labels"
"""What some tasks ask, in whichever way: the sections that are about such ones go by that."""


def board_of(task: str) -> str:
    """The task on whose board the nets of a task stand: tasks that count the same answers alike share one."""
    return _questions().get(task, {"board": task})["board"]


def question_of(task: str) -> str:
    """What a task asks: `ONE_CLASS`, `SEVERAL_LABELS`, or what nothing but itself asks."""
    return _questions().get(task, {"question": task})["question"]


@cache
def apart(task: str) -> tuple[Fact, ...]:
    """What makes scores of a task be of something else, so that they cannot be compared: told_by, name, usual, of.

    It is told by an `option` of the task that is not its `usual` value, written as YAML, or by an `answer` that some
    networks give; `of` says what the score is of then, with the `value` of the option or the `source` of the answer.
    """
    return tuple(row for row in _rows("apart.csv") if row["task"] == task)


@cache
def _questions() -> dict[str, Fact]:
    return {row["task"]: row for row in _rows("questions.csv")}


def _rows(name: str) -> tuple[Fact, ...]:
    with open(Path(__file__).parent / name, newline="", encoding="utf-8") as file:
        return tuple(csv.DictReader(file))
