"""Which processor a run was made on, and how a report's differs from the one that is here."""

import fake_runs as fake
import pytest

from archbench.page.sections.where import hardware_rows
from archbench.results.machines import machines, other_processors
from archbench.results.runs import read_runs
from archbench.training import machine

X86 = """processor\t: 0
model name\t: Xenon 7 @ 2.00GHz
flags\t\t: fpu sse4_2 avx2 fma sgx avx

processor\t: 1
model name\t: another
flags\t\t: avx512f
"""
ARM = "processor\t: 0\nFeatures\t: fp asimd sve crc32\nCPU part\t: 0xd40\n"

HERE = {"cpu": "Xenon 7", "cpu_extensions": ["avx", "avx2"], "cores": 2}


@pytest.fixture
def told(tmp_path, monkeypatch):
    """Have the system tell `text` of its processor."""

    def tell(text):
        path = tmp_path / "cpuinfo"
        path.write_text(text)
        monkeypatch.setattr(machine, "Path", lambda _: path)
        machine.processor.cache_clear()
        return machine.processor()

    yield tell
    machine.processor.cache_clear()


def test_the_first_processor_and_the_vector_instructions_are_named(told):
    assert told(X86)["cpu"] == "Xenon 7 @ 2.00GHz"
    assert told(X86)["cpu_extensions"] == ["sse4_2", "avx", "avx2", "fma"]
    assert told(ARM)["cpu_extensions"] == ["asimd", "sve"]
    assert told("")["cpu_extensions"] == []


def test_a_run_records_them():
    facts = machine.describe(xla=True, xla_rule="auto", precision="float32")
    assert {name: facts[name] for name in ("cpu", "cpu_extensions", "cores")} == machine.processor()


def _report(tmp_path, *lines):
    (tmp_path / "machines.csv").write_text("cpu,cpu_extensions,cores,runs\n" + "\n".join(lines) + "\n")
    return tmp_path


def test_a_report_of_the_same_processor_is_no_news(tmp_path):
    assert other_processors(tmp_path, HERE) == []
    assert other_processors(_report(tmp_path, "Xenon 7,avx avx2,2,5", "Xenon 7,avx avx2,2,7"), HERE) == []


@pytest.mark.parametrize(
    ("line", "difference"),
    [
        ("Epic 3,avx avx2,2,5", "Epic 3, here Xenon 7"),
        ("Xenon 7,avx avx512f,2,5", "with avx512f that is not here, without avx2 that is"),
        ("Xenon 7,,2,5", "with nothing that is not here, without avx avx2 that is"),
        ("Xenon 7,avx avx2,16,5", "16 cores, here 2"),
        ("Epic 3,avx avx2,16,5", "Epic 3, here Xenon 7; 16 cores, here 2"),
    ],
)
def test_a_report_of_another_processor_says_what_differs(tmp_path, line, difference):
    assert other_processors(_report(tmp_path, "Xenon 7,avx avx2,2,1", line), HERE) == [difference]


def test_runs_are_counted_by_machine(tmp_path):
    facts = {"architecture": "lenet5", "scale": "paper", "dataset": "digits", "task": "classification"}
    for seed in (0, 1, 2):
        settings = fake.settings("lenet5-digits", seed, **facts)
        fake.write_run(tmp_path / "lenet5-digits" / f"seed-{seed}", settings, 0.9)
    other = fake.machine(cpu_extensions=["avx2", "avx512f"])
    fake.write_json(tmp_path / "lenet5-digits" / "seed-2" / "machine.json", other)
    table = machines(read_runs(tmp_path, {"lenet5-digits": (0, 1, 2)}))
    assert table[["cpu_extensions", "runs"]].values.tolist() == [["avx2 avx512f", 1], ["avx2 fma", 2]]
    assert [row["Vector extensions"] for row in hardware_rows(table)] == ["avx2 avx512f", "avx2 fma"]
    assert machines([]).empty
