"""What the tables of `signal_propagation` say over the seeds: how large signals are by layer, and what a layer does."""

from __future__ import annotations

import numpy as np
import pandas as pd

SIGNALS = ("activation", "gradient")


def by_epoch(layers: pd.DataFrame) -> pd.DataFrame:
    """`layers`, with the epoch as a part of the arm where there are several."""
    if layers["epoch"].nunique() < 2:
        return layers
    return layers.assign(
        arm=[f"{arm}, epoch {epoch}" for arm, epoch in zip(layers["arm"], layers["epoch"], strict=True)]
    )


def by_layer(layers: pd.DataFrame) -> pd.DataFrame:
    """A row an arm and layer: for each of `SIGNALS` the median over seeds, the least and the largest.

    Columns `activation`, `activation_low`, `activation_high` and so on: norms divided by the root of the number of
    values, so that layers of any width compare. NaN where no gradient reached the layer.
    """
    sizes = layers.assign(**{name: layers[f"{name}_norm"] / np.sqrt(layers["values"]) for name in SIGNALS})
    middle = sizes.groupby(["arm", "layer"], sort=False)
    found = middle[list(SIGNALS)].median()
    for name in SIGNALS:
        found[f"{name}_low"], found[f"{name}_high"] = middle[name].min(), middle[name].max()
    return found.reset_index()


def by_arm(layers: pd.DataFrame) -> pd.DataFrame:
    """A row an arm: `layers`, `seeds`, and for each of `SIGNALS` `<name>_first`, `<name>_last` and `<name>_factor`.

    First and last are the sizes, as above, in the order in which the signal runs: activations from the first layer,
    gradients from the last. The factor is what a layer multiplies it by in the geometric mean; NaN where there is
    nothing to divide.
    """
    rows = []
    for arm, own in by_layer(layers).groupby("arm", sort=False):
        mine = layers[layers["arm"] == arm]
        row = {"arm": arm, "layers": len(own), "seeds": mine["seed"].nunique()}
        for name, sizes in (("activation", own["activation"]), ("gradient", own["gradient"][::-1])):
            known = sizes.dropna()
            first, last = (known.iloc[0], known.iloc[-1]) if len(known) else (np.nan, np.nan)
            steps = len(known) - 1
            able = steps > 0 and first > 0 and np.isfinite([first, last]).all()
            row |= {f"{name}_first": first, f"{name}_last": last}
            row[f"{name}_factor"] = (last / first) ** (1 / steps) if able else np.nan
        rows.append(row)
    return pd.DataFrame(rows)
