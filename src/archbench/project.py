"""Where a project keeps what: the folders of a pipeline, seen from any folder inside the project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archbench.errors import UserError


class NotAProject(UserError):
    """A command outside an archbench project."""


def project_root(start: Path | None = None) -> Path:
    """The nearest folder upwards that holds `pipelines/` and `params.yaml`."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "params.yaml").is_file() and (folder / "pipelines").is_dir():
            return folder
    raise NotAProject(
        f"{here} is not inside an archbench project: no folder above it holds params.yaml and pipelines/."
    )


EXPERIMENTS = (".dvc", "tmp", "exps")
"""Where DVC keeps the temporary workspaces of `dvc exp run --temp` and `--queue`, which it removes after them."""


def owning_project(root: Path) -> Path:
    """The project that outlives its experiments: for a temporary workspace of DVC the one it lies in, else `root`."""
    for folder in root.parents:
        if folder.parts[-3:] == EXPERIMENTS:
            return owning_project(project_root(folder.parents[2]))
    return root


@dataclass(frozen=True)
class Folders:
    """The folders of one pipeline below the project's root."""

    root: Path
    pipeline: str

    @property
    def raw(self) -> Path:
        """Downloaded files, shared by all pipelines."""
        return self.root / "data" / "raw"

    @property
    def prepared(self) -> Path:
        """One folder a data set."""
        return self.root / "data" / "prepared" / self.pipeline

    @property
    def sources(self) -> Path:
        """One file a stage: the digests of the code that it runs."""
        return self.root / "data" / "sources" / self.pipeline

    @property
    def known(self) -> Path:
        """What the report asked of catalogues, kept for the next one."""
        return self.root / "data" / "known" / f"{self.pipeline}.json"

    @property
    def runs(self) -> Path:
        """One folder a benchmark."""
        return self.root / "runs" / self.pipeline

    @property
    def studies(self) -> Path:
        """One folder a study."""
        return self.root / "studies" / self.pipeline

    @property
    def probes(self) -> Path:
        """One folder a probe."""
        return self.root / "probes" / self.pipeline

    @property
    def reports(self) -> Path:
        """The report's page, tables and figures."""
        return self.root / "reports" / self.pipeline

    @property
    def reference(self) -> Path:
        """The report that comes with the project, which no run writes."""
        return self.root / "reports" / "reference" / self.pipeline

    def of_stage(self, stage: str) -> Path:
        """The folder that a stage fills, by its name in DVC."""
        kind, _, slug = stage.partition("@")
        if not slug:
            return {"sources": self.sources, "report": self.reports}[kind]
        return {"prepare": self.prepared, "train": self.runs, "sweep": self.studies, "probe": self.probes}[kind] / slug

    def log_of_stage(self, stage: str) -> Path:
        """What a stage says where no terminal shows it: beside its folder, since DVC keeps what is in it."""
        folder = self.of_stage(stage)
        return folder.with_name(f".{folder.name}.log")
