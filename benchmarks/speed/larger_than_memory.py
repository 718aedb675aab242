"""Private memory of a fit on a 2 GB file, and its time compared with the same data in memory.

Each fit runs in a process of its own; what counts is the peak of the memory that it keeps for
itself. Pages of the file that were read do not count: the system drops them when it needs the room.
The file is written to the folder for temporary files, and removed. Reads /proc, so Linux only.
"""

import os
import tempfile
from pathlib import Path
from threading import Event, Thread
from time import perf_counter

import numpy as np
from workers import KERNELS, Worker

SHAPES = [(1_000_000, 500), (10_000_000, 50)]
TARGET = 200  # MB, beyond Python and its libraries


def write(path, shape):
    """Noise, a part at a time."""
    rng, step = np.random.default_rng(0), 100_000
    X = np.lib.format.open_memmap(path, "w+", np.float32, shape)
    for start in range(0, len(X), step):
        X[start : start + step] = rng.standard_normal(X[start : start + step].shape, np.float32)


def fit(path, *, in_memory):
    """Seconds of one epoch, and MB of private memory at most, beyond those of an idle process."""
    from sknn_opt import MLPClassifier

    y = (np.arange(len(np.load(path, mmap_mode="r"))) % 3).astype(np.int8)
    net = MLPClassifier((32,), batch_size=1000, max_iter=1, random_state=0)
    net.fit(np.array(np.load(path, mmap_mode="r")[:2000]), y[:2000])  # compiles kernels
    before, peak, done = private(), [0.0], Event()

    def watch():
        while not done.wait(0.005):
            peak[0] = max(peak[0], private())

    watcher = Thread(target=watch)
    watcher.start()
    X = np.load(path, mmap_mode=None if in_memory else "r")
    start = perf_counter()
    net.fit(X, y).predict(X[: len(X) // 10])
    seconds = perf_counter() - start
    done.set()
    watcher.join()
    return seconds, peak[0] - before


def private():
    """MB of this process that no file backs."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1e3


def in_file(path):
    return fit(path, in_memory=False)


def in_memory(path):
    return fit(path, in_memory=True)


def main():
    with tempfile.TemporaryDirectory() as folder:
        for shape in SHAPES:
            path = Path(folder) / "X.npy"
            write(path, shape)
            print(f"\n{shape[0]:,} x {shape[1]}, float32: one epoch and a prediction")
            for name, kernels in KERNELS.items():
                for where in (in_file, in_memory):
                    with Worker(SKNN_OPT_KERNELS=kernels) as worker:
                        seconds, most = worker.ask(where, path)
                    target = f" (target {TARGET})" if where is in_file else ""
                    print(
                        f"{name:<14} {where.__name__:<10} {seconds:6.1f} s {most:6.0f} MB{target}"
                    )
            os.remove(path)


if __name__ == "__main__":
    main()
