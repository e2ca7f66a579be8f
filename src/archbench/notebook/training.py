"""Training and searching from Python: the stages' own functions, on settings that are given as arguments."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from archbench import stages
from archbench.config import Config, check_config
from archbench.datasets.prepare import own_paths
from archbench.notebook import html, place
from archbench.notebook.data import Data
from archbench.notebook.listing import Spec, dataset
from archbench.notebook.project import plugin_files
from archbench.notebook.runs import Run, load_run
from archbench.progress import EpochDisplay
from archbench.project import Folders
from archbench.records.run_folder import write_yaml

if TYPE_CHECKING:
    import keras
    import optuna


def train(
    network: Spec | keras.Model,
    data: Data | Spec,
    *,
    epochs: int = 10,
    optimizer: Spec = "adam",
    seeds: Sequence[int] = (0,),
    name: str | None = None,
    **settings: Any,
) -> Run | list[Run]:
    """Train an architecture, or a `keras.Model` of your own, on a data set: the loop, and the record, of `dvc repro`.

    `network` is a name, `{"name": "lenet5", "maps": [4, 8]}`, or a model, which is copied with its weights and not
    changed. One that `archbench.network` returned is for the task of its architecture, one of your own is taken to
    classify, unless `task` says otherwise. `settings` are any other keys of a benchmark of params.yaml: `task`,
    `batch_size`, `schedule`, `augmentation`, `parts`, ... Returns the run of the one seed, or a list of several; `name`
    is that of its folder. A run with the same settings, code and data that has ended is not trained again.
    """
    found, told = benchmark(network, data, {"optimizer": optimizer, "epochs": epochs, **settings})
    slug = name or _name(told)
    folders = place.folders()
    config = described(found, {"benchmarks": {slug: {**told, "seeds": list(seeds)}}})
    with _display(slug) as show:
        stages.train_benchmark(config, folders, slug, show)
    runs = [load_run(folders.runs / slug / f"seed-{seed}") for seed in seeds]
    return runs[0] if len(runs) == 1 else runs


def sweep(
    base: Mapping[str, Any],
    arms: Mapping[str, Mapping[str, Any]],
    *,
    trials: int = 20,
    epochs: int = 5,
    seeds: Sequence[int] = (0,),
    name: str | None = None,
    **settings: Any,
) -> Study:
    """Compare arms at equal budget: `trials` of every arm, and the best setting of each trained over all `seeds`.

    `base` is a benchmark, `{"architecture": "lenet5", "dataset": data}`; an arm is a change of it, with a `space` to
    tune. `settings` are any other keys of a study of params.yaml: `space`, `sampler`, `folds`, ... A study that is
    there is gone on with.
    """
    found = base["dataset"] if isinstance(base["dataset"], Data) else dataset(base["dataset"])
    study = {
        "base": {**base, "dataset": found.slug, "seeds": list(seeds)},
        "arms": {arm: dict(change) for arm, change in arms.items()},
        "trials": trials,
        "epochs": epochs,
        **settings,
    }
    slug = name or f"study-{_digest([*arms, study['base']])}"
    # The workers of a study are processes that read a params.yaml, so it has a small project of its own.
    folders = Folders(place.folders().root / "notebook-studies" / slug, place.PIPELINE)
    (folders.root / "pipelines").mkdir(parents=True, exist_ok=True)
    values = _values(found, {"benchmarks": {}, "studies": {slug: study}}, absolute=True)
    config = check_config(values)
    write_yaml(folders.root / "params.yaml", values)
    with chdir(folders.root):
        for one in values["datasets"]:
            stages.make_ready(config, folders, one)
        stages._sweep(config, folders, slug)
    return Study(slug, folders, config)


@dataclass(frozen=True)
class Study:
    """A study that was swept."""

    name: str
    folders: Folders
    config: Config

    @property
    def folder(self) -> Path:
        """Where its tables and final runs lie."""
        return self.folders.studies / self.name

    @cached_property
    def trials(self) -> pd.DataFrame:
        """A row a trial: its arm, its state, its validation score, and what was tuned."""
        return pd.read_csv(self.folder / "trials.csv")

    @cached_property
    def arms(self) -> pd.DataFrame:
        """A row an arm, the best first: its test score with its interval over seeds, and its best setting."""
        from archbench.results.studies import read_study

        study = self.config.studies[self.name]
        read = read_study(self.folder, self.name, study.base.seeds or self.config.seeds)
        rows = [
            {
                "arm": arm.name,
                "test": arm.score.mean,
                "low": arm.score.low,
                "high": arm.score.high,
                "seeds": arm.score.n,
                "best trial": arm.best_value,
                "best setting": arm.best_setting,
            }
            for arm in read.arms
        ]
        return pd.DataFrame(rows).set_index("arm")

    @property
    def optuna(self) -> dict[str, optuna.Study]:
        """Arm -> Optuna's own study of it."""
        import optuna

        from archbench.sweeps.storage import open_storage

        storage = open_storage(self.folder.with_suffix(".journal"))
        names = {arm: f"{self.config.pipeline}/{self.name}/{arm}" for arm in self.config.studies[self.name].arms}
        return {arm: optuna.load_study(study_name=name, storage=storage) for arm, name in names.items()}

    def _repr_html_(self) -> str:
        return f"<p>study {html.escaped(self.name)}</p>{self.arms.to_html(escape=True)}"

    def __repr__(self) -> str:
        return f"study {self.name}\n{self.arms}"


