"""Texts: files of the true formats, made here, served by HTTP; tokens by hand. What cannot be read is told by line."""

import io
import tarfile

import numpy as np
import picture_files as files
import pytest
from loopback import sha256

from archbench.cli.data import look_up
from archbench.config import DataSet
from archbench.datasets import DATASETS, _text, ag_news, brown, text8
from archbench.datasets.prepare import prepare
from archbench.datasets.tokens import END, SPECIAL, UNKNOWN
from archbench.errors import UserError
from archbench.project import Folders


@pytest.fixture
def publish(tmp_path, monkeypatch):
    with files.publishing(tmp_path, monkeypatch) as serve:
        yield serve


def tarred(members):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def written(raw, split="train"):
    """The rows of a split, as their tokens are written."""
    arrays = raw.train if split == "train" else raw.official[split]
    return [[raw.vocabulary[token] for token in row] for row in arrays["tokens"][:]]


# Vocabularies


def test_the_most_frequent_symbols_come_first_and_equal_ones_in_order():
    stream = _text.numbered(["b", "a", "c", "a", "b", "d", "<end>"])
    tokens, vocabulary = _text.encoded(stream, stream.numbers, None, "it")
    assert vocabulary == (*SPECIAL, "a", "b", "c", "d")
    assert tokens.tolist() == [5, 4, 6, 4, 5, 7, END]


def test_a_vocabulary_is_of_the_training_part_alone_and_the_rest_unknown():
    stream = _text.numbered(["a", "b", "b", "x", "x", "x"])
    tokens, vocabulary = _text.encoded(stream, stream.numbers[:3], 1, "it")
    assert vocabulary == (*SPECIAL, "b")
    assert tokens.tolist() == [UNKNOWN, 4, 4, UNKNOWN, UNKNOWN, UNKNOWN]


def test_a_vocabulary_larger_than_the_text_can_give_is_refused():
    stream = _text.numbered(["a", "b", "<unknown>", "c"])
    with pytest.raises(
        UserError, match="The training part of it has 2 different words, and the vocabulary was to have 3"
    ):
        _text.encoded(stream, stream.numbers[:3], 3, "it")


def test_broken_utf_8_is_told_with_its_file_and_line():
    with pytest.raises(_text.BrokenText, match=r"poem\.txt, line 3: the byte 0xff is no UTF-8"):
        _text.read("ä\nb\nc".encode() + b"\xff\n", "poem.txt")


def test_lines_end_at_line_feeds_alone():
    """Unicode has other line separators, which are characters of a text; the last line feed ends the last line."""
    assert list(_text.lines("a\u2028b\x0cc\r\n\nd\n".encode(), "f")) == [(1, "a\u2028b\x0cc"), (2, ""), (3, "d")]


def test_words_are_in_lower_case_and_signs_apart():
    assert _text.words_of("Don't stop: it's 9.5 (naïve)!") == [
        *("don't", "stop", ":", "it's", "9", ".", "5", "(", "na", "ï", "ve", ")", "!"),
    ]


# Brown

SAMPLES = {
    "brown/ca01": b"\n\n\tThe/at cat/nn sat/vbd ./.\n\n\n\tIt/pps ate/vbd 1/2/cd\nthe/at mouse/nn ./.\n\n",
    "brown/cb02": b"\tThe/at cat/nn ran/vbd ./.",
    "brown/README": b"no/sample at/all\n",
    "brown/cats.txt": b"ca01 news\n",
}


@pytest.fixture
def small_brown(monkeypatch):
    monkeypatch.setattr(brown, "SIZES", {"train": 8, "validation": 6, "test": 3})


def test_brown_is_one_stream_in_rows_with_a_mark_after_each_paragraph(publish, small_brown):
    raw = publish("brown", {"brown.zip": files.zipped(SAMPLES)})
    raw = DATASETS.build({"name": "brown", "steps": 5, "vocabulary": None}, raw)
    assert written(raw) == [["The", "cat", "sat", ".", "<end>"], ["It", "ate", "1/2", "", ""]]
    assert written(raw, "validation") == [["<unknown>", "<unknown>", ".", "<end>", "The"], ["cat", "", "", "", ""]]
    assert written(raw, "test") == [["<unknown>", ".", "<end>", "", ""]]
    assert raw.odd_files == (
        ("validation", "unknown: 2 of 6 tokens, for what the vocabulary lacks"),
        ("test", "unknown: 1 of 3 tokens, for what the vocabulary lacks"),
    )


def test_the_card_of_brown_counts_the_splits_with_unknown_words(publish, small_brown, tmp_path):
    raw = publish("brown", {"brown.zip": files.zipped(SAMPLES)})
    card = prepare({"name": "brown", "steps": 5, "vocabulary": 2}, "b", tmp_path / "b", raw)
    assert card.odd_files == {"unknown": 3}
    assert card.vocabulary == (*SPECIAL, ".", "1/2")
    assert card.input == "tokens"
    assert card.arrays == {"tokens": {"shape": [5], "dtype": "int32"}}


