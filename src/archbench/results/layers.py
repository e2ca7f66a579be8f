"""What the tables of `timing`, `gradient_check` and `degradation` say of each network."""

from __future__ import annotations

import pandas as pd

from archbench.results.interval import mean_interval

PARTS = ("forward_ms", "backward_ms", "optimizer_ms")
BYTES = ("activation_bytes", "weight_bytes", "optimizer_bytes")
RIGHT = 1e-6
"""Gradients whose relative error is below this are right; above the next, wrong, and between a kink may be near."""
WRONG = 1e-3


def median_costs(layers: pd.DataFrame) -> pd.DataFrame:
    """A row an arm and layer: part, kind, medians over seeds of milliseconds, and bytes."""
    keys = ["arm", "part", "layer", "kind"]
    return layers.groupby(keys, sort=False)[[*PARTS, *BYTES]].median().reset_index()


def cost_sums(layers: pd.DataFrame) -> pd.DataFrame:
    """A row an arm: the sums of these over its layers, which layer takes longest (`slowest`), and how long (`ms`).

    Times backward that could not be told from noise are left out: of `unknown` of the `layers`.
    """
    rows = []
    for arm, own in median_costs(layers).groupby("arm", sort=False):
        taken = own[list(PARTS)].sum(axis=1)
        longest = own.loc[taken.idxmax()]
        sums = own[[*PARTS, *BYTES]].sum().to_dict()
        unknown = int(own["backward_ms"].isna().sum())
        rows.append(
            {
                "arm": arm,
                **sums,
                "layers": len(own),
                "unknown": unknown,
                "slowest": f"{longest['kind']} {longest['layer']}",
                "ms": taken.max(),
            }
        )
    return pd.DataFrame(rows)


def gradient_verdicts(weights: pd.DataFrame) -> pd.DataFrame:
    """A row an arm: weight tensors, the median and the largest relative error with whose it is, and a verdict.

    `right`, `near a kink` or `wrong`, by the largest error where most tensors are right, else by the median; of what is
    beyond ten times the `rounding` of the loss.
    """
    rows = []
    for arm, own in weights.groupby("arm", sort=False):
        middle, worst = own["relative_error"].median(), own.loc[own["relative_error"].idxmax()]
        beyond = own["relative_error"] - 10 * own["rounding"]
        near = beyond.median() < RIGHT or beyond.max() < WRONG
        verdict = "right" if beyond.max() < RIGHT else "near a kink" if near else "wrong"
        rows.append((arm, len(own), middle, worst["relative_error"], worst["weight"], verdict))
    return pd.DataFrame(rows, columns=["arm", "tensors", "median", "largest", "weight", "verdict"])


def fit_by_depth(networks: pd.DataFrame) -> pd.DataFrame:
    """A row a network after its last epoch: arm, depth, shortcuts, epoch, loss and error as means, with n and halves.

    `loss_half` and `error_half` are half the widths of 95 % intervals. By shortcuts, then depth.
    """
    rows = []
    for arm, own in networks.groupby("arm", sort=False):
        last = own[own["epoch"] == own["epoch"].max()]
        loss, error = (mean_interval(last[name].tolist()) for name in ("loss", "error"))
        first = last.iloc[0]
        known = {"arm": arm, "depth": int(first["depth"]), "shortcuts": bool(first["shortcuts"])}
        numbers = {"loss": loss.mean, "loss_half": loss.half, "error": error.mean, "error_half": error.half}
        rows.append({**known, "epoch": int(first["epoch"]), **numbers, "n": loss.n})
    return pd.DataFrame(rows).sort_values(["shortcuts", "depth"], kind="stable", ignore_index=True)


def degrades(fit: pd.DataFrame) -> dict[bool, float]:
    """With shortcuts or without -> by how much the deepest network's loss is above that of the shallowest."""
    found = {}
    for shortcuts, own in fit.groupby("shortcuts"):
        ordered = own.sort_values("depth")
        if ordered["depth"].nunique() > 1:
            found[bool(shortcuts)] = float(ordered["loss"].iloc[-1] - ordered["loss"].iloc[0])
    return found
