"""Tables as notebooks show them: every word escaped, no style but the notebook's own."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

MOST, ROWS = 200, 20
"""Characters of a value, and rows of a table, that are shown."""


def table(title: str, fields: Mapping[str, Any]) -> str:
    """A title, and a name and its value a row."""
    rows = "".join(f"<tr><th>{escaped(name)}</th><td>{escaped(value)}</td></tr>" for name, value in fields.items())
    return f"<table><caption>{escaped(title)}</caption><tbody>{rows}</tbody></table>"


def frame(title: str, rows: pd.DataFrame) -> str:
    """A table with its title; of a long one the first rows and the last."""
    return f"<p>{escaped(title)}</p>{rows.to_html(escape=True, max_rows=ROWS)}"


def page(link: str, name: str) -> str:
    """A page that lies beside the notebook, in a frame, with its `link` under its name."""
    link, name = html.escape(link), html.escape(name)
    return f'<p><a href="{link}">{name}</a></p><iframe src="{link}" title="{name}" width="100%" height="500"></iframe>'


def escaped(value: Any) -> str:
    """A value as text without meaning for a browser; numbers with four digits."""
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return html.escape(text if len(text) <= MOST else f"{text[:MOST]}…")
