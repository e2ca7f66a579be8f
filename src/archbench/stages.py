"""The stages of a pipeline: declared inputs in, one call, declared outputs out.

A stage imports what it works with when it starts, since a pipeline is many short processes: TensorFlow alone takes
seconds to import, which preparing data can do without and which MLflow's own import can go beside.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archbench import code
from archbench._lean import import_keras
from archbench.config import Config, Study, check_name, find_params, read_config
from archbench.errors import UserError
from archbench.locks import only_writer
from archbench.progress import EpochDisplay
from archbench.project import Folders, project_root
from archbench.tracking.live import Told, live

if TYPE_CHECKING:
    from archbench.config import DataSet
    from archbench.datasets.store import Prepared
    from archbench.expected import Expected
    from archbench.results.data_sets import DataSetHere
    from archbench.results.gathered import Options
    from archbench.sweeps.study import ArmPlan


Track = Callable[[Path, float], AbstractContextManager[Told]]
"""How the runs below a folder get to MLflow while a stage fills it: `live`, or by somebody else."""
Show = Callable[[str, Mapping[str, float], int, str], None]
"""Told of every epoch: the run's name, its row of the history, the epochs to do, and the monitor."""


class NoReport(UserError):
    """A report that has not been written."""


def open_pipeline() -> tuple[Config, Folders]:
    """The params.yaml of the current folder, and the folders of its pipeline."""
    params = find_params()
    config = read_config(params)
    return config, Folders(project_root(params.parent), config.pipeline)


def sources() -> None:
    """Write for every stage the digests of the source files that it runs: one small file, by which DVC knows them.

    Every stage waits for this one, so it is here that a wrong name in params.yaml stops all, before any work. Where DVC
    is to keep going, the name is told here and fails its own stage alone.
    """
    import_keras()
    from archbench import resolve, scm
    from archbench import sources as code_of
    from archbench.mistakes import Mistakes
    from archbench.records.run_folder import write_text

    config, folders = open_pipeline()
    try:
        resolve.check_all(config)
    except Mistakes as error:
        if not scm.dvc_keeps_going():
            raise
        print(f"{error}\nTheir own stages will fail of it; the others go on.", file=sys.stderr)
    with only_writer(folders.sources, "sources"):
        for name, lines in code_of.lists(config, folders.root / "pipelines").items():
            write_text(folders.sources / name, lines)


def _renew_list(config: Config, folders: Folders, kind: str, slug: str) -> None:
    """Write anew what a stage is made of, should params.yaml or code have changed since `sources` wrote it.

    Of a pipeline of hours, somebody edits what comes later: DVC looks at the list when the stage ends, and would else
    know its results as those of what was there before.
    """
    import_keras()
    from archbench import sources as code_of
    from archbench.records.run_folder import write_text

    path = folders.sources / kind / f"{slug}.txt"
    lines = code_of.list_of(config, kind, slug)
    if path.is_file() and path.read_text(encoding="utf-8") != lines:
        write_text(path, lines)


def prepare(slug: str) -> None:
    """Download or generate one data set of params.yaml, and write its arrays and card."""
    config, folders = open_pipeline()
    check_name("data set", slug, config.datasets)
    prepare_one(config.datasets, folders, slug)


def prepare_one(datasets: Mapping[str, DataSet], folders: Folders, slug: str) -> None:
    """Prepare one of these data sets, of which those that it is made from are prepared."""
    from archbench.datasets import derived
    from archbench.datasets.prepare import prepare as prepare_dataset

    derived.check(slug, datasets)
    named = datasets[slug]
    of = derived.open_data(named.of, datasets, folders.prepared, folders.raw) if named.of else None
    card = prepare_dataset(named.spec, slug, folders.prepared / slug, folders.raw, of=of)
    sizes = ", ".join(f"{count} {split}" for split, count in card.split_sizes.items())
    print(f"{slug}: {sizes} examples; {card.licence}")


def open_data(config: Config, folders: Folders, slug: str) -> Prepared:
    """The prepared data set `slug`, if it is whole and what params.yaml and the code would make.

    Raises `NotReady` with the command that prepares it: a stage does not write what is another's.
    """
    from archbench.datasets import derived

    check_name("data set", slug, config.datasets)
    return derived.open_data(slug, config.datasets, folders.prepared, folders.raw)


def make_ready(config: Config, folders: Folders, slug: str) -> None:
    """Prepare one data set, unless it is there as params.yaml and the code would make it."""
    from archbench.datasets.store import CARD, NotReady

    check_name("data set", slug, config.datasets)
    if (folders.prepared / slug / CARD).is_file():
        try:
            open_data(config, folders, slug)
            return
        except NotReady as error:
            print(f"{error.why} It is prepared again.", file=sys.stderr)
    prepare_one(config.datasets, folders, slug)


