"""How runs were trained, and whether those that stand side by side are alike in it, in their data and in their code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from archbench.results.runs import Run

RECIPE = (
    "optimizer", "schedule", "epochs", "batch_size", "augmentation", "preprocessing", "clip", "early_stopping",
    "average", "precision", "loss", "start",
)  # fmt: skip
"""What a recipe is made of; the numbers of the optimizer count as one with it."""
DIGITS = 8
"""Of a digest or a commit, as far as a report shows it."""


def differing(settings: Iterable[Mapping[str, Any]]) -> list[str]:
    """The members of `RECIPE` in which runs with these settings differ."""
    recipes = [_recipe(one) for one in settings]
    return [key for key in RECIPE if any(recipe[key] != recipes[0][key] for recipe in recipes)]


def describe_recipe(settings: Mapping[str, Any]) -> str:
    """`adam at 0.002, cosine, 20 epochs, batch 32, shift`; only a constant rate is not named."""
    schedule = settings["schedule"]["name"]
    return ", ".join(
        [
            describe_optimizer(settings["optimizer"]),
            *([schedule] if schedule != "constant" else []),
            *([f"weights averaged by {settings['average']['decay']:g}"] if "average" in settings else []),
            f"{settings['epochs']} epoch{'' if settings['epochs'] == 1 else 's'}",
            f"batch {settings['batch_size']}{_in_pieces(settings)}",
            describe_augmentation(settings),
        ]
    )


def _in_pieces(settings: Mapping[str, Any]) -> str:
    asked = settings.get("micro_batch", settings["batch_size"])
    if asked == settings["batch_size"]:
        return ""
    return " in pieces that fit" if asked == "auto" else f" in pieces of {asked}"


def describe_optimizer(optimizer: Mapping[str, Any]) -> str:
    """`adam at 0.002`."""
    rate = f" at {optimizer['learning_rate']:g}" if "learning_rate" in optimizer else ""
    return f"{optimizer['name']}{rate}"


def describe_augmentation(settings: Mapping[str, Any]) -> str:
    """`flip and shift`."""
    return " and ".join(spec["name"] for spec in settings["augmentation"]) or "no augmentation"


def _recipe(settings: Mapping[str, Any]) -> dict[str, Any]:
    start = settings.get("start") or {}
    apart = {
        "average": settings.get("average"),
        "loss": settings["task"].get("loss"),
        "start": {name: value for name, value in start.items() if name != "weights_sha256"},  # which differs by seed
    }
    return {key: apart[key] if key in apart else settings[key] for key in RECIPE}


def unlike(entries: Mapping[str, Sequence[Run]]) -> list[str]:
    """A sentence for each of data, code, commit and machine in which `entries` (name -> runs) are not alike.

    A digest of code covers the files that one network depends on, so it is compared between the seeds of one entry;
    between entries only the commit tells that code which they share may differ.
    """
    found = []
    if data := _apart(entries, lambda run: run.settings["dataset_sha256"][:DIGITS]):
        found.append(f"Not the same data, by their digest: {data}.")
    for name, runs in entries.items():
        if code := _apart({name: runs}, lambda run: run.settings["code_sha256"][:DIGITS]):
            found.append(f"Seeds trained by different code, by its digest: {code}.")
    if commits := _apart(entries, lambda run: _commit(run.machine)):
        found.append(f"Trained at different commits, so code that they share may differ: {commits}.")
    if machines := _apart(entries, lambda run: f"{run.machine['backend']} on {run.machine['device']}"):
        found.append(f"Trained on different machines, so times and last digits may differ: {machines}.")
    return found


def _commit(machine: Mapping[str, Any]) -> str:
    return (machine["git_commit"] or "no commit")[:DIGITS] + (" with changes" if machine["git_dirty"] else "")


def _apart(entries: Mapping[str, Sequence[Run]], key: Any) -> str:
    """`a1b2c3d4: x seeds 0, 1; e5f6a7b8: the others`, the largest group last; empty where `key` is one for all."""
    groups: dict[str, dict[str, list[int]]] = {}
    known = [(name, run) for name, runs in entries.items() for run in runs if run.settings and run.machine]
    for name, run in known:
        groups.setdefault(key(run), {}).setdefault(name, []).append(run.seed)
    if len(groups) < 2:
        return ""
    small = sorted(groups, key=lambda value: sum(map(len, groups[value].values())))
    said = [f"{value}: {', '.join(_seeds(*item, entries) for item in groups[value].items())}" for value in small[:-1]]
    return "; ".join([*said, f"{small[-1]}: the others"])


def _seeds(name: str, seeds: Sequence[int], entries: Mapping[str, Sequence[Run]]) -> str:
    if len(seeds) == len(entries[name]):
        return name
    return f"{name} seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"
