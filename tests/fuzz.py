"""Seeded mutations of the project's own params.yaml files, as values and as text, and what becomes of one.

`python -m fuzz SEED COUNT`, in `tests/`, tries many and prints those that do not end as they should.
"""

from __future__ import annotations

import datetime
import itertools
import random
import re
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

import archbench  # noqa: F401 -- chooses the Keras backend
from archbench import dialect, dvcfile, recipes, resolve
from archbench.architectures import ARCHITECTURES
from archbench.augmentations import AUGMENTATIONS
from archbench.cli.data import look_up
from archbench.cli.forecast import Forecast
from archbench.config import read_config
from archbench.datasets import DATASETS
from archbench.errors import UserError
from archbench.losses import LOSSES
from archbench.optimizers import OPTIMIZERS
from archbench.parts import CATALOGUES
from archbench.preprocessing import PREPROCESSING
from archbench.project import Folders
from archbench.schedules import SCHEDULES
from archbench.tasks import TASKS

ROOT = Path(__file__).parents[1]
FILES = ("params.yaml", *(f"pipelines/{name}/params.yaml" for name in ("full", "real", "paper")))
MOST_LINES, MOST_CHARACTERS = 20, 2_000
HANGS_AFTER = 60
"""Seconds, many times what any mutation takes."""

KEYS = {
    "architecture": ARCHITECTURES,
    "task": TASKS,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "preprocessing": PREPROCESSING,
    **CATALOGUES,
}
"""Key of params.yaml -> the catalogue that it names an entry of."""
NUMBERS = (
    0, 1, 2, 3, 7, -1, -3, 40, 300, 5_000, 10**6, 10**9, 10**12, -(10**12), 2**63, 2**64, 10**30, 10**400,
    0.0, 0.5, -0.5, 1.0, 1.5, 2.0, 1e-30, -1e-30, 1e30, 1e308, float("nan"), float("inf"), float("-inf"),
)  # fmt: skip
TEXTS = (
    "", " ", "x", "con", "nul", "..", "../x", "a/b", "A", "é", "1e5", "on", "null", "~", "%s", "${x}", "{{ size }}",
    "\x1b[31mred", "a\nb", "a\tb", "\u202eevil", "\x07", "x" * 300, "y" * 5_000, "n\n" * 500, "-", "_",
    "z" * 30_000,
)  # fmt: skip
RAW = (
    "{{ size }}", "2024-13-01", "2024-12-01", "2024-12-01 10:00:00", "!!binary aGk=", "!!set {a, b}",
    "!!python/name:os", "0x" + "f" * 5_000, "9" * 5_000, "9" * 4_000, "1" * 400, "0o777", "1_000", "12:30:45",
    "!!float x", "!!int x", "&a [*a]", "*nowhere", "!!timestamp 1", "? a", "!!omap [a: 1]", ".inf", "-.inf", ".nan",
    "1e999", "!x y", "'", '"',
    "[1, 2", "{a: 1", "@x", "`x`", "|", ">", "!!null x", "!!bool maybe", "<<", "=", '"\\x1b[2J"', '"\\0"', "- - -",
    "!!pairs [a: 1, a: 2]", "!!merge x", "%YAML 1.1",
)  # fmt: skip
"""What stands for no plain value, or for none at all."""
TEXT_BITS = (
    "\t", "\x00", "\x01", "\x1b[31m", "\x85", "\u2028", "\ufeff", "&a ", "*a", "<<: *a", "!!python/object:os.x ",
    "%TAG", "---\n", "...\n", ": ", "- ", "? ", "#", "{", "}", "[", "]", ",", "'", '"', "|", ">", "@", "\r", "\n",
    "  ", "\xff",
)  # fmt: skip


def mutations(seed: int, count: int) -> Iterator[bytes]:
    """Texts of params.yaml files, each with something wrong or odd in it; the same for the same seed."""
    files = [dialect.read((ROOT / name).read_text(encoding="utf-8")) for name in FILES]
    for number in range(count):
        yield one_mutation(random.Random(f"{seed}-{number}"), files)


