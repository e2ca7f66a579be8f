"""A saved Keras network as an MLflow model, put together without importing Keras.

Importing TensorFlow takes longer than all else a copy does, so the folder that `mlflow.keras.save_model` would write
is written here: the saved file, the `MLmodel` description with the `keras` and `python_function` flavours, and the
requirements. `mlflow.keras.load_model` and `mlflow.pyfunc.load_model` read it where this package is installed, whose
layers the networks are made of (`archbench._saved`).
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archbench.records.read import RunFolder
from archbench.records.run_folder import read_json, write_yaml
from archbench.tracking.signature import read_inputs

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel, Run
    from mlflow.models import ModelSignature

    from archbench.tracking.store import Tracking


def log_model(tracking: Tracking, copy: Run, run: RunFolder) -> None:
    """Log the network of a run once, named after its benchmark; an upload that was cut off is completed."""
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus

    client, run_id = tracking.client, copy.info.run_id
    experiment = copy.info.experiment_id
    found = client.search_logged_models([experiment], f"source_run_id = '{run_id}'")
    ready = [model for model in found if model.status == LoggedModelStatus.READY]
    if ready:
        return
    name = re.sub(r"[^\w-]", "-", run.benchmark)  # MLflow refuses slashes and dots
    model = found[0] if found else client.create_logged_model(experiment, name, source_run_id=run_id)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "model"
        write_model(folder, run, model)
        client.log_model_artifacts(model.model_id, str(folder))
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=run.metrics["best_epoch"])])
    client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)


def servable(folder: Path) -> bool:
    """Whether the network of a run answers arrays with arrays; one of several parts needs a task that calls them."""
    written = folder / "signature.json"
    return not written.exists() or "parts" not in read_json(written)


def write_model(folder: Path, run: RunFolder, logged: LoggedModel) -> None:
    """Write the MLflow model folder of a run."""
    from mlflow import pyfunc
    from mlflow.models import Model

    (folder / "data").mkdir(parents=True)
    shutil.copyfile(run.path / "model.keras", folder / "data" / "model.keras")
    (folder / "data" / "keras_module.txt").write_text("keras", encoding="utf-8")
    machine = run.machine
    model = Model(
        artifact_path=logged.artifact_location,
        run_id=logged.source_run_id,
        model_uuid=logged.model_id,
        model_id=logged.model_id,
        signature=_signature(run.path),
        metadata={"archbench_version": machine["archbench_version"], "benchmark": run.benchmark},
    )
    model.add_flavor(
        "keras",
        data="data",
        keras_version=machine["keras_version"],
        keras_backend=machine["backend"],
        save_exported_model=False,
    )
    pyfunc.add_to_model(
        model,
        loader_module="archbench.tracking.served",
        data="data/model.keras",
        conda_env="conda.yaml",
        python_env="python_env.yaml",
    )
    model.model_size_bytes = (folder / "data" / "model.keras").stat().st_size
    model.save(str(folder / "MLmodel"))
    _write_requirements(folder, machine)


def _write_requirements(folder: Path, machine: Mapping[str, Any]) -> None:
    import mlflow

    requirements = [
        f"archbench=={machine['archbench_version']}",
        f"mlflow=={mlflow.__version__}",
        f"keras=={machine['keras_version']}",
        f"{machine['backend']}=={machine['backend_version']}",
    ]
    (folder / "requirements.txt").write_text("\n".join(requirements) + "\n", encoding="utf-8")
    write_yaml(
        folder / "python_env.yaml",
        {
            "python": machine["python"],
            "build_dependencies": ["pip", "setuptools", "wheel"],
            "dependencies": ["-r requirements.txt"],
        },
    )
    dependencies = [f"python={machine['python']}", "pip", {"pip": requirements}]
    write_yaml(
        folder / "conda.yaml",
        {"name": "mlflow-env", "channels": ["conda-forge"], "dependencies": dependencies},
    )


def _signature(folder: Path) -> ModelSignature:
    """From `signature.json`, or from the saved network, which names only its inputs."""
    from mlflow.models import ModelSignature

    written = folder / "signature.json"
    shapes = read_json(written) if written.exists() else read_inputs(folder / "model.keras")
    return ModelSignature(_schema(shapes["inputs"]), _schema(shapes["outputs"]) if shapes["outputs"] else None)


def _schema(specs: Mapping[str, Mapping[str, Any]]) -> Any:
    """One tensor has no name, so that a plain array is accepted for it; several are told apart by theirs."""
    import numpy as np
    from mlflow.types import Schema, TensorSpec

    fields = []
    for name, spec in specs.items():
        shape = tuple(-1 if size is None else size for size in spec["shape"])
        kind = "float32" if spec["dtype"] == "bfloat16" else spec["dtype"]  # NumPy itself has no bfloat16
        fields.append(TensorSpec(np.dtype(kind), shape, name if len(specs) > 1 else None))
    return Schema(fields)
