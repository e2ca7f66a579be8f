"""What the table of `optimizer_paths` says of each optimizer."""

from __future__ import annotations

from typing import Any

import pandas as pd


def steps_by_surface(bottoms: pd.DataFrame) -> dict[str, dict[str, dict[str, Any]]]:
    """Optimizer -> surface -> its row; most bottoms reached first, and of these fewest steps."""
    totals = bottoms.groupby("optimizer", sort=False)["steps"].agg(["count", "sum"])
    order = totals.sort_values(["count", "sum"], ascending=[False, True], kind="stable").index
    by_name = dict(iter(bottoms.groupby("optimizer", sort=False)))
    return {name: {row["surface"]: row for row in by_name[name].to_dict("records")} for name in order}