def one_mutation(chance: random.Random, files: list[dict[str, Any]]) -> bytes:
    """One of them."""
    values = _part_of(chance.choice(files), chance)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        chance.choices(VALUE_CHANGES, WEIGHTS)[0](values, chance)
    text = _written(values)
    return chance.choice(TEXT_CHANGES)(text, chance) if chance.random() < 0.25 else text.encode()


def attempt(text: bytes, folder: Path, *, to_the_end: bool = True) -> str:
    """What `archbench plan` and `archbench doctor` make of a params.yaml: "accepted", or the message that refuses it.

    Not `to_the_end`, dvc.yaml is not written and no network is outlined. Raises what is no `UserError`, and
    `TimeoutError` where it hangs.
    """
    path = folder / "params.yaml"
    path.write_bytes(text)
    try:
        with _watched():
            config = read_config(path)
            plans = resolve.resolve_all(config)
            if not to_the_end:
                return "accepted"
            folders = Folders(folder, config.pipeline)
            dvcfile.render(config, folders, folder)
            data = {slug: look_up(slug, config.datasets, folders) for slug in config.datasets}
            costs = Forecast(config, folders, data, "cpu")
            for slug, plan in plans.items():
                costs.stage(f"train@{slug}", plans)
                costs.model_bytes(plan)
            for slug in config.studies:
                costs.stage(f"sweep@{slug}", plans)
    except UserError as error:
        return str(error)
    return "accepted"


def fault_of(message: str) -> str | None:
    """What is wrong with a message."""
    if len(message.splitlines()) > MOST_LINES + 1 or len(message) > MOST_CHARACTERS + 100:
        return f"a wall of {len(message):,} characters"
    if not message.strip():
        return "no message"
    raw = [letter for letter in message if not letter.isprintable() and letter != "\n"]
    return f"raw {raw[:3]!r}" if raw else None


