"""Dates as people write them, in twenty languages, and the same dates in the form of ISO 8601.

The forms are those of the Unicode CLDR, read by Babel: what they look like hangs on its version, which the card tells.
"""

from __future__ import annotations

import string
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import babel
import numpy as np
from babel.dates import format_date, format_skeleton
from pydantic import Field

from archbench.datasets import dataset
from archbench.datasets._raw import Raw
from archbench.datasets._split import TEST, VALIDATION
from archbench.datasets.tokens import encode, vocabulary
from archbench.options import Inside, Seed

SOURCE = f"Unicode Common Locale Data Repository (CLDR), by Babel {babel.__version__}, https://babel.pocoo.org"
LICENCE = "Unicode-3.0 (CLDR); BSD-3-Clause (Babel)"
LOCALES = (
    *("en_GB", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "fi"),
    *("pl", "cs", "hu", "ro", "tr", "el", "ru", "uk", "bg", "ka"),
)
"""No two of them read one text as two dates: all write the day before the month, or the year first and in full."""
FORMS = ("short", "medium", "long", "full")
SKELETONS = ("yMEd", "yMMMEd")
"""The four forms that every locale has, and two by what stands in them, both with a short name of the weekday."""
FIRST, DAYS = date(1969, 1, 1), 36_525
"""1969 to 2068: the century in which POSIX reads a year of two digits."""


@dataset("dates", source=SOURCE, licence=LICENCE, kind="generated", bytes=0, smoke={"examples": 120})
def dates(
    raw: Path,
    *,
    examples: Annotated[int, Field(ge=3, le=DAYS)] = 20_000,
    seed: Seed = 0,
    validation: Inside = VALIDATION,
    test: Inside = TEST,
) -> Raw:
    """Written dates of 1969 to 2068 and their ISO form, character by character: no day stands in two examples.

    `source` int32 (character): "mercredi 9 mars 2005" in a language and a form drawn at random. `target` int32
    (character): "2005-03-09", and the token that ends it. Both have the vocabulary of the card, where 0 is padding.
    Each text has one reading: a year of two digits is one of 1969 to 2068.
    """
    generator = np.random.default_rng(seed)
    days = [FIRST + timedelta(int(place)) for place in generator.choice(DAYS, examples, replace=False)]
    locales = generator.choice(LOCALES, examples)
    forms = generator.choice(FORMS + SKELETONS, examples)
    texts = [write(*example) for example in zip(days, locales, forms, strict=True)]
    symbols = vocabulary(alphabet())
    places = {symbol: token for token, symbol in enumerate(symbols)}
    train = {
        "source": encode(texts, places),
        "target": encode(map(date.isoformat, days), places, end=True),
    }
    return Raw(SOURCE, LICENCE, "source", train, validation, test, vocabulary=symbols)


def write(day: date, locale: str, form: str) -> str:
    """A day in one of `FORMS` or `SKELETONS` of a locale."""
    if form in FORMS:
        return format_date(day, str(form), locale=str(locale))
    return format_skeleton(str(form), day, locale=str(locale))


def alphabet() -> set[str]:
    """Every character that the dates may show, whichever of them are drawn: those of all months and weekdays."""
    days = [date(2000, month, 1) for month in range(1, 13)] + [date(2000, 1, day) for day in range(2, 8)]
    texts = (write(day, locale, form) for day in days for locale in LOCALES for form in FORMS + SKELETONS)
    return set(string.digits).union("-", *texts)
