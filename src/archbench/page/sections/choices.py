"""A page for every optimizer, schedule and part that studies compare: what it is, and how it did in each of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from archbench.activations import ACTIVATIONS
from archbench.catalogue import Catalogue
from archbench.figures.choices import function_and_slope, rates_by_epoch
from archbench.figures.style import style
from archbench.initializers import INITIALIZERS
from archbench.normalizations import NORMALIZATIONS
from archbench.optimizers import OPTIMIZERS
from archbench.page import formats
from archbench.page.figures import MOST_LINES
from archbench.page.section import Block, Figures, Heading, Row, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.page.standings import seeds
from archbench.regularizers import REGULARIZERS
from archbench.results.effects import effects
from archbench.results.gathered import Results
from archbench.results.statistics import NO_COMPARISON
from archbench.results.studies import Arm, Study
from archbench.schedules import SCHEDULES

KINDS: dict[str, Catalogue] = {
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "activation": ACTIVATIONS,
    "normalization": NORMALIZATIONS,
    "initializer": INITIALIZERS,
    "regularizer": REGULARIZERS,
}
"""What arms of a study differ in -> what there is of it."""
Found = tuple[Study, Arm]


@section("choices", order=310, needs=("studies",), source="archbench")
def choices(results: Results, place: Workplace) -> Iterator[Section]:
    """Every choice with the studies that have it; none where no study compares any of these kinds."""
    found: dict[tuple[str, str], list[Found]] = {}
    for study in results.studies:
        for kind in KINDS:
            named = {arm.name: name for arm in study.listed if (name := _chosen(arm, kind))}
            if len(set(named.values())) > 1:
                for arm in study.arms:
                    if arm.name in named:
                        found.setdefault((kind, named[arm.name]), []).append((study, arm))
    if not found:
        return
    rows = [_overview_row(kind, name, own) for (kind, name), own in found.items()]
    yield Section("choices", "All choices of the studies", [Table(rows)])
    for (kind, name), own in found.items():
        blocks = [*_about(kind, name), *_drawn(kind, name, own, place), Heading("In the studies"), Table(_rows(own))]
        anchor = formats.file_name("choice", kind, name)
        names = [name] if _is_meant(name, own, results.studies) else []
        yield Section(anchor, f"{name} ({kind})", blocks, listed=False, brief=False, names=names)


def _is_meant(name: str, own: Sequence[Found], studies: Sequence[Study]) -> bool:
    """Whether every arm of that name is this choice: `none` may be no normalization, or no regularizer."""
    here = {(study.name, arm.name) for study, arm in own}
    return all((study.name, arm.name) in here for study in studies for arm in study.arms if arm.name == name)


def _chosen(arm: Arm, kind: str) -> str | None:
    """The name of what the final runs of an arm have of a kind; None where they have none, or none is known."""
    settings = next((run.settings for run in arm.runs if run.settings), {})
    spec: Mapping[str, Any] | str | None = settings.get(kind) or settings.get("parts", {}).get(kind)
    return spec["name"] if isinstance(spec, Mapping) else spec


def _about(kind: str, name: str) -> list[Block]:
    """What the catalogue says of it; nothing of one that is no longer there."""
    entry = next((entry for entry in KINDS[kind] if entry.name == name), None)
    return [Text(f"{entry.what.rstrip('.')}. Source: {entry.source}.")] if entry else []


def _drawn(kind: str, name: str, own: Sequence[Found], place: Workplace) -> list[Block]:
    """An activation by its function, a schedule by the rates of its runs; of other kinds nothing."""
    with style():
        if kind == "activation" and (values := _values(name)) is not None:
            drawn, caption = function_and_slope(*values, name=name), f"{name} (line) and its slope (dashes)."
        elif kind == "schedule" and (rates := _rates(own)):
            drawn, caption = rates_by_epoch(rates), f"The learning rates that runs with {name} had after each epoch."
        else:
            return []
        shown = place.gallery.keep(drawn, formats.file_name("choice", kind, name), f"{name}, drawn", caption)
    return [Figures([shown])]


def _values(name: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Inputs, and what the activation makes of each alone; None for one that looks at several at once."""
    entry = next((entry for entry in ACTIVATIONS if entry.name == name), None)
    if entry is None or "widening" in entry.facts or name == "softmax":
        return None
    import keras

    x = np.linspace(-4, 4, 321, dtype="float32")
    inputs = keras.Input((1,))
    outputs = keras.Model(inputs, entry(inputs))(x[:, None], training=False)
    return x, keras.ops.convert_to_numpy(outputs)[:, 0]


def _rates(own: Sequence[Found]) -> dict[str, list[float]]:
    """Arm -> the rates of its first finished run, of as many arms as lines can be told apart."""
    rates = {}
    for study, arm in own[:MOST_LINES]:
        run = next((run for run in arm.runs if run.finished and "learning_rate" in run.history), None)
        if run is not None and run.history["learning_rate"].max() > 0:
            rates[f"{study.name} / {arm.name}"] = list(run.history["learning_rate"])
    return rates


def _overview_row(kind: str, name: str, own: Sequence[Found]) -> Row:
    return {
        "Choice": f"{name} ({kind})",
        "Kind": kind,
        "Studies": formats.in_words(list(dict.fromkeys(study.name for study, _ in own))),
        "Arms": str(len(own)),
    }


def _rows(own: Sequence[Found]) -> list[Row]:
    return [_row(study, arm) for study, arm in own]


def _row(study: Study, arm: Arm) -> Row:
    found = effects(study.listed) if study.equal else None
    gain = found.gains.get(arm.label, NO_COMPARISON) if found else NO_COMPARISON
    compared = found is not None and gain.difference.n > 0
    return {
        "Study": f"Study: {study.name}",
        "Arm": arm.name,
        "Test score": f"{formats.score(arm.score)} {formats.words(study.monitor or 'score')}",
        "Seeds": seeds(arm.runs, arm.score),
        "Gain over the usual choice": f"{formats.gain(gain.difference)} over {found.usual.label}"
        if compared
        else formats.NOTHING,
        "p": formats.p_value(gain.p_holm),
        "Verdict beside the best": arm.standing.verdict,
        "Tuned setting": arm.best_setting or formats.NOTHING,
    }