@contextmanager
def _watched() -> Iterator[None]:
    def too_long(*_: Any) -> None:
        raise TimeoutError(f"not done after {HANGS_AFTER} s")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, HANGS_AFTER)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _part_of(whole: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """A small params.yaml with some of the benchmarks of a large one, and the data they need."""
    benchmarks = dict(chance.sample(sorted(whole["benchmarks"].items()), chance.choice((1, 1, 2))))
    for one in list(benchmarks.values()):
        if beats := recipes.merged(one, whole["recipes"]).get("beats"):
            benchmarks[beats["benchmark"]] = whole["benchmarks"][beats["benchmark"]]
    studies, probes = (_one_or_none(whole.get(key, {}), chance) for key in ("studies", "probes"))
    places = (*benchmarks.values(), *(one["base"] for one in (*studies.values(), *probes.values())))
    used = {recipes.merged(one, whole["recipes"])["dataset"] for one in places}
    values = {**whole, "benchmarks": benchmarks, "datasets": {slug: whole["datasets"][slug] for slug in sorted(used)}}
    values["recipes"] = {name: whole["recipes"][name] for one in places for name in recipes.named(one)}
    for key, asked in (("studies", studies), ("probes", probes), ("speed", None)):
        values.pop(key, None)
        values |= {key: asked} if asked else {}
    values = _copy(values)
    for study in studies and values["studies"].values():
        for large in [study["arms"]] if "arms" in study else study["cross"].values():
            for name in chance.sample(sorted(large), max(len(large) - 3, 0)):
                del large[name]
    return values


def _one_or_none(asked: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """One of the studies or probes that have a base, or none."""
    with_base = sorted((name, one) for name, one in asked.items() if "base" in one)
    return dict(chance.sample(with_base, min(len(with_base), chance.choice((0, 1)))))


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(inner) for key, inner in value.items()}
    return [_copy(inner) for inner in value] if isinstance(value, list) else value


class Raw(str):
    """Text that is put into the file as it stands."""


def _odd(chance: random.Random, depth: int = 0) -> Any:
    """A value that few keys take."""
    kind = chance.randrange(9 if depth < 3 else 5)
    if kind <= 1:
        return chance.choice(NUMBERS)
    if kind == 2:
        return chance.choice(TEXTS)
    if kind == 3:
        return chance.choice((None, True, False, [], {}, datetime.date(2024, 12, 1), b"\xff\x00"))
    if kind == 4:
        return Raw(chance.choice(RAW))
    if kind == 5:
        return [_odd(chance, depth + 1) for _ in range(chance.choice((1, 2, 5)))]
    if kind == 6:
        return {_odd_key(chance): _odd(chance, depth + 1) for _ in range(chance.choice((1, 2, 5)))}
    if kind == 7:
        return _spec(chance.choice(list(KEYS.values())), chance)
    return chance.choice(
        ([chance.choice(NUMBERS)] * _many_or_few(chance), {f"k{n}": n for n in range(_many_or_few(chance))})
    )


def _many_or_few(chance: random.Random) -> int:
    """How often something stands; thousands are rare, as it takes a second to read them."""
    return chance.choices((1, 3, 100, 5_000), (20, 20, 20, 1))[0]


def _odd_key(chance: random.Random) -> Any:
    return chance.choice((*TEXTS, "name", "x", "parts", 5, 1.5, None, True, datetime.date(2024, 1, 1), (1, 2)))


def _spec(catalogue: Any, chance: random.Random) -> dict[str, Any]:
    """An entry with an odd value for one or two of its options."""
    entry = chance.choice(list(catalogue))
    options = [name for name in entry.options if name != "parts"]
    given = {name: _option(chance, entry.options[name]) for name in chance.sample(options, min(len(options), 2))}
    return {"name": entry.name, **given}


def _option(chance: random.Random, default: Any) -> Any:
    """A value that is of an option's type as often as not."""
    if isinstance(default, tuple) and chance.random() < 0.7:
        length = chance.choice((len(default), len(default), 0, 1, 9, _many_or_few(chance)))
        return [chance.choice((*NUMBERS, 1, 1, 2, 2, 3)) for _ in range(length)]
    return chance.choice(NUMBERS) if chance.random() < 0.7 else _odd(chance)


def _places(value: Any, path: tuple = ()) -> Iterator[tuple]:
    """Where anything stands in `value`."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in itertools.islice(inner, 60):
        yield (*path, key)
        yield from _places(item, (*path, key))


def _at(values: Any, path: tuple) -> Any:
    for key in path:
        values = values[key]
    return values


def _somewhere(values: Any, chance: random.Random) -> tuple[Any, Any]:
    *path, last = chance.choice([*_places(values)] or [("x",)])
    return _at(values, tuple(path)), last


def _replace(values: Any, chance: random.Random) -> None:
    place, key = _somewhere(values, chance)
    place[key] = _odd(chance)


def _remove(values: Any, chance: random.Random) -> None:
    place, key = _somewhere(values, chance)
    place.pop(key, None) if isinstance(place, dict) else place.pop(key)


def _rename(values: Any, chance: random.Random) -> None:
    place, key = _somewhere(values, chance)
    if isinstance(place, dict):
        place[_odd_key(chance)] = place.pop(key, None)


def _add(values: Any, chance: random.Random) -> None:
    place, _ = _somewhere(values, chance)
    if isinstance(place, dict):
        place[_odd_key(chance)] = _odd(chance)


def _swap(values: Any, chance: random.Random) -> None:
    (one, first), (two, second) = _somewhere(values, chance), _somewhere(values, chance)
    one[first], two[second] = (
        _copy(two.get(second) if isinstance(two, dict) else two[second]),
        _copy(one.get(first) if isinstance(one, dict) else one[first]),
    )


def _wrap(values: Any, chance: random.Random) -> None:
    place, key = _somewhere(values, chance)
    for _ in range(chance.choice((1, 2, 20, 60, 90))):
        place[key] = [place[key]] if chance.random() < 0.5 else {chance.choice(("name", "then", "x")): place[key]}


def _benchmark(values: Any, chance: random.Random) -> dict[str, Any] | None:
    """A benchmark, a recipe, the base or an arm of a study."""
    found = [*_mappings(values.get("benchmarks")), *_mappings(values.get("recipes"))]
    for study in _mappings(values.get("studies")):
        found += [study.get("base"), *_mappings(study.get("arms"))]
    found = [one for one in found if isinstance(one, dict)]
    return chance.choice(found) if found else None


def _mappings(value: Any) -> list[dict]:
    return [one for one in value.values() if isinstance(one, dict)] if isinstance(value, dict) else []


def _other_entry(values: Any, chance: random.Random) -> None:
    """An entry of the right catalogue, or of a wrong one, with odd options."""
    place = _benchmark(values, chance)
    if place is None:
        return
    key = chance.choice(["architecture"] * 6 + list(KEYS))
    right = KEYS[key] if chance.random() < 0.9 else chance.choice(list(KEYS.values()))
    if key in CATALOGUES:
        place = place.setdefault("parts", {})
    if isinstance(place, dict):
        place[key] = _spec(right, chance)


def _other_option(values: Any, chance: random.Random) -> None:
    """An odd value for an option of the entry that stands there."""
    place = _benchmark(values, chance)
    key = chance.choice(["architecture"] * 4 + ["optimizer", "schedule", "task"])
    if place is None or key not in place:
        return
    spec = place[key] if isinstance(place[key], dict) else {"name": place[key]}
    known = {entry.name: entry for entry in KEYS[key]}
    entry = known.get(spec.get("name")) if isinstance(spec.get("name"), str) else None
    if entry and entry.options:
        name = chance.choice(list(entry.options))
        place[key] = {**spec, name: _option(chance, entry.options[name])}


def _other_data(values: Any, chance: random.Random) -> None:
    datasets = values.get("datasets")
    if isinstance(datasets, dict) and datasets:
        slug = chance.choice(list(datasets))
        spec = _spec(DATASETS, chance)
        before = datasets[slug] if isinstance(datasets[slug], dict) else {}
        entry = DATASETS[spec["name"]]
        if chance.random() < 0.6:  # the data that are there, with an odd option
            known = {one.name for one in DATASETS}
            name = before.get("name", slug)
            entry = DATASETS[name] if isinstance(name, str) and name in known else entry
        option = chance.choice(list(entry.options) or [_odd_key(chance)])
        odd = _option(chance, entry.options[option]) if option in entry.options else _odd(chance)
        datasets[slug] = {**before, "name": entry.name, option: odd}


def _cross(values: Any, chance: random.Random) -> None:
    """A study of two axes, of odd names, of odd keys or of very many values."""
    keys = ["parts.activation", "optimizer.name", "batch_size", "parts", "clip.norm", "x.y.z", "", ".", "a..b", "scale"]

    def axis() -> Any:
        kinds = (
            {_odd_key(chance): _odd(chance) for _ in range(2)},
            {"a": "relu", "b": "gelu"},
            {f"v{n}": n for n in range(chance.choice((2, 30, 100)))},
            _odd(chance),
        )
        return chance.choice(kinds)

    place = chance.choice(_mappings(values.get("studies")) or [{}])
    place.pop("arms", None)
    place["cross"] = {chance.choice((*keys, _odd_key(chance))): axis() for _ in range(chance.choice((1, 2, 2, 2, 3)))}


def _space(values: Any, chance: random.Random) -> None:
    keys = ["learning_rate", "batch_size", "parts.dropout", "clip.norm", "schedule.decay", "architecture.width", "x.y"]
    keys += ["architecture.parts", "parts.regularizer.strength", "task.loss", "", ".", "optimizer.beta_1", "momentum"]
    place = chance.choice(_mappings(values.get("studies")) or [{}])
    keys += ["parts.activation", "architecture.name", "architecture.units", "optimizer.name"]
    one = {"low": chance.choice(NUMBERS), "high": chance.choice(NUMBERS), "integer": chance.random() < 0.4}
    several = {"choices": [chance.choice((chance.choice(NUMBERS), "relu", _odd(chance))) for _ in range(2)]}
    place["space"] = {chance.choice((*keys, _odd_key(chance))): chance.choice((one, several, _odd(chance)))}
    place["sampler"] = chance.choice(("tpe", "grid", "gp", "random", "quasi_random", "reinforce"))


def _parts_and_more(values: Any, chance: random.Random) -> None:
    """Other keys of a recipe."""
    place = _benchmark(values, chance)
    if place is not None:
        key = chance.choice(("augmentation", "clip", "early_stopping", "batch_size", "seeds", "scale", "start", "task"))
        place[key] = chance.choice(
            (_odd(chance), [_spec(AUGMENTATIONS, chance)], {"name": "classification", "loss": _spec(LOSSES, chance)})
        )


def _other_expectations(values: Any, chance: random.Random) -> None:
    """Scores and benchmarks to beat that there may be, and odd ones."""
    place, known = _benchmark(values, chance), values.get("benchmarks")
    if place is None:
        return
    score, bound = chance.choice(("accuracy", "mean_iou", "loss", _odd_key(chance))), chance.choice((0.5, _odd(chance)))
    beat = {"benchmark": chance.choice([*known, "nowhere"] if isinstance(known, dict) else ["nowhere"]), "by": bound}
    kinds = [("expect", {score: bound}), ("beats", beat), ("beats", [beat, {**beat, "metric": score}])]
    key, value = chance.choice([*kinds, ("expect", _odd(chance)), ("beats", _odd(chance)), ("margin", bound)])
    place[key] = value


def _other_recipes(values: Any, chance: random.Random) -> None:
    """Recipes that are not there, very many or odd ones, circles, and a piece of a recipe for what uses it."""
    place, known = _benchmark(values, chance), values.get("recipes")
    if place is None:
        return
    names = [*known] if isinstance(known, dict) else []
    kinds = (
        _odd(chance),
        chance.choice([*names, "nowhere", "x"]),
        [*recipes.named(place), *chance.choices(names or ["nowhere"], k=chance.choice((1, 2, 3, 15, 21, 300)))],
    )
    place["recipe"] = chance.choice(kinds)
    if names and chance.random() < 0.4:
        name = chance.choice(names)
        known[name] = chance.choice((_odd(chance), {"recipe": name}, {_odd_key(chance): _odd(chance)}, _copy(place)))


def _many(values: Any, chance: random.Random) -> None:
    """Very many keys, known ones or unknown."""
    place, _ = _somewhere(values, chance)
    if isinstance(place, dict) and place:
        one = next(iter(place.values()))
        place |= {f"more-{n}": _copy(one) if chance.random() < 0.01 else n for n in range(_many_or_few(chance))}


def _chain(values: Any, chance: random.Random) -> None:
    """Schedules inside schedules."""
    spec: Any = "cosine"
    for _ in range(chance.choice((2, 10, 40, 90))):
        spec = {"name": chance.choice(("warmup", "linear_scaling")), "then": spec}
        spec |= {"epochs": 1} if spec["name"] == "warmup" else {}
    place = _benchmark(values, chance)
    if place is not None:
        place["schedule"] = spec


def _plugins(values: Any, chance: random.Random) -> None:
    """Files that are none, or none that can be a plugin."""
    if isinstance(values, dict):
        odd = [chance.choice((*TEXTS, "a.py", "~x/a.py", "a\0b.py", "/dev/null", ".py")) for _ in range(2)]
        values["plugins"] = chance.choice((odd, odd[:1], odd[0], _odd(chance)))


VALUE_CHANGES = (
    _replace, _remove, _rename, _add, _swap, _wrap, _other_entry, _other_option, _other_data, _cross, _space,
    _parts_and_more, _many, _chain, _other_recipes, _other_expectations, _plugins,
)  # fmt: skip
WEIGHTS = (12, 2, 4, 4, 4, 3, 14, 12, 8, 5, 5, 5, 2, 1, 6, 4, 3)


def _written(values: Any) -> str:
    raw: list[str] = []

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    def keep(dumper: Any, text: Raw) -> Any:
        raw.append(text)
        return dumper.represent_scalar("tag:yaml.org,2002:str", f"RAW{len(raw) - 1}WAR")

    Dumper.add_representer(Raw, keep)
    Dumper.add_representer(tuple, lambda dumper, value: dumper.represent_list(list(value)))
    sys.set_int_max_str_digits(0)
    text = yaml.dump(values, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=200)
    sys.set_int_max_str_digits(4300)
    return re.sub(r"RAW(\d+)WAR", lambda found: raw[int(found[1])], text)


def _cut(text: str, chance: random.Random) -> bytes:
    return text[: chance.randrange(len(text))].encode()


def _line_twice(text: str, chance: random.Random) -> bytes:
    lines = text.splitlines(keepends=True)
    line = chance.randrange(len(lines))
    return "".join([*lines[: line + 1], lines[line], *lines[line + 1 :]]).encode()


def _line_gone(text: str, chance: random.Random) -> bytes:
    lines = text.splitlines(keepends=True)
    del lines[chance.randrange(len(lines))]
    return "".join(lines).encode()


def _indented(text: str, chance: random.Random) -> bytes:
    lines = text.splitlines(keepends=True)
    line = chance.randrange(len(lines))
    lines[line] = chance.choice((" ", "  ", "\t", "        ")) + lines[line]
    return "".join(lines).encode()


def _bit(text: str, chance: random.Random) -> bytes:
    place = chance.randrange(len(text))
    return (text[:place] + chance.choice(TEXT_BITS) + text[place:]).encode()


def _byte(text: str, chance: random.Random) -> bytes:
    data = bytearray(text.encode())
    data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


def _alias_bomb(text: str, chance: random.Random) -> bytes:
    opening, closing = chance.choice(("[]", ("{k: ", "}")))
    levels = [f"a0: &a0 {opening}x{closing}" if opening == "[" else "a0: &a0 {k: x}"]
    for level in range(1, chance.choice((5, 30))):
        again = [f"*a{level - 1}"] * 9
        inner = ", ".join(again if opening == "[" else (f"k{n}: {one}" for n, one in enumerate(again)))
        levels.append(f"a{level}: &a{level} " + (f"[{inner}]" if opening == "[" else f"{{{inner}}}"))
    return ("\n".join(levels) + "\n" + text).encode()


def _merge_bomb(text: str, chance: random.Random) -> bytes:
    levels = ["m0: &m0 {x: 1, y: 2}"]
    for level in range(1, chance.choice((5, 30))):
        levels.append(f"m{level}: &m{level} {{<<: [{', '.join([f'*m{level - 1}'] * 9)}]}}")
    return ("\n".join(levels) + "\n" + text).encode()


def _deep(text: str, chance: random.Random) -> bytes:
    depth, (opening, closing) = (
        chance.choice((20, 90, 200, 900, 20_000)),
        chance.choice(("[]", ("{a: ", "}"), ("- ", ""))),
    )
    return (text + "\nscale: " + opening * depth + "1" + closing * depth).encode()


def _huge(text: str, chance: random.Random) -> bytes:
    return (text + chance.choice(("# comment\n", "\n", "- x\n", "k: v\n", "a")) * 300_000).encode()


TEXT_CHANGES = (
    _cut, _line_twice, _line_gone, _indented, _bit, _bit, _bit, _byte, _byte, _alias_bomb, _merge_bomb, _deep, _huge,
)  # fmt: skip


def main(seed: int, count: int, first: int = 0) -> None:
    """Try mutations; one line for each, which begins with how it ended."""
    files = [dialect.read((ROOT / name).read_text(encoding="utf-8")) for name in FILES]
    with tempfile.TemporaryDirectory() as folder:
        for number in range(first, first + count):
            text = one_mutation(random.Random(f"{seed}-{number}"), files)
            print(f"{number} begins", flush=True)
            try:
                message = attempt(text, Path(folder))
                fault = fault_of(message)
                line = f"WALL {fault}" if fault else "accepted" if message == "accepted" else "refused"
            except TimeoutError as error:
                line = f"HANG {error}"
            except Exception as error:
                places = [
                    f"{Path(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)
                ]
                line = f"TRACEBACK {type(error).__name__}: {str(error)[:200]!r} {' < '.join(reversed(places[-6:]))}"
            print(f"{number} {line}", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
