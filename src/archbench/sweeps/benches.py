"""Compiled programs that trials share."""

from __future__ import annotations

import json
from collections import OrderedDict

from archbench.datasets.folds import fold as cut_fold
from archbench.datasets.store import Prepared
from archbench.training.build import Settings
from archbench.training.numbers import program_key
from archbench.training.run import Workbench

MOST_PROGRAMS = 16
"""Compiled programs after which a worker makes room. Neither backend gives the memory of one back to the system, also
where nothing refers to it any more (about 7 MB for a LeNet of a few maps, more for larger networks), so the worker ends
and a fresh process goes on in its place."""


class Full(Exception):
    """A worker has compiled as many programs as one process should."""


class Benches:
    """The workbenches of one worker: one for each program and fold, made when it is first asked for.

    The few used last are kept: trials of an arm that differ in numbers share one, and so do arms that differ in
    what the program takes as an input.
    """

    def __init__(self, prepared: Prepared, folds: int | None) -> None:
        self._prepared, self._folds = prepared, folds
        self._kept: OrderedDict[str, Workbench] = OrderedDict()
        self._cut: dict[int | None, Prepared] = {None: prepared}
        self._most = 2 + (folds or 0)
        self._made = 0

    def check_room(self) -> None:
        """Raise `Full` where no more programs should be compiled here; asked between trials, which are never cut."""
        if self._made >= MOST_PROGRAMS:
            raise Full

    def get(self, settings: Settings, fold: int | None = None) -> Workbench:
        """The workbench for these settings; on the data of one fold, or as they were prepared."""
        key = json.dumps([program_key(settings), fold], sort_keys=True)
        if key not in self._kept:
            self._kept[key] = Workbench(settings, self._data(fold))
            self._made += 1
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def _data(self, fold: int | None) -> Prepared:
        if fold not in self._cut:
            self._cut[fold] = cut_fold(self._prepared, fold, self._folds)
        return self._cut[fold]
