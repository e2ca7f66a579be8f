"""What the tables of `sliding_window` say over the seeds: how much faster one pass is than every window by itself."""

from __future__ import annotations

import pandas as pd


def by_size(windows: pd.DataFrame) -> pd.DataFrame:
    """A row an arm and size of picture, in their order: the medians over seeds of the seconds, and `seeds`.

    `faster` is the median over the seeds of how many times as long cutting windows out takes, `fewer` how many times as
    many multiply-adds it has, `difference` the largest of any seed.
    """
    ratios = windows.assign(
        faster=windows["cropped_seconds"] / windows["whole_seconds"],
        fewer=windows["cropped_multiply_adds"] / windows["whole_multiply_adds"],
    )
    groups = ratios.groupby(["arm", "height", "width", "windows"], sort=False)
    medians = groups[["cropped_seconds", "whole_seconds", "faster", "fewer"]].median()
    return medians.assign(difference=groups["difference"].max(), seeds=groups["seed"].nunique()).reset_index()
