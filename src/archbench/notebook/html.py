"""Tables as notebooks show them: every word escaped, no style but the notebook's own."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

MOST = 200
"""Characters of a value that are shown."""


def table(title: str, fields: Mapping[str, Any]) -> str:
    """A title, and a name and its value a row."""
    rows = "".join(f"<tr><th>{escaped(name)}</th><td>{escaped(value)}</td></tr>" for name, value in fields.items())
    return f"<table><caption>{escaped(title)}</caption><tbody>{rows}</tbody></table>"


def escaped(value: Any) -> str:
    """A value as text without meaning for a browser; numbers with four digits."""
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return html.escape(text if len(text) <= MOST else f"{text[:MOST]}…")
