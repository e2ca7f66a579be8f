"""What the report and the pictures of a run say of detectors and of borders; the numbers are known by hand."""

import re

import fake_runs as fake
import numpy as np
import pandas as pd
import pytest
import told_by_hand as hand
from site_text import site_text

from archbench.figures.gallery import worst_kept
from archbench.figures.pictures import PICTURES
from archbench.metrics.detection_errors import KINDS, TOTALS
from archbench.page.report import Options, write_report
from archbench.tasks.objects import first_and_worst


def test_what_a_run_tells_of_its_detections():
    told = {name.removeprefix("whole_"): values for name, values in hand.detections().items()}
    assert told["kinds"].tolist() == [0, 1]
    assert told["class_map_50"] == pytest.approx([hand.CLASS_0, 0])
    assert told["precision"].shape == (101, 2)
    assert told["precision"][:, 0] == pytest.approx([1] * 67 + [3 / 4] * 34)
    assert told["size_objects"].tolist() == [5, 5, 0, 0]
    assert told["size_map"][:2] == pytest.approx([hand.CLASS_0 / 2] * 2)  # the hits fit to the pixel
    assert np.isnan(told["size_map"][2:]).all()
    counts = dict(zip((*KINDS, *TOTALS), told["error_counts"].tolist(), strict=True))
    expected = {"classification": 1, "duplicate": 1, "background": 1, "missed": 1}
    totals = {"false_positive": 3, "false_negative": 2}
    assert counts == {**dict.fromkeys((*KINDS, *TOTALS), 0), **expected, **totals}
    assert told["mistakes"].tolist() == hand.MISTAKES


def test_the_first_and_the_worst_examples_are_kept():
    assert first_and_worst(np.array([0, 0, 5, 0, 1, 9, 0]), 4).tolist() == [0, 1, 2, 5]
    assert first_and_worst(np.array([0, 7, 0]), 48).tolist() == [0, 1, 2]
    assert first_and_worst(np.array([2, 1]), 1).tolist() == [0]
    known = {"whole_mistakes": np.array([0, 0, 5, 0, 1, 9, 0]), "row": np.array([0, 1, 2, 5])}
    assert worst_kept(known, 8).tolist() == [3, 2]  # places among the kept; what has no mistake is not among the worst
    assert worst_kept(known, 1).tolist() == [3]
    assert not len(worst_kept({}, 8))


def test_pictures_of_a_detector():
    pictures = {picture.name: picture for picture in PICTURES["detection"](hand.detections())}
    assert list(pictures) == ["boxes", "worst", "precision", "mistakes", "anchors"]
    titles = [axes.get_title() for axes in pictures["worst"].figure.axes]
    assert titles == ["mistakes: 3", "mistakes: 1"]
    assert "The 2 worst of all 5 test examples" in pictures["worst"].caption
    texts = [text.get_text() for text in pictures["precision"].figure.legends[0].get_texts()]
    assert texts == [f"round {hand.CLASS_0:.2f}", "long 0.00"]
    line = pictures["precision"].figure.axes[0].get_lines()[0]
    assert line.get_ydata() == pytest.approx([1] * 67 + [3 / 4] * 34)
    assert "5 test examples, which have 5 objects" in pictures["precision"].caption
    heads = [label.get_text() for label in pictures["mistakes"].figure.axes[0].get_xticklabels()]
    assert heads[:3] == ["localization (0)", "classification (1)", "duplicate (1)"]
    fine, coarse = pictures["anchors"].figure.axes
    assert (fine.get_title(), coarse.get_title()) == (
        "cells of 8 x 8 pixels: 2 anchors",
        "cells of 20 x 20 pixels: 1 anchors",
    )
    # The middle cell of 8 pixels begins at 16: its middle is 20; boxes are drawn from the middle of a pixel.
    drawn = [(*patch.get_xy(), patch.get_width(), patch.get_height()) for patch in fine.patches]
    assert drawn == [(15.5, 15.5, 8, 8), (16.5, 13.5, 6, 12), (13.5, 16.5, 12, 6)]


