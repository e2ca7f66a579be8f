"""Stream a split of 1.6 GB in a process of its own, and tell what memory that took: `stream_split.py FOLDER XLA`.

The split is a memory-mapped file without content, of which about half is read, in some chunks. Prints by how many
megabytes the anonymous memory of the process, which no file stands behind, was at most above what it was when all was
compiled.
"""

import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import toys

from archbench.datasets.card import Card
from archbench.datasets.store import Prepared
from archbench.training.order import shuffled
from archbench.training.run import Workbench

EXAMPLES, BATCH = 2**19, 256  # of 3,072 bytes
STEPS = 1020


def anonymous() -> float:
    """Megabytes of the memory of this process that no file stands behind."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


class Watch:
    """The most anonymous memory between its start and its end."""

    def __enter__(self) -> "Watch":
        self.start = self.most = anonymous()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.is_set():
            self.most = max(self.most, anonymous())
            time.sleep(0.002)


def bench(folder: Path, settings: dict[str, Any]) -> Workbench:
    """Softmax regression on the pictures, none of which is kept on the device."""
    np.lib.format.open_memmap(folder / "image.npy", "w+", np.uint8, (EXAMPLES, 32, 32, 3)).flush()
    image = np.load(folder / "image.npy", mmap_mode="r")
    sizes = {"train": EXAMPLES, "validation": BATCH, "test": BATCH}
    splits = {name: {"image": image[:size], "label": np.zeros(size, "int32")} for name, size in sizes.items()}
    arrays = {"image": {"shape": [32, 32, 3], "dtype": "uint8"}, "label": {"shape": [], "dtype": "int32"}}
    card = Card("empty", "", "", "image", arrays, sizes, ("a", "b", "c"))
    return Workbench(settings, Prepared(card, splits))


if __name__ == "__main__":
    settings = toys.settings(
        architecture={"name": "softmax_regression"},
        parts={},
        preprocessing={"name": "none"},
        augmentation=[],
        batch_size=BATCH,
        resident_megabytes=0,
        xla=sys.argv[2],
    )
    made = bench(Path(sys.argv[1]), settings)
    program, feed, numbers = made.program, made.training.feeds[0], made.start(settings).numbers
    order = shuffled((0, 0), EXAMPLES, BATCH)[:STEPS]
    data, chunk, _ = next(iter(feed.chunks(order, STEPS)))
    program.train(data, chunk, 1, np.zeros(len(chunk)), numbers)  # compiles
    del data
    chunks = 0
    with Watch() as watch:
        for data, chunk, count in feed.chunks(order, STEPS):
            program.train(data, chunk, count, np.zeros(len(chunk)), numbers)
            chunks += 1
    assert chunks > 2, "the memory of two chunks in a row is what is asked for"
    print(round(watch.most - watch.start))
