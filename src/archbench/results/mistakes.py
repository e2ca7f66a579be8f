"""Mistakes by category over seeds, from the table of an analysis of errors."""

from __future__ import annotations

import pandas as pd


def by_category(counted: pd.DataFrame) -> pd.DataFrame:
    """A row a network and category, means over the seeds: of each network the most mistakes first, none without any.

    `examples_share` is the share of all examples that are of the category.
    """
    if not len(counted):
        return counted
    means = (
        counted.groupby(["arm", "kind", "category"], sort=False)
        .agg(
            score=("score", "first"),
            examples=("examples", "sum"),
            of=("of", "first"),
            wrong=("wrong", "sum"),
            share=("share", "sum"),
            win=("win", lambda values: values.sum(min_count=1)),
        )
        .reset_index()
    )
    seeds = counted.groupby("arm", sort=False)["seed"].nunique()
    means["seeds"] = means["arm"].map(seeds)
    for name in ("examples", "wrong", "share", "win"):  # a seed that has none of a category adds nothing
        means[name] = means[name] / means["seeds"]
    means["examples_share"] = means["examples"] / means["of"]
    order = {arm: place for place, arm in enumerate(seeds.index)}
    means = means[means["share"] > 0]
    return means.sort_values(
        ["arm", "share"], key=lambda column: column.map(order) if column.name == "arm" else -column, kind="stable"
    ).reset_index(drop=True)
