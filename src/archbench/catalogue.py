"""One lookup for every swappable thing: a name, the function that builds it, and its facts."""

from __future__ import annotations

import difflib
import importlib
import inspect
import json
import pkgutil
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from archbench._called import call
from archbench.errors import UserError, listed, shown

Spec = str | Mapping[str, Any]
"""An entry as params.yaml writes it: `adam`, or `{name: adam, beta_1: 0.95}`."""


NO_FACTS: Mapping[str, str] = {}
OUTSIDE: set[str] = set()
"""The modules that are none of the package's own and declare entries: plugins."""


class UnknownName(UserError):
    """A name that no module of the catalogue declares."""


class WrongOption(UserError):
    """An option that an entry does not take or that cannot have this value, or one that it needs and did not get."""


class IncompleteEntry(UserError):
    """A declaration without a fact that its kind needs, or with one that its kind does not know."""


SOURCE = {"source": "where the definition comes from: a paper with its arXiv id, or a book"}
"""The fact that an entry of every kind needs, and what it means."""


@dataclass(frozen=True)
class Entry:
    """What the catalogue knows of one name."""

    kind: str
    name: str
    build: Callable[..., Any]
    bound: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def what(self) -> str:
        """The first sentence of the builder's docstring."""
        return inspect.getdoc(self.build).split("\n\n")[0].replace("\n", " ")

    @property
    def source(self) -> str:
        """Where the definition comes from: a paper with its arXiv id, or a book."""
        return self.facts["source"]

    @property
    def module(self) -> str:
        """The module that declares the entry: the code a stage that uses it depends on."""
        return self.build.__module__

    @property
    def positional(self) -> tuple[str, ...]:
        """The names of what the builder is given beside its options: of an architecture what it reads, and outputs."""
        parameters = inspect.signature(self.build).parameters.values()
        return tuple(p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD)

    @property
    def options(self) -> dict[str, Any]:
        """Every option with the default this entry gives it (`inspect.Parameter.empty`: none)."""
        parameters = inspect.signature(self.build).parameters.values()
        defaults = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
        return {**defaults, **self.bound}

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise `WrongOption` where `options` names one that this entry does not take, or has one of a wrong type."""
        accepted = self.options
        for option in options:
            if option not in accepted:
                near = difflib.get_close_matches(option, accepted, n=1)
                hint = f" Did you mean {near[0]}?" if near else ""
                takes = listed(accepted, "no options")
                raise WrongOption(f"{self.kind} {self.name!r} has no option {shown(option)}.{hint} It takes: {takes}.")
            self._check_value(option, options[option])

    def _check_value(self, option: str, value: Any) -> None:
        """Hold a value that params.yaml can write against the builder's annotation."""
        try:
            text = json.dumps(value, allow_nan=False)
        except TypeError:
            return  # an object, which only code can give
        except ValueError:
            why = "Input should be a finite number"
        else:
            why = _fault(self.build, option, text)
        if why:
            raise WrongOption(f"{self.kind} {self.name!r}: {option} cannot be {shown(value)}. {why}.")

    def check_whole(self, options: Mapping[str, Any]) -> None:
        """As `check`, and raise `WrongOption` where an option is missing that has no default."""
        self.check(options)
        missing = [
            name for name, default in self.options.items() if default is inspect.Parameter.empty and name not in options
        ]
        if missing:
            raise WrongOption(f"{self.kind} {self.name!r} needs the option {', '.join(missing)}.")

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Build, with this entry's own options under the given ones; raises `WrongOption`.

        A whole number is as good as any where an option takes fractions, but not for all that is built of it.
        """
        self.check_whole(options)
        given = {name: float(one) if self._takes_fractions(name, one) else one for name, one in options.items()}
        return self.build(*args, **{**self.bound, **given})

    def _takes_fractions(self, option: str, value: Any) -> bool:
        return type(value) is int and type(_annotated(self.build, option).validate_python(value)) is float


@cache
def _annotated(build: Callable[..., Any], option: str) -> TypeAdapter:
    """The type of an option, from the signature of its builder; one without an annotation takes anything."""
    function = build.__init__ if isinstance(build, type) else build
    return TypeAdapter(typing.get_type_hints(function, include_extras=True).get(option, Any))


def _fault(build: Callable[..., Any], option: str, text: str) -> str | None:
    """Why an option cannot have the value that `text` is the JSON of; the place in a list or mapping comes first."""
    try:
        _annotated(build, option).validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = [str(step + 1) for step in first["loc"] if isinstance(step, int)]
        return f"At place {place[0]}: {first['msg']}" if place else first["msg"]
    return None


@cache
def _installed_plugins() -> dict[str, str]:
    """What is wrong with installed plugins, which are imported here, once, for all catalogues."""
    # No import statement: what finds plugins is no part of what an entry does (see `code.files_of`).
    return importlib.import_module("archbench.plugins").load_installed()


class Catalogue:
    """The entries declared by the modules of one package, imported on first use.

    `needs` and `takes` are the facts that an entry must and may declare beside its source: name -> what it means. What
    is wrong with one module or declaration is kept in `faults` and leaves the others alone.
    """

    def __init__(
        self, kind: str, package: str, *, needs: Mapping[str, str] = NO_FACTS, takes: Mapping[str, str] = NO_FACTS
    ) -> None:
        self.kind, self.package = kind, package
        self.needs, self.takes = {**SOURCE, **needs}, takes
        self._entries: dict[str, Entry] = {}
        self._incomplete: dict[str, str] = {}
        self._broken: dict[str, str] = {}
        self._scanned = False

    def declare(self, variants: Mapping[str, Mapping[str, Any]] | str, **facts: Any) -> Callable:
        """Decorator: every key of `variants` becomes a name for the function below it.

        A single name without bound options may be given as a string.
        """
        named = {variants: {}} if isinstance(variants, str) else variants

        def keep(build: Callable) -> Callable:
            if build.__module__ in OUTSIDE:
                self._scan()  # so that a plugin that takes a name of ours is the one that is told
            wrong = self._wrong_facts(build, facts)
            if wrong:
                lines = "\n".join(f"  {line}" for line in wrong)
                where = f"{build.__module__} declares the {self.kind} {', '.join(map(repr, named))}"
                self._incomplete.update(dict.fromkeys(named, f"{where}, but not as it must:\n{lines}"))
                return build
            for name, bound in named.items():
                known = self._entries.get(name)
                # A module that failed to import declares its first entries again on the next try.
                if known and (known.module, known.build.__qualname__) != (build.__module__, build.__qualname__):
                    raise ValueError(
                        f"{self.kind} {name!r} is declared twice: in {known.module} and in {build.__module__}."
                    )
                self._entries[name] = Entry(self.kind, name, build, bound, facts)
            return build

        return keep

    def _wrong_facts(self, build: Callable, facts: Mapping[str, Any]) -> list[str]:
        """A line for each fact that is missing or unknown, and one for a missing docstring."""
        missing = [f"{fact} is missing: {means}." for fact, means in self.needs.items() if fact not in facts]
        known = {**self.needs, **self.takes}
        unknown = [f"{fact} is unknown. It takes: {', '.join(known)}." for fact in facts if fact not in known]
        told = [] if build.__doc__ else ["a docstring is missing: its first sentence is what archbench list shows."]
        return missing + unknown + told

    @property
    def faults(self) -> list[str]:
        """What is wrong with modules and declarations, a message each; none of these is an entry."""
        self._scan()
        return [*dict.fromkeys(self._incomplete.values()), *self._broken.values()]

    def __getitem__(self, name: str) -> Entry:
        self._scan()
        if isinstance(name, str) and name in self._incomplete:
            raise IncompleteEntry(self._incomplete[name])
        if not isinstance(name, str) or name not in self._entries:
            near = difflib.get_close_matches(name, self._entries, n=3) if isinstance(name, str) else []
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            plural = self.package.rpartition(".")[2]
            raise UnknownName(
                f"No {self.kind} is called {shown(name)}.{hint} "
                f'"archbench list {plural}" shows all {len(self._entries)}.'
                + "".join(f"\n{fault}" for fault in self._broken.values())
            )
        return self._entries[name]

    def __iter__(self) -> Iterator[Entry]:
        self._scan()
        return iter(sorted(self._entries.values(), key=lambda entry: entry.name))

    def resolve(self, spec: Spec) -> tuple[Entry, dict[str, Any]]:
        """The entry that `spec` names and the options it gives, checked."""
        options = {"name": spec} if isinstance(spec, str) else dict(spec)
        if "name" not in options:
            raise WrongOption(
                f"This {self.kind} has no name: {shown(dict(spec))}. Write it as {{name: ..., option: ...}}."
            )
        entry = self[options.pop("name")]
        entry.check(options)
        return entry, options

    def build(self, spec: Spec, *args: Any, **extra: Any) -> Any:
        """Build from `"adam"` or from `{"name": "adam", "beta_1": 0.95}`."""
        entry, options = self.resolve(spec)
        return entry(*args, **options, **extra)

    def _scan(self) -> None:
        if self._scanned:
            return
        package = importlib.import_module(self.package)
        for module in pkgutil.walk_packages(package.__path__, f"{self.package}."):
            try:
                importlib.import_module(module.name)
            except Exception as error:  # whatever it is: the other modules are no worse for it
                self._broken[module.name] = f"{module.name} cannot be imported: {type(error).__name__}: {error}"
        self._scanned = True
        self._broken |= _installed_plugins()


call(__name__, "archbench.notebook.listing")