def test_a_run_without_mistakes_and_one_that_tells_nothing_have_fewer_pictures():
    known = hand.detections()
    known["whole_mistakes"] = np.zeros(5, int)
    known["whole_anchors"] = np.zeros((0, 4))
    assert [picture.name for picture in PICTURES["detection"](known)] == ["boxes", "precision", "mistakes"]
    plain = {name: values for name, values in known.items() if not name.startswith("whole_")}
    assert [picture.name for picture in PICTURES["detection"](plain)] == ["boxes"]


def test_the_worst_maps_are_shown_too():
    known = fake.balloon_predictions("segmentation")
    known |= {"row": np.arange(8) * 2, "whole_mistakes": np.zeros(20)}
    known["whole_mistakes"][[4, 10]] = 0.2, 0.7
    known["prediction_mask"][5] = 1 - (known["target_mask"][5] > 0)  # not a pixel is right
    overlays, worst = PICTURES["segmentation"](known)
    titles = [axes.get_title() for axes in worst.figure.axes]
    assert titles[:2] == ["picture", "picture"]
    assert titles[4] == "predicted: 0%"
    assert "The 2 of all 20 test examples with most wrong pixels" in worst.caption
    assert "The first 5 test examples" in overlays.caption


# The sections


def _page(tmp_path, networks) -> str:
    """`networks`: benchmark -> (task, its seeds, each the arrays that it kept, its score, its pictures a second)."""
    for benchmark, (task, seeds) in networks.items():
        for seed, (kept, scores, speed) in enumerate(seeds):
            described = {"architecture": benchmark, "scale": "paper", "dataset": "balloons", "task": task}
            folder = tmp_path / "runs" / benchmark / f"seed-{seed}"
            given = {"validation": {**scores, "loss": 0.1}, "test": {**scores, "loss": 0.1}}
            monitor = next(iter(scores))
            settings = fake.settings(benchmark, seed, **described)
            fake.write_run(folder, settings, 0.5, monitor=monitor, scores=given, predictions=kept)
            if speed:
                fake.write_json(folder / "timings.json", {**fake.timings(), "predicted_per_second": speed})
    options = Options(title="t", seeds={name: range(len(one[1])) for name, one in networks.items()}, study_seeds={})
    folders = tmp_path / "runs", tmp_path / "studies", tmp_path / "report"
    return site_text(write_report("tour", list(networks), [], *folders, options))


def _cells(page: str, section: str) -> list[str]:
    part = page.split(f'<section id="{section}">')[1].split("</section>")[0]
    return re.findall("<td[^>]*>([^<]*)</td>", part)


def test_the_section_tells_mistakes_as_means_over_seeds(tmp_path):
    good, off = hand.detections(), hand.detections(pixels=6)  # off by 6 of 10 pixels: IoU 1/4
    networks = {
        "yolo_v2": ("detection", [(good, {"map_50": 0.4}, 50.0), (off, {"map_50": 0.2}, 70.0)]),
        "faster": ("region_detection", [({**good, "whole_stages": np.array(2)}, {"map_50": 0.5}, 9.0)]),
    }
    page = _page(tmp_path, networks)
    cells = _cells(page, "detections-balloons")
    assert cells[0] == "yolo_v2"
    counts = [cell.split(" ")[0] for cell in cells[1:9]]
    both = [good["whole_error_counts"] + off["whole_error_counts"]][0] / 2
    assert counts == [f"{count:.4g}" for count in both]
    assert off["whole_error_counts"][0] > 0
    assert cells[9] == "n=2"
    assert cells[10] == "faster"
    assert [cell.split(" ")[0] for cell in cells[11:19]] == ["0", "1", "1", "1", "0", "1", "3", "2"]
    assert cells[20:] == ["yolo_v2", "one", "60", "0.3", "n=2", "faster", "two", "9", "0.5", "n=1"]
    tables = tmp_path / "report" / "tables"
    classes = pd.read_csv(tables / "found-boxes-balloons-classes.csv")
    assert classes.columns.tolist() == ["benchmark", "round", "long"]
    assert classes["round"].tolist() == pytest.approx([hand.CLASS_0 / 2, hand.CLASS_0], rel=1e-5)
    sizes = pd.read_csv(tables / "found-boxes-balloons-sizes.csv")
    assert sizes["small"].iloc[1] == pytest.approx(hand.CLASS_0 / 2, rel=1e-5)
    assert sizes[["medium", "large"]].isna().all(axis=None)
    for name in ("classes", "precision", "sizes", "mistakes"):
        text = (tmp_path / "report" / "figures" / f"found-boxes-balloons-{name}.svg").read_text()
        assert all(network in text for network in networks)
    speed = (tmp_path / "report" / "figures" / "pace-balloons.svg").read_text()
    assert all(words in speed for words in ("one stage", "two stages", "pictures a second"))
    assert "5 test examples, which have 5 objects: 5 small, 0 medium, 0 large" not in page
    assert "5 small, 0 medium, 0 large" in page
    assert "masks" not in page.split('<section id="detections-balloons">')[1].split("</section>")[0]