@pytest.mark.parametrize(
    ("sample", "words", "why"),
    [
        (b"\tThe/at\n\ncat\n", None, r"cc01, line 3: 'cat' is no word with its tag"),
        (b"\tThe/at\n\xe9/nn\n", None, r"cc01, line 2: the byte 0xe9 is no UTF-8"),
        (b"", 9, r"The training part of the Brown corpus has 7 different words, and the vocabulary was to have 9"),
    ],
)
def test_a_brown_corpus_that_is_another_is_refused(publish, small_brown, sample, words, why):
    raw = publish("brown", {"brown.zip": files.zipped({**SAMPLES, "brown/cc01": sample})})
    with pytest.raises(UserError, match=why):
        DATASETS.build({"name": "brown", "steps": 5, "vocabulary": words}, raw)


def test_a_plan_knows_brown_before_it_is_here(tmp_path):
    """800,000, 200,000 and 176,859 tokens in rows of 35, of which the last need not be full; the paper's 16,383."""
    known = look_up("brown", {"brown": DataSet(name="brown")}, Folders(tmp_path, "real"))
    assert known.card.split_sizes == {"train": 22_858, "validation": 5_715, "test": 5_054}
    assert len(known.card.vocabulary) == 16_383
    assert known.prepared_bytes == 4 * 35 * (22_858 + 5_715 + 5_054)


# Tiny Shakespeare, text8, WikiText-2


def test_characters_of_tiny_shakespeare_keep_their_case_and_line_ends(publish):
    raw = publish("tiny_shakespeare", {"input.txt": b"Ab\nba" * 8})
    raw = DATASETS.build({"name": "tiny_shakespeare", "steps": 6, "validation": 0.1, "test": 0.1}, raw)
    assert raw.vocabulary == (*SPECIAL, "b", "A", "\n", "a")
    assert written(raw)[:2] == [list("Ab\nbaA"), list("b\nbaAb")]
    assert [np.count_nonzero(part["tokens"]) for part in (raw.train, *raw.official.values())] == [32, 4, 4]


def test_words_of_tiny_shakespeare(publish):
    raw = publish("tiny_shakespeare", {"input.txt": b"O, Romeo!\n" * 5})
    spec = {"name": "tiny_shakespeare", "unit": "words", "steps": 2, "validation": 0.2, "test": 0.2}
    assert written(DATASETS.build(spec, raw)) == [["o", ","], ["romeo", "!"]] * 3


def test_text8_is_checked_in_the_archive_too(publish):
    raw = publish("text8", {"text8.zip": files.zipped({"text8": b" anarchism originated"})})
    with pytest.raises(_text.BrokenText, match="holds another text8: its sha256 is "):
        DATASETS.build("text8", raw)


@pytest.mark.parametrize(
    ("unit", "row"), [("words", ["a", "bc", "a"]), ("characters", [" ", "a", " "])], ids=["words", "characters"]
)
def test_text8_begins_with_a_space_that_is_no_word(publish, monkeypatch, unit, row):
    content = b" a bc" * 20
    monkeypatch.setattr(text8, "SHA256", sha256(content).partition(":")[2])
    raw = publish("text8", {"text8.zip": files.zipped({"text8": content})})
    raw = DATASETS.build({"name": "text8", "unit": unit, "steps": 3, "vocabulary": 2}, raw)
    assert written(raw)[0] == row
    assert np.count_nonzero(raw.official["test"]["tokens"]) == (2 if unit == "words" else 5)


def test_wikitext2_has_a_mark_at_the_end_of_each_line_and_its_unknown_is_ours(publish):
    lines = {"train": " \n = A = \n the <unk> @-@ \n", "valid": " b the \n", "test": " \n the \n"}
    members = {f"wikitext-2/wiki.{part}.tokens": text.encode() for part, text in lines.items()}
    raw = publish("wikitext2", {"wikitext-2-v1.zip": files.zipped(members)})
    raw = DATASETS.build({"name": "wikitext2", "steps": 9}, raw)
    assert written(raw) == [["<end>", "=", "A", "=", "<end>", "the", "<unknown>", "@-@", "<end>"]]
    assert written(raw, "validation") == [["<unknown>", "the", "<end>", *[""] * 6]]
    assert written(raw, "test") == [["<end>", "the", "<end>", *[""] * 6]]
    assert [split for split, _ in raw.odd_files] == ["train", "validation"]


# IMDB, AG News


