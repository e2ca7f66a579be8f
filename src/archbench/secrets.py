"""The passwords and tokens of this process's environment, kept out of everything that is shown or written.

They stand in addresses (`MLFLOW_TRACKING_URI`, `OPTUNA_STORAGE`, proxies) and in variables that are named after them,
and come back in the messages of every library that is given one: as they are, decoded, or percent-encoded.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from typing import TextIO
from urllib.parse import quote, quote_plus, unquote, unquote_plus

MASK = "***"
SHORTEST = 4
"""Characters of a secret that is masked wherever it stands; a shorter one only where an address shows what it is."""
NO_SECRETS = ("true", "false", "none", "null")

_NAMED = re.compile(r"(PASSWORD|PASSWD|PASSPHRASE|TOKEN|SECRET|KEY)$", re.IGNORECASE)
_QUERIED = r"[?&;][^=&;\s]*(?:password|passwd|pwd|token|secret|key|sig|signature)=([^&;#\s'\"]+)"
_IN_QUERY = re.compile(_QUERIED, re.IGNORECASE)
_IN_ADDRESS = re.compile(r"(?<=://)[^\s/@'\"]+@")


def scrub(text: str) -> str:
    """`text` with every secret of the environment, and whatever else an address has in a secret's place, as `***`."""
    known = sorted(_known(), key=len, reverse=True)
    if known:
        text = re.sub("|".join(map(re.escape, known)), MASK, text, flags=re.IGNORECASE)
    text = _IN_ADDRESS.sub(f"{MASK}@", text)
    return _IN_QUERY.sub(lambda found: found[0].removesuffix(found[1]) + MASK, text)


def scrub_streams() -> None:
    """Let nothing that this process writes to its standard streams hold a secret: logs and tracebacks included."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and "write" not in vars(stream):
            _scrub_stream(stream)


def _scrub_stream(stream: TextIO) -> None:
    write = stream.write
    stream.write = lambda text: write(scrub(text))


def _known() -> set[str]:
    """Every form that a secret of the environment may come back in."""
    found = set()
    for name, value in os.environ.items():
        for secret in _secrets(name, value):
            found |= _forms(secret)
    return {form for form in found if len(form) >= SHORTEST and form.lower() not in NO_SECRETS}


def _secrets(name: str, value: str) -> Iterator[str]:
    if _NAMED.search(name):
        yield value
    if "://" not in value:
        return
    for pattern in (r"://([^\s/]\S*)@", r"://([^\s/@][^\s@]*)@"):  # it may hold an @ of its own
        for user in re.findall(pattern, value):
            before, _, password = user.partition(":")
            if password or "/" not in before:
                yield password or before  # a token often stands alone
    yield from _IN_QUERY.findall(value)


def _forms(secret: str) -> set[str]:
    plain = {secret, unquote(secret), unquote_plus(secret)}
    encoded = {quote(text, safe=safe) for text in plain for safe in ("", "/", " +")} | {quote_plus(t) for t in plain}
    escaped = {json.dumps(text)[1:-1] for text in plain} | {repr(text)[1:-1] for text in plain}
    return plain | encoded | escaped
