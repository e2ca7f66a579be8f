"""Rows of a table of the user's own: numbers and names to foretell a class or a number from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from archbench.datasets import dataset
from archbench.datasets._own import OWN, Shares, codes, divide, numbered, own_raw, repeated
from archbench.datasets._raw import ONE_CLASS, Raw
from archbench.datasets._split import TEST, VALIDATION
from archbench.datasets._tables import Table, read_table
from archbench.errors import UserError, listed, shown
from archbench.options import Inside, Seed

MOST_CLASSES = 20
"""Whole numbers of so many kinds are classes, unless the user says otherwise."""
MOST_NAMES = 1_000
"""Of one column: more are no names of kinds, but of examples."""
MOSTLY = 0.5
"""Where more of a column than this share are numbers, what is none there is a mistake."""

Columns = Annotated[tuple[str, ...], Field(max_length=100_000)]


class WrongColumn(UserError):
    """A column that is neither of numbers nor of names of kinds, or that cannot be foretold."""


class NothingToRead(UserError):
    """A table without a column to foretell from, or rows that are all incomplete."""


@dataset("table", **OWN, paths=("file",))
def table(
    raw: Path,
    *,
    file: str,
    target: str,
    target_is: Literal["class", "number"] | None = None,
    ignore: Columns = (),
    categorical: Columns = (),
    split: str | None = None,
    group: str | None = None,
    missing: Literal["refuse", "drop"] = "refuse",
    validation: Inside = VALIDATION,
    test: Inside = TEST,
    seed: Seed = 0,
) -> Raw:
    """Rows of a table of your own, CSV or Parquet: a class or a number, `target`, by all other columns.

    `features` float32 (feature,): a column of numbers as it is, one of names as a 1 in the place of its name, those of
    the training split; `categorical` are columns of numbers that are names. `ignore` are columns to leave out. A target
    of a few whole numbers, or of names, is a class, `label` int32; any other number is a `target` float32 (1,), less
    the mean of what trains and over its deviation, which the card tells; `target_is` decides it. `split` and `group`
    are columns of splits, and of what must stay in one. A row with an empty place is refused, or dropped and counted.
    """
    rows = read_table("file", file)
    kept = {"target": (target,), "split": (split,), "group": (group,), "ignore": ignore, "categorical": categorical}
    for option, names in kept.items():
        for name in filter(None, names):
            rows.check(name, option)
    used = [name for name in rows.columns if name not in {*ignore, *filter(None, (target, split, group))}]
    if not used:
        raise NothingToRead(f"{rows.name} has no column beside {target} to foretell it from: {listed(rows.columns)}.")
    rows, odd = _complete(rows, [*used, *filter(None, (target, split, group))], missing)
    is_class = target_is == "class" or (target_is is None and _is_class(rows.columns[target]))
    strata = codes(rows.columns[target])[0] if is_class else None
    groups = rows.groups(group)
    splits = divide(rows.splits(split), Shares(validation, test, seed), strata=strata, group=groups, where=rows.name)
    arrays = {"features": _features(rows, used, categorical, splits)}
    more = {"group": "group" if group else None}
    if is_class:
        arrays["label"], classes = numbered([one.strip() for one in rows.columns[target]], splits, rows.places)
        more |= {**ONE_CLASS, "class_names": classes}
        if len(classes) < 2:
            raise WrongColumn(f"{rows.name}: all training rows have {target} {shown(classes[0])}. Choose another.")
    else:
        arrays["target"], told = _scaled(_numbers(rows, target), splits["train"])
        odd.append((f"{rows.name}, column {target}", told))
    if groups is not None:
        arrays["group"] = groups
    keys = list(zip(*(rows.columns[name] for name in [*used, target]), strict=True))
    odd += repeated(keys, rows.places, splits)
    return own_raw(file, "features", arrays, splits, odd, **more)


def _complete(rows: Table, needed: Sequence[str], missing: str) -> tuple[Table, list[tuple[str, str]]]:
    """The rows without an empty place, and what became of the others."""
    if missing == "refuse":
        for name in needed:
            rows.column(name, "the table")
        return rows, []
    whole = [row for row in range(len(rows)) if all(rows.columns[name][row].strip() for name in needed)]
    if not whole:
        raise NothingToRead(f"{rows.name}: every row has an empty place. Leave columns out by `ignore`.")
    left = sorted(set(range(len(rows))) - set(whole))
    columns = {name: [values[row] for row in whole] for name, values in rows.columns.items()}
    odd = [(rows.place(row), "dropped: a place in it is empty") for row in left]
    return Table(rows.name, columns, [rows.lines[row] for row in whole], rows.unit), odd


def _number(value: str) -> float | None:
    try:
        found = float(value)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _is_class(values: Sequence[str]) -> bool:
    """Whether a target is of names, or of few whole numbers."""
    numbers = [_number(value) for value in values]
    if None in numbers:
        return True
    return all(number == int(number) for number in numbers) and len(set(numbers)) <= MOST_CLASSES


def _numbers(rows: Table, name: str) -> np.ndarray:
    """A column float64 (row,); raises `WrongColumn` with the line of what is no number."""
    numbers = [_number(value) for value in rows.columns[name]]
    if None in numbers:
        row = numbers.index(None)
        raise WrongColumn(
            f"{rows.place(row)}: {shown(rows.columns[name][row])} in the column {name} is no finite number, and most "
            f"others there are. Correct it, or name the column in `categorical` or `ignore`."
        )
    return np.array(numbers)


def _features(
    rows: Table, used: Sequence[str], categorical: Sequence[str], splits: dict[str, np.ndarray]
) -> np.ndarray:
    """Columns float32 (row, feature), names as a 1 in their place; a name that no training row has is no 1."""
    made = []
    for name in used:
        values = rows.columns[name]
        share = sum(_number(value) is not None for value in values) / len(values)
        if name not in categorical and share > MOSTLY:
            made.append(_numbers(rows, name)[:, None])
            continue
        kinds = sorted({values[row] for row in splits["train"]})
        if len(kinds) > MOST_NAMES:
            raise WrongColumn(
                f"{rows.name}: the column {name} has {len(kinds):,} different names, more than {MOST_NAMES:,}: they "
                "seem to name examples, not kinds. Leave it out by `ignore`."
            )
        made.append(np.array(values)[:, None] == np.array(kinds))
    return np.concatenate(made, axis=1).astype(np.float32)


def _scaled(values: np.ndarray, training: np.ndarray) -> tuple[np.ndarray, str]:
    """A target float32 (row, 1) of mean 0 and deviation 1 in training, and what was done to it."""
    mean, deviation = values[training].mean(), values[training].std()
    if not deviation:
        raise WrongColumn(f"All training rows have the target {mean:g}: there is nothing to learn. Choose another.")
    return ((values - mean) / deviation).astype(np.float32)[:, None], f"scaled: less {mean:.6g}, over {deviation:.6g}"
