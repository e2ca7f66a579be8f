"""The pages of data sets in a report: what they say, who links to them, and that they are made once for each state."""

import io
import re
from html import unescape
from pathlib import Path

import fake_runs as fake
import numpy as np
import own_files
import pytest
from own_files import put
from PIL import Image
from sklearn.datasets import load_digits

from archbench.config import check_config
from archbench.datasets import store
from archbench.datasets.prepare import prepare
from archbench.page import drawn
from archbench.page.report import write_report
from archbench.project import Folders
from archbench.results.data_sets import DataSetHere
from archbench.results.doubted import doubted
from archbench.results.gathered import Options
from archbench.results.runs import read_runs
from archbench.stages import report_options

EVIL = "<i>x"
"""A class as its folder is called."""


def _own(root: Path, content, name="image_folder", slug="mine", **options) -> DataSetHere:
    """A data set of the user's own files, prepared."""
    option, path = ("folder", root / "files") if name == "image_folder" else ("file", root / "files" / "t.csv")
    put(root / "files", content)
    spec = {"name": name, option: str(path), **options}
    folder = root / "data" / "prepared" / "tour" / slug
    return DataSetHere(slug, spec, folder, root / "data" / "raw", card=prepare(spec, slug, folder, root / "raw"))


def _folders() -> dict[str, bytes]:
    """Class folders where eight test pictures are training ones, one file is no picture, and a name is no name."""
    content = own_files.class_folders(10, "train/") | own_files.class_folders(4, "test/")
    content |= {f"train/{EVIL}/{n}.png": own_files.picture((9, 9, 9), n) for n in range(9)}
    turned, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6  # as a phone that is held upright writes it
    Image.new("RGB", (24, 16), "red").save(turned, "JPEG", exif=exif)
    return content | {"train/red/bad.png": b"no", "train/red/phone.jpg": turned.getvalue()}


def _report(root: Path, *data: DataSetHere, benchmarks=(), **more) -> Path:
    options = Options(
        title="t", seeds=dict.fromkeys(benchmarks, fake.SEEDS), study_seeds={}, known=root / "known.json",
        data_sets={one.name: one for one in data}, **more,
    )  # fmt: skip
    folders = root / "runs", root / "studies", root / "report"
    return write_report("tour", list(benchmarks), [], *folders, options).parent