def train(slug: str, track: Track | None = None) -> None:
    """Train one benchmark of params.yaml over all its seeds."""
    config, folders = open_pipeline()
    check_name("benchmark", slug, config.benchmarks)
    os.environ["ARCHBENCH_STAGE"] = f"train@{slug}"
    folder = folders.runs / slug
    with only_writer(folder, f"train {slug}"), (track or live)(folder, config.training.tracking_seconds) as tracker:
        _renew_list(config, folders, "train", slug)
        _train(config, folders, slug)
    from archbench import kept
    from archbench.closing import closing_line

    kept.keep_benchmark(folder, config.benchmarks)
    _say(tracker)
    seeds = config.benchmarks[slug].seeds or config.seeds
    print(closing_line(slug, [folder / f"seed-{seed}" for seed in seeds]))


def _train(config: Config, folders: Folders, slug: str) -> None:
    with EpochDisplay(slug) as display:
        train_benchmark(config, folders, slug, display.show)


def train_benchmark(config: Config, folders: Folders, slug: str, show: Show) -> None:
    """Train a benchmark over all its seeds in `folders`, of which `show` is told every epoch (see `Pace`)."""
    import_keras()
    from archbench import resolve
    from archbench.training.run import Pace, run_benchmark

    plan = resolve.resolve(config, slug)
    prepared = open_data(config, folders, plan.settings["dataset"])
    resolve.check_batch(f"benchmarks.{slug}", plan.settings, {}, prepared.card)
    card = prepared.card
    trials = [plan.trial_settings(seed, card.sha256, folders.runs, card.input_shape) for seed in plan.seeds]
    run_benchmark(trials, prepared, folders.runs / slug, Pace(config.training.checkpoint_seconds, show))


def sweep(slug: str, track: Track | None = None) -> None:
    """Run one study of params.yaml: search every arm, then train its best setting over all seeds."""
    config, folders = open_pipeline()
    check_name("study", slug, config.studies)
    os.environ["ARCHBENCH_STAGE"] = f"sweep@{slug}"
    folder = folders.studies / slug
    with only_writer(folder, f"sweep {slug}"), (track or live)(folder, config.training.tracking_seconds) as tracker:
        _renew_list(config, folders, "sweep", slug)
        _sweep(config, folders, slug)
    from archbench import kept
    from archbench.closing import closing_lines

    kept.keep_study(folder, config.studies)
    _say(tracker)
    arms = config.studies[slug].arms
    print(*closing_lines((arm, sorted((folder / "final" / arm).glob("seed-*"))) for arm in arms), sep="\n")


def _sweep(config: Config, folders: Folders, slug: str) -> None:
    import_keras()
    import optuna

    from archbench.datasets.folds import fold
    from archbench.records import run_folder
    from archbench.results.durations import networks
    from archbench.sweeps import names as naming
    from archbench.sweeps import storage, workers
    from archbench.sweeps import study as sweeps
    from archbench.training import machine
    from archbench.training.build import build_task

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = config.studies[slug]
    prepared = open_data(config, folders, study.base.dataset)
    plans = _arm_plans(config, folders, slug)
    cards = [fold(prepared, number, study.folds).card for number in range(study.folds or 0)] or [prepared.card]
    for plan, card in product(plans, cards):  # before any worker starts: a fold may lack a class
        build_task(plan.trials[0], card)
    names = {plan.name: f"{config.pipeline}/{slug}/{plan.name}" for plan in plans}
    identities = {plan.name: _identity(study, plan) for plan in plans}
    folder, journal = folders.studies / slug, folders.studies / f"{slug}.journal"
    shared = plans[0].trials[0]
    maximize = build_task(shared, prepared.card).maximize
    with workers.only_workers(folder) as lock:
        shared_trials = storage.open_storage(journal)
        for arm, name in names.items():
            naming.settle(shared_trials, name, identities[arm], maximize, f"{slug}/{arm}/{identities[arm]}")
        sweeps.open_arms(study, journal, names.values(), maximize)
        sweeps.clear_folder(folder, study.arms)
        network = networks(study, {plan.name: plan.trials[0] for plan in plans})
        run_folder.write_yaml(folder / "settings.yaml", sweeps.record(slug, study, shared["scale"], network))
        facts = machine.describe(xla=False, xla_rule="each arm's final runs tell", precision=shared["precision"])
        run_folder.write_json(folder / "machine.json", facts)
        number = len(sweeps.shares(list(study.arms), study.workers))
        workers.run_workers(["-m", "archbench.sweep_worker", slug], number, lock)
        for arm, name in names.items():
            naming.check(shared_trials, name, identities[arm])
    sweeps.write_tables(plans, study, journal, names, maximize, folder)


