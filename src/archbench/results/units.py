"""What the tables of `dead_relu` say over the seeds."""

from __future__ import annotations

import pandas as pd


def dead_by_epoch(units: pd.DataFrame) -> pd.DataFrame:
    """A row an arm and epoch: the shares of all units that are dead and silent, medians over seeds, and how many seeds.

    Columns arm, epoch, dead, dead_low, dead_high, silent, blocked (mean over activations), seeds.
    """
    return _shares(units, ["arm", "epoch"])


def dead_by_layer(units: pd.DataFrame) -> pd.DataFrame:
    """The same a row an arm and layer, after the last epoch of each arm."""
    last = units.groupby("arm", sort=False)["epoch"].transform("max")
    return _shares(units[units["epoch"] == last], ["arm", "layer"])


def diverged_seeds(units: pd.DataFrame, last: int) -> pd.DataFrame:
    """A row an arm: how many `seeds` were looked into, and how many of them `diverged` before epoch `last` was done."""
    reached = units.groupby(["arm", "seed"], sort=False)["epoch"].max().groupby("arm", sort=False)
    return reached.agg(seeds="size", diverged=lambda epochs: int((epochs < last).sum())).reset_index()


def _shares(units: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    each = units.groupby([*keys, "seed"], sort=False)
    sums = each[["units", "dead", "silent"]].sum()
    shares = sums[["dead", "silent"]].div(sums["units"], axis=0).assign(blocked=each["blocked"].mean())
    over = shares.groupby(keys, sort=False)
    found = over.median()
    found["dead_low"], found["dead_high"], found["seeds"] = over["dead"].min(), over["dead"].max(), over.size()
    return found.reset_index()
