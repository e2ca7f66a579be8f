"""Dates in many languages, and the tokens that they are kept as."""

import itertools
from datetime import date

import babel
import matplotlib
import numpy as np
import pytest
from matplotlib.ft2font import FT2Font

from archbench.catalogue import WrongOption
from archbench.datasets import DATASETS, store
from archbench.datasets.dates import FORMS, LOCALES, SKELETONS, alphabet, write
from archbench.datasets.prepare import prepare
from archbench.datasets.tokens import END, PADDING, SPECIAL, UNKNOWN, decode, encode, vocabulary


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("dates")
    prepare({"name": "dates", "examples": 400}, "dates", root / "dates", root / "raw")
    return store.load(root / "dates")


def _texts(data, name):
    return [decode(row, data.card.vocabulary) for arrays in data.splits.values() for row in np.asarray(arrays[name][:])]


@pytest.mark.parametrize(
    ("locale", "form", "text"),
    [
        ("de", "long", "9. März 2005"),
        ("de", "short", "09.03.05"),
        ("fr", "full", "mercredi 9 mars 2005"),
        ("es", "full", "miércoles, 9 de marzo de 2005"),
        ("sv", "short", "2005-03-09"),
        ("ru", "long", "9 марта 2005 г."),
    ],
)
def test_days_are_written_as_people_write_them(locale, form, text):
    assert write(date(2005, 3, 9), locale, form).replace("\u202f", " ").replace("\xa0", " ") == text


def test_every_pair_is_one_day_written_twice(data):
    sources, targets = _texts(data, "source"), _texts(data, "target")
    for source, target in zip(sources, targets, strict=True):
        day = date.fromisoformat(target)
        assert date(1969, 1, 1) <= day <= date(2068, 12, 31)
        assert source in {write(day, locale, form) for locale in LOCALES for form in FORMS + SKELETONS}
    assert len(set(targets)) == len(targets) == 400  # so that no two splits share a day
    assert len({len(source) for source in sources}) > 10


def test_every_language_and_form_is_drawn():
    raw = DATASETS.build({"name": "dates", "examples": 3000}, None)
    found = {decode(row, raw.vocabulary) for row in raw.train["source"][:]}
    days = [date.fromisoformat(decode(row, raw.vocabulary)) for row in raw.train["target"][:]]
    for locale, form in itertools.product(LOCALES, FORMS + SKELETONS):
        assert any(write(day, locale, form) in found for day in days[:1500])


def test_no_text_is_read_as_two_days():
    """Day, month and the last digits of the year from 1 to 3 in every order: what could be taken for one another."""
    days = [date(2000 + year, month, day) for year, month, day in itertools.product((1, 2, 3), repeat=3)]
    read = {}
    for day, locale, form in itertools.product(days, LOCALES, FORMS + SKELETONS):
        assert read.setdefault(write(day, locale, form), day) == day, (locale, form)


def test_the_figures_font_has_every_character():
    font = FT2Font(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf").get_charmap()
    assert not {character for character in alphabet() if ord(character) not in font}


def test_the_vocabulary_knows_every_character_and_hangs_on_no_example(data, tmp_path):
    other = prepare({"name": "dates", "examples": 10, "seed": 5}, "dates", tmp_path / "dates", tmp_path / "raw")
    assert other.vocabulary == data.card.vocabulary
    assert data.card.vocabulary[: len(SPECIAL)] == SPECIAL
    for arrays in data.splits.values():
        for name in ("source", "target"):
            assert not (np.asarray(arrays[name][:]) == UNKNOWN).any()


def test_each_target_has_its_end_and_no_source_has(data):
    for arrays in data.splits.values():
        assert (np.asarray(arrays["target"][:]) == END).sum(axis=1).tolist() == [1] * len(arrays["target"])
        assert not (np.asarray(arrays["source"][:]) == END).any()


def test_the_card_tells_the_version_that_the_texts_hang_on(data):
    assert f"Babel {babel.__version__}" in data.card.source
    assert "Unicode" in data.card.licence


@pytest.mark.parametrize("examples", [2, 36_526])
def test_more_days_than_there_are_and_too_few_are_refused(examples):
    with pytest.raises(WrongOption, match="examples"):
        DATASETS.build({"name": "dates", "examples": examples}, None)


def test_texts_become_tokens_and_texts_again():
    symbols = vocabulary("cab")
    assert symbols == ("", "<start>", "<end>", "<unknown>", "a", "b", "c")
    places = {symbol: token for token, symbol in enumerate(symbols)}
    tokens = encode(["ab", "", "cxa"], places, end=True)
    assert tokens[:].tolist() == [[4, 5, END, 0], [END, 0, 0, 0], [6, UNKNOWN, 4, END]]
    assert tokens.lengths.tolist() == [3, 1, 4]
    assert [decode(row, symbols) for row in tokens[:]] == ["ab", "", "c<unknown>a"]
    assert decode([4, PADDING, 5], symbols) == "a"
    assert encode(["ab", "c"], places)[:].tolist() == [[4, 5], [6, 0]]