def run_sweep_worker(slug: str, worker: int) -> None:
    """What one worker of a study does: its share of the arms, search first, then the best settings."""
    import_keras()
    from archbench.datasets.store import load
    from archbench.sweeps import study as sweeps
    from archbench.sweeps.benches import Benches
    from archbench.training.build import build_task
    from archbench.training.run import Pace

    config, folders = open_pipeline()
    study = config.studies[slug]
    plans = {plan.name: plan for plan in _arm_plans(config, folders, slug)}
    prepared = load(folders.prepared / study.base.dataset)
    folder, journal = folders.studies / slug, folders.studies / f"{slug}.journal"
    benches = Benches(prepared, study.folds)
    for arm, part, parts in sweeps.shares(list(plans), study.workers)[worker]:
        benches.check_room()
        plan, name = plans[arm], f"{config.pipeline}/{slug}/{arm}"
        maximize = build_task(plan.trials[0], prepared.card).maximize
        sweeps.search_arm(plan, study, benches, journal, name, maximize, (part, parts))
        if part == 0:
            sweeps.wait_for_parts(study, journal, name, maximize)
            with EpochDisplay(f"{slug}/{arm}", plain=study.workers > 1) as display:
                pace = Pace(config.training.checkpoint_seconds, display.show)
                sweeps.finish_arm(plan, study, benches, prepared, journal, name, maximize, folder, pace)


def probe(slug: str, track: Track | None = None) -> None:
    """Look into what one probe of params.yaml names."""
    config, folders = open_pipeline()
    check_name("probe", slug, config.probes)
    os.environ["ARCHBENCH_STAGE"] = f"probe@{slug}"
    folder = folders.probes / slug
    with only_writer(folder, f"probe {slug}"), (track or live)(folder, config.training.tracking_seconds) as tracker:
        _renew_list(config, folders, "probe", slug)
        from archbench import resolve
        from archbench.probes.run import run_probe

        plan = resolve.resolve_probe(config, slug)
        data = {name: open_data(config, folders, name) for name in sorted(plan.datasets)}
        cards = {name: one.card for name, one in data.items()}
        settings = plan.settings({name: card.sha256 for name, card in cards.items()})
        run_probe(plan.entry, settings, plan.trials(cards, folders.runs), data, folders.runs, folder)
    _say(tracker)
    print(f"{slug}: {folder}")


def look(config: Config, folders: Folders, slug: str) -> dict[str, Any]:
    """The tables of one probe of `config`, which need not be that of params.yaml; nothing is written."""
    import_keras()
    from archbench import resolve
    from archbench.probes import run

    plan = resolve.resolve_probe(config, slug)
    data = {name: open_data(config, folders, name) for name in sorted(plan.datasets)}
    cards = {name: one.card for name, one in data.items()}
    settings = plan.settings({name: card.sha256 for name, card in cards.items()})
    return run.look(plan.entry, settings, plan.trials(cards, folders.runs), data, folders.runs)


def run_stage(stage: str) -> None:
    """One stage by its name in DVC, `train@lenet5-digits`, where another process follows its folder for MLflow."""
    from archbench.tracking.live import elsewhere

    kind, _, slug = stage.partition("@")
    if kind == "sources":
        sources()
    elif kind == "prepare":
        make_ready(*open_pipeline(), slug)
    else:
        {"train": train, "sweep": sweep, "probe": probe}[kind](slug, elsewhere)


def _say(tracker: Told) -> None:
    if tracker.message:
        print(tracker.message)


def speed(only: list[str] | None = None) -> Path:
    """Measure what the pipeline's `speed` section asks for, and write the table."""
    from archbench.speed.run import measure  # brings the other side's libraries with it

    config, folders = open_pipeline()
    with only_writer(folders.runs / "speed.csv", "speed"):
        return measure(config, folders, only)


def report() -> Path:
    """Write the report of a pipeline from its run and study folders, and print the three lines to know first.

    What DVC shows is brought up to date with those runs as well: they may have been made elsewhere, or fetched.
    """
    from archbench import kept
    from archbench.page.report import write_report

    config, folders = open_pipeline()
    kept.renew(config, folders)
    options = report_options(config, folders)
    benchmarks, studies = list(config.benchmarks), list(config.studies)
    with only_writer(folders.reports, "report"):
        return write_report(
            config.pipeline,
            benchmarks,
            studies,
            folders.runs,
            folders.studies,
            folders.reports,
            options,
            tell=print,
        )


