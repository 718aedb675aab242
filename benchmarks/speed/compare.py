"""Speed compared with the rivals: same data, architecture, batch size, Adam and dtype, one thread.

Each contender lives in a process of its own; they train in turn, and medians over the repetitions
count. It prints tables of the figures with their targets, and writes them (``speed.txt``, to be
included in the documentation) and a picture (``speed.png``). Run with ``make bench``, or as
``python benchmarks/speed/compare.py --quick`` for a first look.
"""

import argparse
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import contenders
from costs import COSTS
from nets import NETS
from reporting import Target, judged, machine, simple_table
from workers import KERNELS, medians, team

DOCS = Path(__file__).parents[2] / "docs" / "_static"
FLOAT64 = {"dtype": "float64"}


class Rival(NamedTuple):
    """Whom we are compared with: its worker, what it does, our answer, and the targets, A to F."""

    worker: str
    theirs: object
    targets: tuple
    ours: object = contenders.ours
    only_fast: bool = False  # whether the targets are for the compiled kernels alone
    sign: str = "≥"

    def ratio(self, ours, theirs):
        """Theirs over ours, or ours over theirs where a target bounds it from above."""
        return theirs / ours if self.sign == "≥" else ours / theirs

    def target(self, net, kernels=None):
        """The target on a net, if it is one for these kernels."""
        if self.only_fast and kernels == "NumPy kernels":
            return None
        return Target(self.sign, self.targets["ABCDEF".index(net)])


RIVALS = {
    "scikit-learn, float32": Rival(
        "scikit-learn", contenders.sklearn_mlp, (3.5, 3, 1.8, 1.8, 4, 1.5)
    ),
    "scikit-learn, float64 input": Rival(
        "scikit-learn",
        partial(contenders.sklearn_mlp, **FLOAT64),
        (5, 5, 3, 3, 4.5, 3),
        partial(contenders.ours, **FLOAT64),
    ),
    "PyTorch, fused Adam": Rival("PyTorch", contenders.torch_loop, (3, 2.5, 1.2, 1.05, 6, 1)),
    "skorch, no callbacks": Rival("skorch", contenders.skorch_net, (6, 5, 2, 1.5, 12, 1.05)),
    "JAX, jitted epoch": Rival("JAX", contenders.jax_epochs, (1, 1, 1, 1, 1.2, 1), only_fast=True),
    "ours over BLAS alone": Rival(
        "BLAS", contenders.blas_only, (1.6, 1.6, 1.3, 1.25, 4, 1.1), only_fast=True, sign="≤"
    ),
}


@dataclass
class Race:
    """The seconds an epoch took: net -> {rival or (kernels, our answer): seconds}."""

    workers: dict
    times: dict

    @classmethod
    def run(cls, workers, nets, repetitions):
        """Measure all rivals and both kernels on the nets."""
        rivals = {name: rival for name, rival in RIVALS.items() if rival.worker in workers}
        kernels = [name for name in KERNELS if name in workers]
        times = {}
        for net in nets:
            print(f"Measuring {net}: {NETS[net]}", flush=True)
            tasks = {}
            for name, rival in rivals.items():
                tasks[name] = workers[rival.worker], rival.theirs, NETS[net]
                for k in kernels:
                    tasks[k, rival.ours] = workers[k], rival.ours, NETS[net]
            times[net] = medians(tasks, repetitions)
        return cls(workers, times)

    @property
    def nets(self):
        """The nets' letters."""
        return list(self.times)

    def ratios(self):
        """The table of ratios with their targets."""
        for name, rival in RIVALS.items():
            if rival.worker not in self.workers:
                continue
            yield name, "target", *(rival.target(net) for net in self.nets)
            for k in (k for k in KERNELS if k in self.workers):
                yield name, k, *(self._cell(name, rival, k, net) for net in self.nets)

    def _cell(self, name, rival, kernels, net):
        times = self.times[net]
        ratio = rival.ratio(times[kernels, rival.ours], times[name])
        return judged(ratio, rival.target(net, kernels))

    def milliseconds(self):
        """The table of times an epoch."""
        for k in (k for k in KERNELS if k in self.workers):
            for what, answer in (
                ("sknn_opt", contenders.ours),
                ("sknn_opt, float64 input", RIVALS["scikit-learn, float64 input"].ours),
            ):
                row = (self.times[net].get((k, answer)) for net in self.nets)
                yield f"{what}, {k}", *(judged(seconds and 1e3 * seconds) for seconds in row)
        for name in (name for name in RIVALS if name in self.times[self.nets[0]]):
            row = (self.times[net][name] for net in self.nets)
            yield name.removeprefix("ours over "), *(judged(1e3 * seconds) for seconds in row)


def race_tables(workers, nets, repetitions):
    """Who is raced on what, the ratios and the times, as text."""
    race = Race.run(workers, nets, repetitions)
    columns = ("net", "units", "batch", "rows")
    described = [(k, NETS[k], NETS[k].batch_size, f"{NETS[k].n_rows:,}") for k in nets]
    yield simple_table(columns, described)
    yield "The rival's time relative to ours (2.0 = twice as slow; ✗: misses the target):"
    yield simple_table(("rival", "kernels", *race.nets), race.ratios())
    yield "Milliseconds per epoch:"
    yield simple_table(("", *race.nets), race.milliseconds())


def costs_table(workers, repetitions, quick):
    """All other costs, as text."""
    kernels = [name for name in KERNELS if name in workers]
    rows = []
    for cost in COSTS:
        print(f"Measuring {cost.__doc__.splitlines()[0]}", flush=True)
        for what, figures, targets in cost(workers, repetitions, quick):
            wanted = " / ".join(dict.fromkeys(str(targets[k]) for k in kernels if k in targets))
            cells = (judged(figures.get(k), targets.get(k)) for k in kernels)
            rows.append((what, wanted, *cells))
    return simple_table(("", "target", *kernels), rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three nets, two repetitions")
    parser.add_argument("--nets", help="letters, such as ACE")
    parser.add_argument("--repetitions", type=int)
    parser.add_argument("--output", type=Path, help="a folder; docs/_static, or build with --quick")
    args = parser.parse_args()
    nets = args.nets or ("ACE" if args.quick else "ABCDEF")
    repetitions = args.repetitions or (2 if args.quick else 7)
    output = args.output or (Path("build") if args.quick else DOCS)
    output.mkdir(parents=True, exist_ok=True)
    with team() as workers:
        parts = [f"{machine()} One thread; medians of {repetitions} alternating repetitions."]
        parts += race_tables(workers, nets, repetitions)
        parts += ["Other figures:", costs_table(workers, repetitions, args.quick)]
        text = "\n\n".join(parts) + "\n"
        print("\n" + text, flush=True)
        (output / "speed.txt").write_text(text, encoding="utf-8")
        draw_curves(workers, output / "speed.png", args.quick)


def draw_curves(workers, path, quick):
    """The picture, if there is matplotlib."""
    try:
        from curves import draw
    except ImportError as error:
        print(f"No picture: {error}")
        return
    print("Measuring curves", flush=True)
    draw(workers, path, quick=quick)


if __name__ == "__main__":
    main()