def _text(page: Path) -> str:
    """What a reader sees."""
    return " ".join(unescape(re.sub("<[^>]*>", " ", page.read_text())).split())


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The report of class folders, and the data set."""
    root = tmp_path_factory.mktemp("folders")
    data = _own(root, _folders(), size=16, skip_broken=True)
    return _report(root, data), data


def test_a_page_shows_examples_and_counts_what_is_odd(folders):
    site, data = folders
    page = _text(site / "pages" / "data-mine.html")
    sizes = data.card.split_sizes
    assert f"{sizes['train']} train, {sizes['validation']} validation, 12 test examples" in page
    assert "12 examples of one split are in another, too" in page
    assert "13 odd files." in page
    assert "train/red/bad.png skipped" in page
    assert "train/red/bad.png cannot be opened: it is no picture" in page
    assert "train/red/phone.jpg turned, as its EXIF asks" in page
    assert "width of the files, pixels" in page
    assert (site / "figures" / "examples-mine.svg").read_text().count("<image") == 12
    assert (site / "figures" / "alike-mine.svg").read_text().count("<image") == 2 * 2
    assert 'src="../figures/examples-mine.svg"' in (site / "pages" / "data-mine.html").read_text()


def test_the_balance_of_classes_is_that_of_the_files(folders):
    """Of a class 9, 10 or, with that of the phone, 11 train or validate; four of each of three are to test."""
    site, data = folders
    page = (site / "pages" / "data-mine.html").read_text()
    rows = [re.findall("<td[^>]*>(.*?)</td>", row) for row in re.findall("<tr>(.*?)</tr>", page)]
    counts = {row[0]: [int(cell) for cell in row[1:4]] for row in rows if row and row[-1].endswith("%")}
    assert list(data.card.split_sizes) == ["train", "validation", "test"]
    assert {name: (sum(one[:2]), one[2]) for name, one in counts.items()} == {
        "blue": (10, 4), "green": (10, 4), "red": (11, 4), "&lt;i&gt;x": (9, 0)
    }  # fmt: skip


def test_whatever_a_class_or_file_is_called_it_stays_text(folders):
    site, _ = folders
    for path in (*site.rglob("*.html"), site / "README.md", *(site / "figures").glob("*.svg")):
        assert EVIL not in path.read_text(), path
    assert "&lt;i&gt;x" in (site / "figures" / "examples-mine.svg").read_text()


def test_home_leads_to_the_table_of_data_sets_and_that_to_every_page(folders):
    site, _ = folders
    assert '<li><a href="pages/data-sets.html">Data sets</a></li>' in (site / "index.html").read_text()
    assert '<a href="data-mine.html">mine</a>' in (site / "pages" / "data-sets.html").read_text()
    assert '["Data set mine", "data-mine.html"]' in (site / "pages" / "names.js").read_text().replace("\n", "").replace(
        ',"', ', "'
    )


def test_a_page_is_made_once_for_each_state_of_the_data(tmp_path, monkeypatch):
    data = _own(tmp_path, own_files.class_folders(10), size=12)
    first = (_report(tmp_path, data) / "pages" / "data-mine.html").read_bytes()
    drew = []
    monkeypatch.setattr(drawn, "_draw", lambda job, folder, draw=drawn._draw: (drew.append(job), draw(job, folder)))
    assert (_report(tmp_path, data) / "pages" / "data-mine.html").read_bytes() == first
    assert drew == []
    changed = _own(tmp_path, {"red/new.png": own_files.picture((220, 20, 20), 77)}, size=12)
    second = _text(_report(tmp_path, changed) / "pages" / "data-mine.html")
    assert len(drew) == 1
    sizes = changed.card.split_sizes
    assert sum(sizes.values()) == 31
    assert f"{sizes['train']} train, {sizes['validation']} validation, {sizes['test']} test examples" in second


def test_data_that_are_not_there_or_otherwise_are_said_to_be(tmp_path):
    absent = DataSetHere("absent", {"name": "digits"}, tmp_path / "no", tmp_path)
    other = DataSetHere("other", {"name": "digits"}, tmp_path / "no", tmp_path)
    site = _report(tmp_path, absent, other, data={"other": None})
    assert "absent is not prepared here, so none of it is shown. To see it: dvc repro prepare@absent" in _text(
        site / "pages" / "data-absent.html"
    )
    assert "other is prepared, but not as params.yaml and the code ask for now" in _text(
        site / "pages" / "data-other.html"
    )
    assert "2 data sets; 2 of them not here as params.yaml asks for" in _text(site / "pages" / "data-sets.html")


def test_files_that_are_gone_since_are_said_to_be(tmp_path):
    data = _own(tmp_path, own_files.class_folders(10), size=12)
    (tmp_path / "files").rename(tmp_path / "elsewhere")
    page = _text(_report(tmp_path, data) / "pages" / "data-mine.html")
    assert "What the files were made from is not there: The option folder names" in page


def test_texts_are_shown_as_texts(tmp_path):
    data = _own(tmp_path, {"t.csv": own_files.texts()}, "text_table", slug="texts")
    site = _report(tmp_path, data)
    assert "lovely film" in _text(site / "pages" / "data-texts.html")
    assert not list((site / "figures").glob("*texts*"))


def test_boards_networks_and_data_sets_lead_to_each_other(tmp_path):
    """Also where a data set is made from another; the boards of another data set are not named."""
    fake.write_runs(tmp_path / "runs")
    digits = load_digits()
    split = {"image": digits.images[:40, ..., None].astype(np.uint8), "label": digits.target[:40].astype(np.int32)}
    described = {"name": "digits", "source": "s", "licence": "l", "input": "image", "labels": ("label",)}
    described |= {"class_names": tuple("0123456789"), "made_from": {}}
    card = store.write(tmp_path / "digits", described, dict.fromkeys(store.SPLITS, split))
    here = DataSetHere("digits", {"name": "digits"}, tmp_path / "digits", tmp_path, card=card)
    few = DataSetHere("few", {"name": "mislabelled"}, tmp_path / "few", tmp_path, of="digits")
    pages = _report(tmp_path, here, few, benchmarks=[*fake.NETWORKS]) / "pages"
    link = '<a href="data-digits.html">digits</a>'
    for name in ("board-digits-classification", "architectures", "architecture-lenet5", "published"):
        assert link in (pages / f"{name}.html").read_text(), name
    assert "data-digits" not in (pages / "board-balloons-detection.html").read_text()
    page = (pages / "data-digits.html").read_text()
    assert '<a href="board-digits-classification.html">digits (classification)</a>' in page
    assert '<a href="data-few.html">few</a>' in page
    assert "balloons" not in page
    assert "80 examples of one split are in another, too" in page


def test_a_report_of_a_pipeline_has_its_data_sets_as_params_yaml_asks_for_them(tmp_path):
    """The augmentation is that of the first benchmark that has one; a recipe of none is none."""
    config = check_config(
        {
            "pipeline": "tour",
            "training": {"augmentation": ["flip"]},
            "datasets": {"digits": {"size": 8}, "shapes": {"name": "balloons", "size": 32}},
            "benchmarks": {
                "a": {"architecture": "lenet5", "dataset": "digits", "augmentation": []},
                "b": {"architecture": "lenet5", "dataset": "digits", "augmentation": [{"name": "shift", "pixels": 1}]},
            },
        }
    )
    folders = Folders(tmp_path, "tour")
    prepare(config.datasets["digits"].spec, "digits", folders.prepared / "digits", folders.raw)
    found = report_options(config, folders).data_sets
    assert found["digits"].card.split_sizes["train"] == 1257
    assert found["digits"].augmentation == [{"name": "shift", "pixels": 1}]
    assert found["shapes"].card is None
    assert not found["shapes"].augmentation
    (folders.prepared / "digits" / "train" / "image.npy").unlink()
    assert report_options(config, folders).data_sets["digits"].card is None


def _told(label, said, confidence):
    columns = {"all_target_label": label, "all_prediction_label": said, "all_prediction_confidence": confidence}
    return {name: np.asarray(values) for name, values in columns.items()}


def test_the_best_network_doubts_what_it_calls_otherwise_as_surely_as_where_it_is_right(tmp_path):
    """Class 0 is right at 0.6 and 0.8: 0.7 is sure; class 1 at 0.9 alone; class 2 is said once, and wrong."""
    label = [0, 0, 1, 1, 1, 0, 2, 1, -1]
    said = [0, 0, 1, 0, 0, 1, 0, 2, 0]
    sure = [0.6, 0.8, 0.9, 0.71, 0.69, 0.89, 0.99, 1.0, 1.0]
    best = fake.settings("best", 0, architecture="lenet5", scale="paper", dataset="d", task="classification")
    fake.write_run(tmp_path / "best" / "seed-0", best, 0.9, predictions=_told(label, said, sure))
    fake.write_run(tmp_path / "worse" / "seed-0", {**best, "benchmark": "worse"}, 0.8, predictions=_told([0], [0], [1]))
    finer = {**best, "benchmark": "boxes"}  # another score, and nothing told of labels
    fake.write_run(tmp_path / "boxes" / "seed-0", finer, 0.99, monitor="map_50", predictions={"x": np.ones(2)})
    fake.write_run(tmp_path / "bare" / "seed-0", {**best, "benchmark": "bare"}, 0.95)
    runs = read_runs(tmp_path, {name: [0] for name in ("worse", "boxes", "bare", "best", "gone")})
    found = doubted(runs)
    assert (found.run.benchmark, found.examples) == ("best", 9)
    assert [(one.row, one.label, one.said, one.confidence) for one in found.doubts] == [
        (6, 2, 0, 0.99), (3, 1, 0, 0.71)
    ]  # fmt: skip
    assert doubted(runs[1:3]) is None


def test_a_page_names_the_test_labels_that_the_best_network_doubts(tmp_path):
    data = _own(tmp_path, _folders(), size=16, skip_broken=True)
    names, label = data.card.class_names, np.load(data.folder / "test" / "label.npy")
    said = label.copy()
    said[3] = (label[3] + 1) % 3
    sure = np.where(said == label, 0.8, 0.97)
    kept = {"input": np.zeros((12, 16, 16, 3)), "class_names": np.array(names), **_told(label, said, sure)}
    kept |= {name.removeprefix("all_"): values for name, values in kept.items() if name.startswith("all_")}

    def page(sha256):
        for seed in fake.SEEDS:
            own = fake.settings(
                "net", seed, architecture="lenet5", scale="paper", dataset="mine", task="classification",
                dataset_sha256=sha256,
            )  # fmt: skip
            fake.write_run(tmp_path / "runs" / "net" / f"seed-{seed}", own, 0.9 + seed / 100, predictions=kept)
        return _text(_report(tmp_path, data, benchmarks=["net"]) / "pages" / "data-mine.html")

    told = page(data.card.sha256)
    assert "Of 12 test examples net (seed 2), the best network on these data here, doubts the labels of 1:" in told
    assert f"test 3 {names[label[3]]} {names[said[3]]} 97.0" in told
    assert "Suspected wrong labels" not in page("0" * 64)  # of what is not known to be these data
