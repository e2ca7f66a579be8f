"""Passwords of every variable, in every form they come back in: in no file, no output and no command line."""

import base64
import json
import logging
import os
import socket
import subprocess
import sys
from urllib.parse import quote

import pytest

from archbench import secrets
from archbench.errors import UserError, guarded

PLAIN = "s3cr#t/p@ss:w%rd"
ENCODED = quote(PLAIN, safe="")
PARAMS = """\
pipeline: small
seeds: [0]
training: {epochs: 1, batch_size: 50, tracking_seconds: 120}
datasets: {wine: {}}
benchmarks:
  mlp-wine: {architecture: mlp, dataset: wine}
"""


@pytest.fixture(autouse=True)
def no_other_secrets(monkeypatch):
    for name, value in os.environ.items():
        if "://" in value or secrets._NAMED.search(name):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("MLFLOW_TRACKING_URI", "http://ann:hunter2@host", "refused: hunter2"),
        ("MLFLOW_TRACKING_URI", f"http://ann:{ENCODED}@host", f"refused: {PLAIN}"),
        ("MLFLOW_TRACKING_URI", f"http://ann:{ENCODED}@host", f"refused: {ENCODED.lower()}"),
        ("MLFLOW_TRACKING_URI", f"http://ann:{ENCODED}@host", f"URL {quote(PLAIN)}"),
        ("MLFLOW_TRACKING_URI", "http://ann:pa ss\"w'rd@host".replace(" ", "%20"), repr("pa ss\"w'rd")),
        ("MLFLOW_TRACKING_URI", "http://ann:pa%22wrd@host", json.dumps('pa"wrd')),
        ("OPTUNA_STORAGE", "postgresql://ann:hun@ter/2@host/db", "for ann: hun@ter/2"),
        ("OPTUNA_STORAGE", "postgresql://host/db?user=ann&password=hunter2", "for ann: hunter2"),
        ("https_proxy", "http://tokentoken@proxy:3128", "proxy tokentoken"),
        ("MLFLOW_TRACKING_TOKEN", "hunter2", "Bearer hunter2"),
        ("AWS_SECRET_ACCESS_KEY", "hunter2", "hunter2hunter2"),
    ],
)
def test_a_secret_of_the_environment_is_masked_in_every_form(monkeypatch, name, value, said):
    monkeypatch.setenv(name, value)
    for text in (said, f"{value} {said}", f"<<{said}>>"):
        masked = secrets.scrub(text)
        assert secrets.MASK in masked
        for form in ("hunter2", "hun@ter", "ter/2", "tokentoken", 's"w', 'pa"wrd', PLAIN, ENCODED):
            assert form.lower() not in masked.lower()


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("http://ann:x@host/a?b=c", "http://***@host/a?b=c"),
        ("a://b:c@d e://f@g", "a://***@d e://***@g"),
        ("http://host/?password=abc&b=c", "http://host/?password=***&b=c"),
        ("sqlite:////tmp/a@b/mlflow.db", "sqlite:////tmp/a@b/mlflow.db"),
        ("ann@example.org wrote ://", "ann@example.org wrote ://"),
        ("", ""),
    ],
)
def test_what_an_address_has_in_a_secrets_place_is_masked_wherever_it_comes_from(text, masked):
    assert secrets.scrub(text) == masked


def test_a_short_password_does_not_blot_out_the_text(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ann:a@host")
    monkeypatch.setenv("USE_TOKEN", "true")
    monkeypatch.setenv("OPTUNA_STORAGE", "sqlite:////tmp/a@b/optuna.db")
    monkeypatch.setenv("ARCHBENCH_MIRROR", "http://mirror/team@work")
    assert secrets.scrub("/tmp/a@b of mirror") == "/tmp/a@b of mirror"
    assert secrets.scrub("a true banana at http://ann:a@host") == "a true banana at http://***@host"


def test_a_stage_shows_no_secret_in_an_error(monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "hunter2")
    with pytest.raises(SystemExit), guarded():
        raise UserError("it is hunter2")
    assert capsys.readouterr().err == "error: it is ***\n"


def test_logs_and_tracebacks_pass_the_mask(tmp_path):
    code = (
        "import logging; from archbench import secrets; secrets.scrub_streams(); secrets.scrub_streams()\n"
        "logging.basicConfig(); logging.getLogger('urllib3').warning('to %s', 'hunter2')\n"
        "print('hunter2', 'plain')\n"
        "raise ValueError('http://ann:hunter2@host and ' + 'hunter2')"
    )
    environment = {**os.environ, "MLFLOW_TRACKING_URI": "http://ann:hunter2@host"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout == "*** plain\n"
    assert "WARNING:urllib3:to ***\n" in done.stderr
    assert done.stderr.endswith("ValueError: http://***@host and ***\n")
    assert logging.WARNING


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["server", "database"])
def test_no_secret_in_any_file_or_output_of_any_command(tmp_path, kind):
    """Nothing answers at the addresses, so that every library says what it was given."""
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "params.yaml").write_text(PARAMS)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    address = f"ann:{ENCODED}@{host}"
    tracking = f"http://{address}/?token=queryhunter" if kind == "server" else f"postgresql+nodriver://{address}/db"
    environment = {
        **os.environ,
        "MLFLOW_TRACKING_URI": tracking,
        "MLFLOW_TRACKING_TOKEN": "tokenhunter",
        "MLFLOW_TRACKING_PASSWORD": "passwordhunter",
        "OPTUNA_STORAGE": f"postgresql://ann:optuna{ENCODED}@{host}/db?sslpassword=sslhunter",
        "HTTP_PROXY": f"http://ann:proxy{ENCODED}@{host}",
        "http_proxy": f"http://ann:proxy{ENCODED}@{host}",
        "ARCHBENCH_MIRROR": f"http://ann:mirror{ENCODED}@{host}",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    }
    storage = "from pathlib import Path; from archbench.sweeps.storage import open_storage; from archbench.errors "
    storage += "import guarded\nwith guarded(): open_storage(Path('studies/small/a.journal'))"
    outputs = {}
    for words in (["-m", "archbench", "train", "mlp-wine"], ["-m", "archbench", "sync"], ["-m", "archbench", "doctor"],
                  ["-m", "archbench", "ui"], ["-c", storage]):  # fmt: skip
        done = subprocess.run(
            [sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        outputs[words[-1]] = done.stdout + done.stderr
    assert (tmp_path / "runs/small/mlp-wine/seed-0/metrics.json").exists(), outputs
    assert "did not take all runs" in outputs["mlp-wine"]
    assert "cannot be opened" in outputs["sync"]
    assert "OPTUNA_STORAGE=postgresql://***@" in outputs[storage]
    written = {str(path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert any(name.endswith(".tracking.log") for name in written)
    everything = {**written, **{name: output.encode() for name, output in outputs.items()}}
    coded = base64.b64encode(f"ann:{PLAIN}".encode()).decode()
    for form in (PLAIN, ENCODED, quote(PLAIN), coded, "hunter"):
        holding = [name for name, content in everything.items() if form.lower().encode() in content.lower()]
        assert holding == [], form
