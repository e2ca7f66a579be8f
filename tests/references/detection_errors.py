"""The mistakes of a detector by the authors' own code, tidecv: counts, and what fixing each kind wins.

`python detection_errors.py GIVEN.npz MADE.npz`: boxes are [top, left, bottom, right], a label of -1 is an empty row.
"""

import sys

import numpy as np
from tidecv import TIDE, Data

KINDS = {
    "BoxError": "localization",
    "ClassError": "classification",
    "DuplicateError": "duplicate",
    "BackgroundError": "background",
    "OtherError": "both",
    "MissedError": "missed",
    "FalsePositiveError": "false_positive",
    "FalseNegativeError": "false_negative",
}


def _box(box):
    top, left, bottom, right = (float(side) for side in box)
    return [left, top, right - left, bottom - top]


def main(given, made):
    arrays = np.load(given)
    truth, found = Data("truth"), Data("found")
    for image, labels in enumerate(arrays["box_label"]):
        truth.add_image(image, str(image))
        for place in np.flatnonzero(labels >= 0):
            truth.add_ground_truth(image, int(labels[place]), _box(arrays["boxes"][image, place]))
        for place in np.flatnonzero(arrays["label"][image] >= 0):
            said = int(arrays["label"][image, place]), float(arrays["score"][image, place])
            found.add_detection(image, *said, _box(arrays["said"][image, place]))
    run = TIDE().evaluate(truth, found, pos_threshold=0.5, background_threshold=0.1, mode=TIDE.BOX)
    gains = {**run.fix_main_errors(), **run.fix_special_errors()}
    counts = run.count_errors()
    told = {f"gain.{KINDS[kind.__name__]}": gain / 100 for kind, gain in gains.items()}
    told |= {f"count.{KINDS[kind.__name__]}": count for kind, count in counts.items()}
    np.savez(made, map_50=run.ap / 100, **told)


main(*sys.argv[1:])
