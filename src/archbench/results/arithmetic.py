"""What the table of `conv_arithmetic` says of each network."""

from __future__ import annotations

import pandas as pd

COMPARED = ("size", "parameters", "multiply_adds")


def sides(layers: pd.DataFrame) -> pd.DataFrame:
    """The layers of one seed, which are those of all, with the first `side` of their fields as a number."""
    first = layers[layers["seed"] == layers.groupby("arm")["seed"].transform("min")]
    side = pd.to_numeric(first["field"].fillna("").str.partition(" x ")[0], errors="coerce")
    return first.assign(side=side)


def by_network(layers: pd.DataFrame) -> pd.DataFrame:
    """A row an arm: layers, how many `agree` with the formulas, sums of both costs, the fields of the last layer."""
    rows = []
    for arm, own in sides(layers).groupby("arm", sort=False):
        same = (own[f"{name}"].astype(str) == own[f"{name}_built"].astype(str) for name in COMPARED)
        last = own[["field", "field_seen"]].fillna("").iloc[-1]
        agree = int(pd.concat(list(same), axis=1).all(axis=1).sum())
        costs = int(own["parameters"].sum()), int(own["multiply_adds"].sum())
        rows.append((arm, len(own), agree, *costs, last["field"], last["field_seen"]))
    names = ["arm", "layers", "agree", "parameters", "multiply_adds", "field", "field_seen"]
    return pd.DataFrame(rows, columns=names)