def reviews(**changed):
    made = {
        f"aclImdb/{part}/{kind}/{number}_{stars}.txt": f"{kind} {kind} {number}".encode()
        for part in ("train", "test")
        for kind, stars in (("neg", 1), ("pos", 10))
        for number in (2, 10, 100)
    }
    return tarred({**made, "aclImdb/train/unsup/0_0.txt": b"\xff", "aclImdb/README": b"\xff", **changed})


IMDB = {"name": "imdb", "vocabulary": 2, "validation": 0.34}


def test_imdb_has_a_review_a_file_without_line_breaks_and_no_review_of_no_class(publish):
    changed = {"aclImdb/test/pos/2_10.txt": b"Good<br /><br />pos!"}
    raw = DATASETS.build(IMDB, publish("imdb", {"aclImdb_v1.tar.gz": reviews(**changed)}))
    assert raw.class_names == ("neg", "pos")
    assert raw.official["test"]["label"].tolist() == [0, 0, 0, 1, 1, 1]
    assert written(raw, "test")[3] == ["<unknown>", "pos", "<unknown>"]
    assert sorted(raw.train["label"].tolist()) == [0, 0, 1, 1]
    assert sorted(raw.official["validation"]["label"].tolist()) == [0, 1]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"aclImdb/test/pos/7_4.txt": b"good"}, "test/pos/7_4.txt: 4 stars make no review pos"),
        ({"aclImdb/test/neg/2_1.txt": b"a\nb\n\x80"}, "test/neg/2_1.txt, line 3: the byte 0x80 is no UTF-8"),
        ({"aclImdb/train/neg/2_1.txt": b" \n"}, "train/neg/2_1.txt: there is no word in this text"),
    ],
)
def test_a_review_that_is_none_is_refused(publish, changed, why):
    with pytest.raises(_text.BrokenText, match=why):
        DATASETS.build(IMDB, publish("imdb", {"aclImdb_v1.tar.gz": reviews(**changed)}))


NEWS = b'"3","Wall St. &lt;b&gt;Bears&lt;/b&gt;","By\\me, for #36;9 &amp; ""more"""\n' + b'"1","A b c","d"\n' * 9


def test_news_without_backslashes_entities_and_tags():
    assert ag_news.plain(r"two\lines #39;s &lt;b&gt;x&lt;/b&gt; &#36;5 a < b") == "two lines 's  x  $5 a < b"


def test_news_begin_with_a_number_from_1_and_have_no_header(publish):
    raw = publish("ag_news", {"train.csv": NEWS * 2, "test.csv": NEWS})
    raw = DATASETS.build({"name": "ag_news", "vocabulary": 4, "longest": 3, "validation": 0.5}, raw)
    assert raw.official["test"]["label"].tolist() == [2, *[0] * 9]
    assert written(raw, "test")[1] == ["a", "b", "c"]
    assert ("test", "unknown: 2 of 30 words, which the vocabulary lacks") in raw.odd_files
    cut = [(where, what) for where, what in raw.odd_files if what.startswith("cut")]
    assert len(cut) == 30
    assert sum(where.endswith("test.csv, line 1") for where, _ in cut) == 1
    assert sorted(raw.train["label"].tolist()) == sorted(raw.official["validation"]["label"].tolist())


def test_the_test_file_of_ag_news_alone_is_fetched_and_divided(publish, tmp_path):
    raw = publish("ag_news", {"train.csv": b"", "test.csv": NEWS * 10})
    spec = {"name": "ag_news", "part": "test", "vocabulary": 4, "validation": 0.2}
    made = DATASETS.build(spec, raw)
    assert [path.name for path in (raw / "ag_news").glob("*.csv")] == ["test.csv"]
    counts = {split: np.bincount(part["label"]).tolist() for split, part in made.official.items()}
    assert counts == {"validation": [15, 0, 2], "test": [13, 0, 2]} or counts["test"] == [14, 0, 1]
    known = look_up("news", {"news": DataSet(**spec)}, Folders(tmp_path, "real"))
    assert known.card.split_sizes == {"train": 6_460 - 1_292, "validation": 1_292, "test": 1_140}
    assert known.download_bytes == len(NEWS) * 10


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"class,title,text\n" + NEWS, r"test\.csv, line 1: this is no label from 1 to 4"),
        (NEWS + b'"5","a","b"\n', r"test\.csv, line 11: this is no label"),
        (NEWS + b'"1","a"\n', r"test\.csv, line 11: this is no label"),
        (NEWS + b'"1"," ","\\"\n', r"test\.csv, line 11: there is no word in this text"),
        (NEWS + b'"1","a","\xff"\n', r"test\.csv, line 11: the byte 0xff"),
    ],
)
def test_a_line_that_is_no_news_is_refused(publish, content, why):
    raw = publish("ag_news", {"train.csv": NEWS, "test.csv": content})
    with pytest.raises(_text.BrokenText, match=why):
        DATASETS.build({"name": "ag_news", "part": "test", "vocabulary": 2}, raw)


