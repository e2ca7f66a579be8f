"""Code outside the package: found by the catalogues, counted among the code of what uses it, checked, and begun."""

import sys
from types import SimpleNamespace

import pytest
import yaml
from typer.testing import CliRunner

from archbench import catalogue, code, dvcfile, plugins, sources
from archbench.architectures import ARCHITECTURES
from archbench.cli import index
from archbench.cli.app import app
from archbench.config import ConfigError, check_config, read_config
from archbench.contracts import check
from archbench.project import Folders
from archbench.resolve import resolve

NET = '''"""One layer."""
from keras import layers
from archbench.architectures import architecture
@architecture("{name}", source="made up", task="classification", minimum=1, paper_input=(8, 8, 1), paper_outputs=10,
    swaps=(), smoke={{}}, smoke_input=(8, 8, 1))
def {name}(x, outputs: int):
    """A linear layer."""
    return {body}
'''
PLAIN = "layers.Dense(outputs)(layers.Flatten()(x))"


@pytest.fixture(autouse=True)
def _as_before():
    """What a test loads is forgotten after it."""
    yield
    for one in index.catalogues().values():
        one._entries = {name: entry for name, entry in one._entries.items() if entry.module not in code.OUTSIDE}
        one._incomplete = {name: told for name, told in one._incomplete.items() if not told.startswith(plugins.PACKAGE)}
    for name in [*code.OUTSIDE]:
        del code.OUTSIDE[name]
        catalogue.OUTSIDE.discard(name)
        sys.modules.pop(name, None)
    code.path_of.cache_clear()
    code._imports.cache_clear()


def write(folder, name, body=PLAIN):
    path = folder / f"{name}.py"
    path.write_text(NET.format(name=name, body=body))
    return path


def params(folder, *names, **more):
    values = {
        "pipeline": "toy",
        "plugins": [f"{name}.py" for name in names],
        "datasets": {"digits": {}},
        "benchmarks": {
            "mine": {"architecture": names[0], "dataset": "digits"},
            "lenet": {"architecture": "lenet5", "dataset": "digits"},
        },
        **more,
    }
    (folder / "params.yaml").write_text(yaml.safe_dump(values))
    return read_config(folder / "params.yaml")


def test_a_file_that_params_yaml_names_is_found_by_the_catalogues(tmp_path):
    write(tmp_path, "net_of_mine")
    config = params(tmp_path, "net_of_mine")
    assert ARCHITECTURES["net_of_mine"].module == "archbench_plugins.net_of_mine"
    assert resolve(config, "mine").settings["architecture"] == {"name": "net_of_mine"}


def test_an_edit_makes_stale_what_uses_it_and_nothing_else_and_a_comment_makes_nothing_stale(tmp_path):
    path = write(tmp_path, "net_of_mine")
    config = params(tmp_path, "net_of_mine")
    pages = tmp_path / "pipelines"
    pages.mkdir()
    (pages / "train.py").write_text("")

    def lists():
        ids = {slug: resolve(config, slug).trial_settings(0, "data")["id"] for slug in config.benchmarks}
        return sources.lists(config, pages), ids

    first = lists()
    path.write_text(path.read_text() + "# a word\n")
    plugins.load(path)
    assert lists() == first
    write(tmp_path, "net_of_mine", "layers.Dense(outputs, use_bias=False)(layers.Flatten()(x))")
    plugins.load(path)
    again = lists()
    assert ("use_bias",) in ARCHITECTURES["net_of_mine"].build.__code__.co_consts  # it is the new one that builds
    assert {name for name in first[0] if first[0][name] != again[0][name]} == {"train/mine.txt"}
    assert {slug for slug in first[1] if first[1][slug] != again[1][slug]} == {"mine"}


def test_the_report_hangs_on_a_plugin_that_may_have_a_section_and_on_no_other(tmp_path):
    (tmp_path / "sections_of_mine.py").write_text("from archbench.page.sections import SECTIONS\n")
    write(tmp_path, "net_of_mine")
    for name in ("sections_of_mine", "net_of_mine"):
        plugins.load(tmp_path / f"{name}.py")
    declared = sources._declared()
    assert "archbench_plugins.sections_of_mine" in declared
    assert "archbench_plugins.net_of_mine" not in declared
    assert {"archbench.page.sections.boards", "archbench.figures.pictures.detection"} <= set(declared)


def test_the_stage_of_sources_hangs_on_the_file(tmp_path):
    write(tmp_path, "net_of_mine")
    (tmp_path / "pipelines").mkdir()
    config = params(tmp_path, "net_of_mine")
    stage = yaml.safe_load(dvcfile.render(config, Folders(tmp_path, "toy"), tmp_path))["stages"]["sources"]
    assert stage["deps"][-1] == "net_of_mine.py"
    assert "plugins" in stage["params"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import nothing_of_that_name\n", "line 1, cannot be imported: ModuleNotFoundError"),
        ("x = 1\ny = x +\n", "line 2, cannot be imported: SyntaxError"),
        (NET.format(name="lenet5", body=PLAIN), "architecture 'lenet5' is declared twice: in archbench.architectures"),
    ],
    ids=["import", "syntax", "a name that is taken"],
)
def test_a_file_that_cannot_be_a_plugin_is_told_with_its_line(text, says, tmp_path):
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(plugins.BrokenPlugin) as caught:
        params(tmp_path, "mine")
    assert says in str(caught.value)
    assert ARCHITECTURES["lenet5"].module == "archbench.architectures.vision.lenet5"