def benchmark(
    network: Spec | keras.Model, data: Data | Spec, settings: Mapping[str, Any]
) -> tuple[Data, dict[str, Any]]:
    """A data set, and the benchmark of a network on it as params.yaml would have it."""
    found = data if isinstance(data, Data) else dataset(data)
    if isinstance(network, str | Mapping):
        return found, {"architecture": network, "dataset": found.slug, **settings}
    from archbench.notebook.given import given

    return found, {"architecture": given(network), "dataset": found.slug, **settings}


def described(data: Data | None, keys: Mapping[str, Any]) -> Config:
    """What a params.yaml with this data set, and these keys, would say."""
    return check_config(_values(data, keys))


def _values(data: Data | None, keys: Mapping[str, Any], *, absolute: bool = False) -> dict[str, Any]:
    """What a params.yaml with this data set would hold; its paths from everywhere where they are `absolute`."""
    datasets = {}
    for slug, named in (data.named if data else {}).items():
        spec = named.model_dump(exclude_none=True)
        if absolute:
            spec |= {option: str(path.resolve()) for option, path in own_paths(named.spec).items()}
        datasets[slug] = spec
    values = {"pipeline": place.PIPELINE, "datasets": json.loads(json.dumps(datasets)), **keys}
    return {**values, "plugins": plugin_files()} if absolute else values


def _name(benchmark: Mapping[str, Any]) -> str:
    """A folder's name: the network, the data, and some digits for all that is set."""
    spec = benchmark["architecture"]
    network = spec if isinstance(spec, str) else spec["name"]
    return f"{network}-{benchmark['dataset']}-{_digest(benchmark)}".lower()


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:8]


@contextmanager
def _display(slug: str) -> Iterator[stages.Show]:
    """Where epochs are shown: a line of the notebook that changes, or as the command shows them."""
    line = _notebook_line()
    if line is not None:
        yield line
        return
    with EpochDisplay(slug) as display:
        yield display.show


def _notebook_line() -> stages.Show | None:
    """Shows epochs in one line below a notebook's cell; None where no notebook runs."""
    if "JPY_PARENT_PID" not in os.environ:
        return None
    try:
        from IPython.display import HTML, display
    except ImportError:
        return None
    handle = display(HTML(""), display_id=True)

    def show(run: str, row: Mapping[str, float], epochs: int, monitor: str) -> None:
        columns = dict.fromkeys(("train_loss", "validation_loss", f"validation_{monitor}"))
        scores = ", ".join(f"{column.replace('_', ' ')} {row[column]:.4g}" for column in columns)
        told = html.escaped(f"{run}: epoch {int(row['epoch'])} of {epochs}: {scores}")
        handle.update(HTML(f"<p>{told}</p>"))

    return show if handle is not None else None