def test_masks_have_their_own_part(tmp_path):
    known = hand.detections()
    masks = {f"whole_mask_{name.removeprefix('whole_')}": known[name] for name in known if name.startswith("whole_")}
    shapes = known["prediction_label"].shape
    kept = {**known, **masks, "prediction_mask": np.full((*shapes, 4, 4), 255, "uint8")}
    kept["target_masks"] = np.zeros((*known["target_box_label"].shape, hand.SIDE, hand.SIDE), "uint8")
    page = _page(tmp_path, {"mask_rcnn": ("instance_segmentation", [(kept, {"mask_map_50": 0.1, "map_50": 0.4}, 5.0)])})
    part = page.split('<section id="detections-balloons">')[1].split("</section>")[0]
    assert [head for head in ("Boxes", "Masks", "Speed") if f">{head}<" in part] == ["Boxes", "Masks", "Speed"]
    assert (tmp_path / "report" / "tables" / "found-masks-balloons-mistakes.csv").is_file()
    names = [picture.name for picture in PICTURES["instance_segmentation"](kept)]
    assert names == ["masks", "worst", "mask_precision", "mask_mistakes", "precision", "mistakes", "anchors"]


def test_borders_are_told_by_the_width_of_the_band(tmp_path):
    def kept(*ious):
        told = {"whole_border_pixels": np.array([1, 4]), "whole_border_mean_iou": np.array(ious)}
        return {**fake.balloon_predictions("segmentation"), **told, "whole_mistakes": np.zeros(8), "row": np.arange(8)}

    networks = {
        "fcn32s": (
            "segmentation",
            [(kept(0.2, 0.4), {"mean_iou": 0.7}, None), (kept(0.3, 0.5), {"mean_iou": 0.8}, None)],
        ),
        "deeplab": ("segmentation", [(kept(0.6, 0.65), {"mean_iou": 0.75}, None)]),
    }
    page = _page(tmp_path, networks)
    cells = _cells(page, "borders-balloons")
    assert cells == ["fcn32s", "0.25", "0.45", "0.75", "n=2", "deeplab", "0.6", "0.65", "0.75", "n=1"]
    assert "all 8 test pictures" in page
    table = pd.read_csv(tmp_path / "report" / "tables" / "borders-balloons.csv")
    assert table["1"].tolist() == [0.25, 0.6]
    assert table["everywhere"].tolist() == [0.75, 0.75]
    text = (tmp_path / "report" / "figures" / "borders-balloons.svg").read_text()
    assert all(words in text for words in ("fcn32s", "deeplab", "pixels to each side of a border"))


def test_runs_that_told_nothing_have_no_section(tmp_path):
    page = _page(tmp_path, {"yolo_v2": ("detection", [(fake.balloon_predictions("detection"), {"map_50": 0.4}, None)])})
    assert "detections-" not in page
    assert "borders-" not in page
