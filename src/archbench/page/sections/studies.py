"""The studies: the arms of each at equal budget."""

from __future__ import annotations

from collections.abc import Iterator

from archbench.page import formats
from archbench.page.answers import answer
from archbench.page.data_links import data_link
from archbench.page.section import Facts, Figures, File, Heading, Row, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.page.standings import JUDGED, parted, seeds, standing_cells
from archbench.page.study_figures import study_figures
from archbench.page.summary import study_words
from archbench.results.gathered import Results
from archbench.results.studies import Arm, Study


@section("studies", order=300, needs=("studies",), source="archbench")
def studies(results: Results, place: Workplace) -> Iterator[Section]:
    """The arms of every study with their budgets."""
    for study in results.studies:
        name = f"study-{formats.file_name(study.name)}.csv"
        place.write_table(name, study.table())
        figures = study_figures(place.gallery, study)
        blocks = [
            Text(study_remark(study)),
            Table(arm_rows(study)),
            File(name),
            Facts([("Data set", data_link(study.settings["base"]["dataset"], results))]),
            Figures(figures),
            Heading("Budgets"),
            Table(_budget_rows(study), brief=False),
        ]
        asked = answer(_question(study), study.listed, study.maximize)
        anchor, title = formats.file_name("study", study.name), f"Study: {study.name}"
        yield Section(anchor, title, blocks, lead=study_words(study), answer=asked)


def _question(study: Study) -> str:
    return f"{study.name.replace('_', ' ').capitalize()}, on {study.settings['base']['dataset']}: which?"


def arm_rows(study: Study) -> list[Row]:
    """Best first."""
    metric = formats.words(study.monitor) if study.monitor else "score"
    return parted([(arm.standing, _arm_row(arm, metric, study.networks_differ)) for arm in study.arms])


def _arm_row(arm: Arm, metric: str, own_network: bool) -> Row:
    network = {"Network": arm.network, "Parameters": formats.count(arm.parameters)}
    return {
        "Arm": arm.name,
        **(network if own_network else {}),
        f"Test {metric}": formats.score(arm.score),
        "Seeds": seeds(arm.runs, arm.score),
        **standing_cells(arm.standing),
        "Mean rank": formats.value(arm.rank, 3),
        "Best validation": formats.value(arm.best_value),
        "Default's validation": formats.value(arm.default_value),
        "Tuned setting": arm.best_setting or formats.NOTHING,
    }


def _budget_rows(study: Study) -> list[Row]:
    return [
        {
            "Arm": arm.name,
            "Trials": str(arm.trials),
            "Complete, pruned, failed": f"{arm.complete}, {arm.pruned}, {arm.failed}",
            "Epochs a trial": str(arm.trial_epochs) if arm.complete else formats.NOTHING,
            "Final epochs": ", ".join(map(str, arm.final_epochs)) or formats.NOTHING,
            "Final seeds": str(arm.final_seeds),
        }
        for arm in study.arms
    ]


def study_remark(study: Study) -> str:
    """What was compared, how the trials were chosen, and whether the arms may be ranked."""
    base = study.settings["base"]
    network = f"{base['architecture']['name']} ({base['scale']})"
    if study.networks_differ:
        network = "Networks that differ, also in their number of parameters, which stands beside each,"
    about = f"{network} on {base['dataset']}. {_spent(study)} "
    if not study.equal:
        return (
            f"{about}Not ranked, because the arms did not have the same budget ({'; '.join(study.unequal)}). "
            "Arms stand in alphabetical order."
        )
    direction = f"{'Higher' if study.maximize else 'Lower'} is better."
    nothing = f"Nothing is ranked: {formats.RANKING_TAKES.format('arms')}."
    ranked = f"{direction} {JUDGED}" if study.best else nothing
    return " ".join(
        [
            f"{about}Every arm had the same budget. The best setting of each was trained again over the seeds; test "
            f"scores are of those runs, and nothing was tuned on them. {ranked}",
            *study.unlike,
        ]
    )


def _spent(study: Study) -> str:
    """How the trials were chosen and scored, and what became of them."""
    pruned, failed = (sum(getattr(arm, state) for arm in study.arms) for state in ("pruned", "failed"))
    samplers = {arm["sampler"] or study.settings["sampler"] for arm in study.settings["arms"].values()}
    folds = study.settings["folds"]
    scored = f", each scored by {folds}-fold cross-validation" if folds else ""
    return (
        f"{formats.plural(len(study.trials), 'trial')} drawn by {', '.join(sorted(samplers))}{scored}; {pruned} were "
        f"stopped early as hopeless ({study.settings['pruner']}) and {failed} diverged."
    )
