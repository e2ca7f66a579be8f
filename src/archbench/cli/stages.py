"""`archbench train`, `sweep`, `probe`, `report` and `speed`: one stage of the pipeline here, without DVC."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from archbench import scm, stages
from archbench.cli.display import print_table, print_title
from archbench.cli.free import read
from archbench.config import Config, check_name, with_probe
from archbench.errors import UserError
from archbench.probes import PROBES, SUBJECTS
from archbench.project import Folders
from archbench.stages import open_pipeline


class NotOnTheSpot(UserError):
    """What a probe is to look into, given with the name of one that cannot be told."""


def train(benchmark: Annotated[str, typer.Argument(help="A benchmark of params.yaml.")]) -> None:
    """Train one benchmark over all its seeds.

    Its data set is prepared first if it is not there, damaged, or not what params.yaml asks for. The last line is the
    mean test score of the seeds, with half the width of its 95 % interval (Student's t) and their number: test accuracy
    0.991 ± 0.005 (n=3).
    """
    config, folders = open_pipeline()
    check_name("benchmark", benchmark, config.benchmarks)
    _prepare(config, folders, config.benchmarks[benchmark].dataset)
    print(f"runs: {folders.runs / benchmark}")
    stages.train(benchmark)


def sweep(study: Annotated[str, typer.Argument(help="A study of params.yaml.")]) -> None:
    """Run one study; a stopped one goes on.

    Its data set is prepared first if it is not there, damaged, or not what params.yaml asks for.
    """
    config, folders = open_pipeline()
    check_name("study", study, config.studies)
    _prepare(config, folders, config.studies[study].base.dataset)
    print(f"study: {folders.studies / study}")
    stages.sweep(study)


def probe(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A probe of params.yaml; or of the catalogue, to be run on the spot.")],
    benchmark: Annotated[
        str | None, typer.Option(help="Into whose network one of the catalogue looks, with fresh weights.")
    ] = None,
    trained: Annotated[bool, typer.Option("--trained", help="With the weights of its finished run.")] = False,
    optimizer: Annotated[
        list[str] | None, typer.Option(help="Of optimizer_paths: this one alone; may be given again.")
    ] = None,
) -> None:
    """Look into networks: one probe, and its tables.

    Data sets are prepared first if they are not there, damaged, or not what params.yaml asks for; runs that it looks
    into must be. A probe of the catalogue that params.yaml does not name shows its tables on the spot, and writes
    pictures alone, where it has some; it takes its own options too, as `archbench show` has them: archbench probe
    optimizer_paths --optimizer adam --steps 100, or: archbench probe gradient_check --benchmark lenet5-digits
    --examples 8 --checks 16.
    """
    config, folders = open_pipeline()
    options = read(context.args)
    on_the_spot = name not in config.probes and name in {entry.name for entry in PROBES}
    if on_the_spot:
        if benchmark is None and SUBJECTS in PROBES[name].positional:
            raise NotOnTheSpot(f"{name} looks into a network. Run: archbench probe {name} --benchmark NAME")
        if optimizer:
            options["optimizers"] = optimizer
        config = with_probe(config, name, options, benchmark, trained=trained)
    elif benchmark or trained or optimizer or options:
        raise NotOnTheSpot(
            f"{name} is a probe of params.yaml, which says what it looks into and how. Leave all options out, or name "
            "a probe of the catalogue: archbench list probes"
            if name in config.probes
            else f'No probe is called {name!r}. "archbench list probes" shows those of the catalogue.'
        )
    check_name("probe", name, config.probes)
    for dataset in dict.fromkeys(one.dataset for one in config.looked_into(name)):
        _prepare(config, folders, dataset)
    if not on_the_spot:
        stages.probe(name)
        return
    found = stages.look(config, folders, name)
    for title, table in found.items():
        if not hasattr(table, "columns"):  # pictures
            continue
        print_title(title)
        print_table(list(table.columns), [[_cell(value) for value in row] for row in table.itertuples(index=False)])
    for line in _pictures(folders, name, found):
        print(line)


def _pictures(folders: Folders, kind: str, found: Mapping[str, Any]) -> Iterator[str]:
    """Write the pictures of what a probe of a kind found, and tell of each, a line, where it is."""
    from archbench.figures.probes import figures
    from archbench.figures.style import save_svg

    folder = folders.root / "data" / "looked" / folders.pipeline
    for name, figure in figures(kind, found).items():
        yield f"picture of {name}: {save_svg(figure, folder / f'{kind}-{name}.svg')}"


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def report(
    where: Annotated[bool, typer.Option("--where", help="Only say where it is and how to see the runs.")] = False,
    reference: Annotated[
        bool, typer.Option("--reference", help="Make the report that is here the reference, to be committed.")
    ] = False,
) -> None:
    """Write the report of this pipeline: index.html, README.md, pages, tables and figures.

    From the runs and studies that are there; what is missing is shown as missing. Ends with the three lines of it to
    know first, and where it is.
    """
    _, folders = open_pipeline()
    if reference:
        from archbench.kept import scores_folder

        print(f"reference   {stages.make_reference()}")
        scm.keep_apart(folders.root, [scores_folder()], apart=False)
        print(f"to commit   git add --force {folders.reference} {scores_folder()}")
        return
    if not where:
        stages.report()
    print(f"report      {folders.reports / 'index.html'}")
    print("MLflow UI   archbench ui")


def speed(
    only: Annotated[list[str] | None, typer.Option(help="Measure this case alone; may be given again.")] = None,
) -> None:
    """Measure the speed on this machine, and write the report with it.

    The training loop against plain Keras and a bare loop, the sweep against plain Optuna, the cost of tracking, XLA on
    and off, training steps against a bare loop, `fit` and, where the variable ARCHBENCH_REFERENCE_PYTHON names a Python
    that has it, PyTorch.
    """
    config, folders = open_pipeline()
    if config.speed and (not only or {"xla", "steps"} & {*only}):
        for slug in config.speed.measured:
            check_name("benchmark", slug, config.benchmarks)
            _prepare(config, folders, config.benchmarks[slug].dataset)
    stages.speed(only)
    stages.report()
    print(folders.reports / "tables" / "speed.csv")


def _prepare(config: Config, folders: Folders, dataset: str) -> None:
    """Prepare a data set, and before it what it is made from, unless they are there as params.yaml and the code would
    make them."""
    from archbench.datasets.derived import ancestors

    for slug in (*reversed(ancestors(dataset, config.datasets)), dataset):
        stages.make_ready(config, folders, slug)
