"""curves/*.csv: the losses by epoch that `dvc plots show` draws."""

import csv

from archbench.records import curves
from archbench.records.run_folder import write_history


def history(folder, seed, losses):
    path = folder / f"seed-{seed}"
    path.mkdir(parents=True)
    rows = [
        {"epoch": epoch, "train_loss": train, "validation_loss": validation}
        for epoch, (train, validation) in enumerate(losses, start=1)
    ]
    write_history(path / "history.csv", rows)


def test_an_epoch_is_the_mean_over_the_seeds_that_came_so_far_with_a_number(tmp_path):
    history(tmp_path / "a", 0, [(1.0, 3.0), (0.5, 2.0), (0.25, 1.0)])
    history(tmp_path / "a", 1, [(2.0, 5.0), (float("nan"), 4.0)])
    (tmp_path / "a" / "seed-2").mkdir()
    rows = curves.mean_losses(tmp_path / "a")
    assert rows == [
        {"epoch": 1, "train_loss": 1.5, "validation_loss": 4.0},
        {"epoch": 2, "train_loss": 0.5, "validation_loss": 3.0},
        {"epoch": 3, "train_loss": 0.25, "validation_loss": 1.0},
    ]
    assert curves.mean_losses(tmp_path / "none") == []


def test_a_loss_that_nobody_has_is_an_empty_cell(tmp_path):
    history(tmp_path / "a", 0, [(float("nan"), 1.0)])
    curves.keep(tmp_path / "curves", "a", curves.mean_losses(tmp_path / "a"), ["a"])
    with open(tmp_path / "curves" / "a.csv") as file:
        assert list(csv.DictReader(file)) == [{"epoch": "1", "train_loss": "", "validation_loss": "1.0"}]


def test_curves_leave_with_their_benchmark(tmp_path):
    for slug in ("a", "b"):
        curves.keep(tmp_path, slug, [{"epoch": 1, "train_loss": 1.0, "validation_loss": 1.0}], ["a", "b"])
    curves.keep(tmp_path, "a", [{"epoch": 1, "train_loss": 2.0, "validation_loss": 1.0}], ["a"])
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert "2.0" in (tmp_path / "a.csv").read_text()