# Tests of words


def test_analogies_keep_their_case_and_their_sections(publish):
    content = b": capitals\nAthens Greece Oslo Norway\n: gram1\nslow slowly calm calmly\ncalm calmly slow slowly\n"
    raw = DATASETS.build("questions_words", publish("questions_words", {"questions-words.txt": content}))
    assert raw.label_names == {"section": ("capitals", "gram1")}
    assert raw.train["section"].tolist() == [0, 1, 1]
    assert [raw.vocabulary[token] for token in raw.train["words"][0]] == ["Athens", "Greece", "Oslo", "Norway"]
    assert raw.official["test"]["words"].tolist() == raw.train["words"].tolist()


def test_pairs_of_words_after_their_comments(publish):
    content = b"# The Collection\n# Word 1\tWord 2\tHuman (mean)\ntiger\tcat\t7.35\ntiger\ttiger\t10.00\n"
    raw = DATASETS.build("wordsim353", publish("wordsim353", {"wordsim353.tsv": content}))
    assert [[raw.vocabulary[token] for token in row] for row in raw.train["words"]] == [["tiger", "cat"], ["tiger"] * 2]
    np.testing.assert_allclose(raw.train["target"], [[7.35], [10]], rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "file", "content", "line"),
    [
        ("questions_words", "questions-words.txt", b": a\na b c d\na b c\n", 3),
        ("questions_words", "questions-words.txt", b"a b c d\n", 1),
        ("questions_words", "questions-words.txt", b": a\na b c d\n\na b c d\n", 3),
        ("wordsim353", "wordsim353.tsv", b"#\na\tb\t7\na b 7\n", 3),
        ("wordsim353", "wordsim353.tsv", b"a\tb\t11\n", 1),
        ("wordsim353", "wordsim353.tsv", b"a\t\t1\n", 1),
        ("wordsim353", "wordsim353.tsv", b"a\tb\tmuch\n", 1),
    ],
)
def test_a_line_of_another_form_is_refused(publish, name, file, content, line):
    with pytest.raises(_text.BrokenText, match=f"{file}, line {line}: this is no"):
        DATASETS.build(name, publish(name, {file: content}))


# Tatoeba

TATOEBA = "Go.\tVa !\tCC-BY 2.0\nGo.\tMarche.\nWho?\tQui\u202f?\nHi, Tom.\tSalut,\u00a0Tom.\n"


def test_fra_eng_has_spaces_of_one_kind_and_no_source_in_two_splits(publish):
    lines = TATOEBA + "".join(f"I am {n}.\tJ'ai {n} ans.\nI am {n}.\tJe suis {n}.\n" for n in range(10, 40))
    raw = publish("fra_eng", {"fra-eng.zip": files.zipped({"fra-eng/fra.txt": lines.encode()})})
    made = DATASETS.build({"name": "fra_eng", "longest": 11}, raw)

    def said(name):
        return ["".join(made.vocabulary[token] for token in row if token) for row in made.train[name][:]]

    assert said("source")[:5] == ["Go.", "Go.", "Who?", "Hi, Tom.", "I am 10."]
    assert said("target")[:5] == ["Va !<end>", "Marche.<end>", "Qui ?<end>", "Salut, Tom.<end>", "Je suis 10.<end>"]
    assert made.train["sentence"][:5].tolist() == [0, 0, 1, 2, 3]
    assert made.group == "sentence"
    assert made.odd_files == (("fra.txt", "left out: 30 pairs of more than 11 characters a side"),)
    back = DATASETS.build({"name": "fra_eng", "source": "fra"}, raw)
    assert back.train["sentence"][:3].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"Go.\t \n", r"line 5: this is no sentence"),
        (b"Go.\n", "line 5: this"),
        (b"\n", "line 5"),
        (b"\xff\tA\n", "0xff"),
    ],
)
def test_a_line_of_fra_eng_that_is_no_pair_is_told(publish, line, says):
    raw = publish("fra_eng", {"fra-eng.zip": files.zipped({"fra-eng/fra.txt": TATOEBA.encode() + line})})
    with pytest.raises(_text.BrokenText, match=r"fra\.txt, .*" + says):
        DATASETS.build("fra_eng", raw)


def test_fra_eng_without_a_sentence_short_enough_is_refused(publish):
    raw = publish("fra_eng", {"fra-eng.zip": files.zipped({"fra-eng/fra.txt": TATOEBA.encode()})})
    with pytest.raises(UserError, match="No pair of fra_eng has at most 2 characters a side"):
        DATASETS.build({"name": "fra_eng", "longest": 2}, raw)