def report_options(config: Config, folders: Folders) -> Options:
    """What params.yaml and the prepared data say of the runs that should be there."""
    from archbench.results.gathered import Options
    from archbench.results.tracked import mlflow_pages

    data_sets = _data_sets(config, folders)
    data = {slug: one.card and one.card.sha256 for slug, one in data_sets.items() if one.is_there}
    for slug in sorted(_seen_data(config, folders) - data.keys()):
        print(
            f"{slug} is not prepared, so nothing tells whether its runs are of what params.yaml asks for. "
            f"To know: dvc repro prepare@{slug}",
            file=sys.stderr,
        )
    return Options(
        title=config.report.title,
        data=data,
        data_sets=data_sets,
        seeds={slug: benchmark.seeds or config.seeds for slug, benchmark in config.benchmarks.items()},
        expected=_expected(config),
        reference=folders.reference,
        known=folders.known,
        tracked=mlflow_pages(),
        study_seeds={slug: study.base.seeds or config.seeds for slug, study in config.studies.items()},
        probes={slug: folders.probes / slug for slug in config.probes},
        best=config.report.best,
        single_number=config.report.single_number,
    )


def _expected(config: Config) -> list[Expected]:
    """All that params.yaml says of test scores."""
    asked = [slug for slug, benchmark in config.benchmarks.items() if benchmark.expect or benchmark.beats]
    if not asked:
        return []
    import_keras()
    from archbench import resolve
    from archbench.expected import expected_of

    tasks = {slug: resolve.resolve(config, slug).settings["task"]["name"] for slug in asked}
    return [one for slug, task in tasks.items() for one in expected_of(config, slug, task)]


def make_reference() -> Path:
    """Make the report of this pipeline, which must be there, the reference of those to come, and return its folder.

    Raises `NoReport`.
    """
    from archbench.page.site import mend_links

    _, folders = open_pipeline()
    if not (folders.reports / "index.html").is_file():
        raise NoReport(f"{folders.reports} holds no report. Run: archbench report")
    with only_writer(folders.reference, "reference"):
        shutil.rmtree(folders.reference, ignore_errors=True)
        shutil.copytree(folders.reports, folders.reference)
        mend_links(folders.reports, folders.reference, gone=(folders.runs, folders.studies, folders.probes))
    return folders.reference


def _data_sets(config: Config, folders: Folders) -> dict[str, DataSetHere]:
    """Every data set of params.yaml, and its card where it is prepared as params.yaml and the code ask for."""
    from archbench.datasets.derived import known_card
    from archbench.results.data_sets import DataSetHere

    known = {
        slug: DataSetHere(slug, one.spec, folders.prepared / slug, folders.raw, one.of, config.augmentation_on(slug))
        for slug, one in config.datasets.items()
    }
    return {
        slug: replace(one, card=known_card(slug, config.datasets, folders.prepared)) if one.is_there else one
        for slug, one in known.items()
    }


def _seen_data(config: Config, folders: Folders) -> set[str]:
    """The data sets of which there are runs, studies or probes."""
    seen = {one.dataset for slug, one in config.benchmarks.items() if (folders.runs / slug).is_dir()}
    probed = (slug for slug in config.probes if (folders.probes / slug).is_dir())
    seen |= {one.dataset for slug in probed for one in config.looked_into(slug)}
    return seen | {one.base.dataset for slug, one in config.studies.items() if (folders.studies / slug).is_dir()}


def _arm_plans(config: Config, folders: Folders, slug: str) -> list[ArmPlan]:
    """Every arm of a study with the settings of each seed; the base's own data set must be prepared."""
    from archbench import resolve
    from archbench.datasets.store import load
    from archbench.sweeps.study import ArmPlan

    study = config.studies[slug]
    card = load(folders.prepared / study.base.dataset).card
    plans = []
    for name, arm in study.arms.items():
        plan = resolve.resolve_arm(config, slug, name)
        resolve.check_batch(f"studies.{slug}.arms.{name}", plan.settings, study.space_of(name), card)
        trials = [plan.trial_settings(seed, card.sha256, shape=card.input_shape) for seed in plan.seeds]
        sampler = arm.sampler or study.sampler
        cell, shape = study.cell(name), card.input_shape
        plans.append(ArmPlan(name, study.space_of(name), trials, sampler, cell, shape, plan.words))
    return plans


def _identity(study: Study, plan: ArmPlan) -> str:
    """The hash of what the trials of an arm are of: with other settings, code or data they are others.

    The number of trials and of workers is left out, so that a study can be made longer. How many trials are asked for
    at once stands in it: the sampler and the pruner of the later ones do not know the scores of the first.
    """
    from archbench.resolve import identify

    chosen = study.model_dump(mode="json", include={"folds", "pruner", "side_by_side", "seed"})
    space = {key: number.model_dump(mode="json") for key, number in plan.space.items()}
    points = study.trials if plan.sampler == "grid" else None  # a longer study needs another grid
    sources = code.digest(code.files_of(["archbench.sweeps.study"]))
    own = [plan.trials[0]["id"], space, plan.sampler, points, chosen, sources]
    return identify(own)