@pytest.mark.parametrize("name", ["~nobody-of-this-name/net.py", "a\0b.py", f"{'x' * 5_000}.py"])
def test_what_can_be_no_path_is_refused_in_a_line(name, tmp_path):
    with pytest.raises(plugins.BrokenPlugin, match="cannot be a plugin: it is no path of a file") as caught:
        params(tmp_path, name.removesuffix(".py"))
    assert len(str(caught.value)) < 300


def test_a_plugin_below_the_home_folder_is_what_dvc_looks_at(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    file = write(tmp_path / "home", "at_home")
    config = params(tmp_path, "~/at_home", benchmarks={"mine": {"architecture": "at_home", "dataset": "digits"}})
    stage = yaml.safe_load(dvcfile.render(config, Folders(tmp_path, "toy"), tmp_path))["stages"]["sources"]
    assert str(file) in stage["deps"]


def test_other_mistakes(tmp_path):
    with pytest.raises(plugins.BrokenPlugin, match="There is no plugin at"):
        params(tmp_path, "mine")
    (tmp_path / "my-net.py").write_text("")
    with pytest.raises(plugins.BrokenPlugin, match="whose name is a word"):
        plugins.load(tmp_path / "my-net.py")
    (tmp_path / "other").mkdir()
    plugins.load(write(tmp_path, "mine"))
    with pytest.raises(plugins.BrokenPlugin, match="are plugins of one name"):
        plugins.load(write(tmp_path / "other", "mine"))
    with pytest.raises(ConfigError, match="plugins"):
        check_config({"pipeline": "toy", "plugins": "mine.py", "datasets": {}, "benchmarks": {}})


def test_list_and_show_know_the_plugins_of_the_folder_and_their_cache_does_not(tmp_path, monkeypatch):
    write(tmp_path, "net_of_mine")
    params(tmp_path, "net_of_mine")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    assert "net_of_mine" in {row.name for row in index.rows()}
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert "net_of_mine" not in {row.name for row in index.rows()}


def test_a_package_that_is_installed_may_be_one(tmp_path, monkeypatch):
    write(tmp_path, "nets_to_install")
    monkeypatch.syspath_prepend(tmp_path)
    points = [SimpleNamespace(module="nets_to_install"), SimpleNamespace(module="nothing_there")]
    monkeypatch.setattr(plugins, "entry_points", lambda group: points if group == "archbench.plugins" else [])
    catalogue._installed_plugins.cache_clear()
    monkeypatch.setattr(ARCHITECTURES, "_scanned", False)
    monkeypatch.setattr(ARCHITECTURES, "_broken", {})
    assert ARCHITECTURES["nets_to_install"].module == "nets_to_install"
    assert code.path_of("nets_to_install") == tmp_path / "nets_to_install.py"
    fault = "The installed plugin nothing_there cannot be imported: ImportError: there is no module nothing_there"
    assert ARCHITECTURES.faults == [fault]
    catalogue._installed_plugins.cache_clear()


# --- contracts


def faults(entry):
    return [verdict.fault for verdict in check(entry) if verdict.fault]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (PLAIN, []),
        ("layers.Dense(outputs + 1)(layers.Flatten()(x))", ["it answers with 4 numbers, and was asked for 3"]),
        ("layers.Dense(outputs)(layers.Flatten()(x) * 0.0) * 0.0", ["does not fall"]),
    ],
    ids=["sound", "outputs", "nothing learns"],
)
def test_contracts_of_architectures(body, says, tmp_path):
    plugins.load(write(tmp_path, "net_of_mine", body))
    found = faults(ARCHITECTURES["net_of_mine"])
    assert len(found) == len(says)
    assert all(word in fault for word, fault in zip(says, found, strict=True)), found


SOUND = {"optimizers": "adam", "tasks": "binary", "activations": "gelu", "datasets": "dates"}


@pytest.mark.parametrize("kind", SOUND)
def test_what_the_package_has_keeps_them(kind):
    assert not faults(index.catalogues()[kind][SOUND[kind]])


# --- the commands


def run(*words):
    done = CliRunner().invoke(app, [*words])
    return done.exit_code, done.output


@pytest.mark.parametrize("kind", ["architecture", "optimizer", "dataset", "task"])
def test_what_new_writes_keeps_its_contracts_as_it_is(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, said = run("new", kind, "thing_of_mine")
    assert status == 0, said
    status, said = run("check-plugin", "thing_of_mine.py")
    assert status == 0, said
    assert "broken" not in said
    assert said.count("kept") >= 3
    assert run("new", kind, "thing_of_mine")[0] == 2
    assert run("new", kind, "Thing-2")[0] == 2


def test_check_plugin_ends_with_1_where_a_contract_is_broken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "net_of_mine", "layers.Dense(outputs)(layers.Flatten()(x) * 0.0) * 0.0")
    status, said = run("check-plugin", "net_of_mine.py")
    assert status == 1
    assert "broken  architecture net_of_mine: its training loss does not fall" in said
    (tmp_path / "empty.py").write_text("")
    assert run("check-plugin", "empty.py")[0] == 1
    less = (tmp_path / "net_of_mine.py").read_text().replace("minimum=1, ", "").replace("net_of_mine", "lesser")
    (tmp_path / "lesser.py").write_text(less)
    status, said = run("check-plugin", "lesser.py")
    assert status == 1
    assert "minimum is missing" in said
