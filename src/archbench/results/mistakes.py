"""Mistakes by category over seeds, from the table of an analysis of errors."""

from __future__ import annotations

import pandas as pd


def by_category(counted: pd.DataFrame) -> pd.DataFrame:
    """A row a network and category, means over the seeds: of each network the most mistakes first, none without any.

    `examples_share` is the share of the examples that are of the category, of those of any of its kind.
    """
    if not len(counted):
        return counted
    whole = counted.groupby(["arm", "seed", "kind"])["examples"].transform("sum")
    told = counted.assign(examples_share=counted["examples"] / whole)
    means = (
        told.groupby(["arm", "kind", "category"], sort=False)
        .agg(
            score=("score", "first"),
            examples=("examples", "max"),
            examples_share=("examples_share", "mean"),
            wrong=("wrong", "sum"),
            share=("share", "sum"),
            win=("win", lambda values: values.sum(min_count=1)),
        )
        .reset_index()
    )
    seeds = told.groupby("arm", sort=False)["seed"].nunique()
    means["seeds"] = means["arm"].map(seeds)
    for name in ("wrong", "share", "win"):  # a seed that has none of a category adds nothing
        means[name] = means[name] / means["seeds"]
    order = {arm: place for place, arm in enumerate(seeds.index)}
    means = means[means["share"] > 0]
    return means.sort_values(
        ["arm", "share"], key=lambda column: column.map(order) if column.name == "arm" else -column, kind="stable"
    ).reset_index(drop=True)
