"""Where the time of a training step goes, in microseconds and percent, for both kernels.

The functions of a step are watched from outside, each kernel by itself. The time of a function is
its own: what another watched one took within it counts there. Watching costs time as well, so the
same step is timed unwatched. Run with ``make profile NET=C``; NET is one of A to F or units such as
``54-256-256-7``; ``python benchmarks/speed/profile_step.py --help`` lists the options.
"""

import argparse
from collections import defaultdict
from contextlib import ExitStack
from statistics import median
from time import perf_counter
from unittest import mock

from contenders import ours
from nets import NETS, Net
from reporting import machine, simple_table
from workers import KERNELS, team

STEP, OUTSIDE = "a step", "outside the steps"
REPETITIONS = 5


class Stopwatch:
    """The own time of watched functions, and how often they were called."""

    def __init__(self):
        self.seconds, self.calls = defaultdict(float), defaultdict(int)
        self._inner = [0.0]  # for each watched function at work: what those within it took

    def watch(self, function, name):
        """The function, watched; `name` is a text, or a function of its first argument."""

        def watched(*args, **kwargs):
            self._inner.append(0.0)
            start = perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                took = perf_counter() - start
                key = name(args[0]) if callable(name) else name
                self.seconds[key] += took - self._inner.pop()
                self.calls[key] += 1
                self._inner[-1] += took

        return watched


def _methods():
    """What is watched besides kernels: (class, method, what it does)."""
    from sknn_opt.nn import layers, members
    from sknn_opt.nn.network import Network
    from sknn_opt.optim import Optimizer
    from sknn_opt.training.batches import Minibatches
    from sknn_opt.training.minibatch import _Descent

    def product(direction):
        return lambda dense: f"{direction} product {'x'.join(map(str, dense.W.shape))}"

    yield Minibatches, "_gather", "batch: gather rows"
    yield Network, "draw_masks", "dropout: draw bits"
    for cls in (layers.Dense, members.PackedDense):
        yield cls, "forward", product("forward:")
        yield cls, "backward", product("backward: both products, db,")
    for cls in (layers.BatchNorm, layers.ActivationLayer, layers.Dropout):
        for direction in ("forward", "backward"):
            yield cls, direction, f"{direction}: {cls.__name__}, around its kernel"
    yield Network, "loss", "loss: around its kernel; L2 term"
    yield Network, "backward", "backward: around the layers"
    yield Optimizer, "step", "update: around its kernel"
    yield _Descent, "_step", STEP
    yield _Descent, "epoch", OUTSIDE


def _kernel_tables():
    """The modules that look kernels up."""
    from sknn_opt.nn import layers, losses, network
    from sknn_opt.optim import optimizers

    yield from (layers, losses, network, optimizers)


def _watched_lookup(lookup, watch):
    """`fastest`, such that what it finds is watched."""

    def found(kernel, dtype):
        return watch(lookup(kernel, dtype), f"kernel {kernel.__name__}")

    return found


def profile(net, parameters):
    """Seconds and calls a step of each watched function, and seconds of an unwatched step."""
    ours(net, **parameters)  # compiles kernels, makes data
    plain = median(ours(net, **parameters) for _ in range(REPETITIONS))
    stopwatch = Stopwatch()
    with ExitStack() as patches:
        for cls, method, name in _methods():
            watched = stopwatch.watch(getattr(cls, method), name)
            patches.enter_context(mock.patch.object(cls, method, watched))
        for module in _kernel_tables():
            watched = _watched_lookup(module.fastest, stopwatch.watch)
            patches.enter_context(mock.patch.object(module, "fastest", watched))
        for _ in range(REPETITIONS):
            ours(net, **parameters)
    n_steps = stopwatch.calls[STEP]
    found = {
        name: (seconds / n_steps, stopwatch.calls[name] / n_steps)
        for name, seconds in stopwatch.seconds.items()
    }
    return found, plain / net.n_batches


def table(profiles):
    """What took how long, the most expensive first: kernels -> what `profile` returned."""
    found = [parts for parts, _ in profiles.values()]
    totals = [sum(seconds for seconds, _ in parts.values()) for parts in found]
    names = sorted({name for parts in found for name in parts}, key=lambda n: -_at(found[0], n)[0])
    for name in names:
        cells = (
            _cells(_at(parts, name)[0], total) for parts, total in zip(found, totals, strict=True)
        )
        calls = max(_at(parts, name)[1] for parts in found)
        label = {
            STEP: "norm, rate, checks: the step's own",
            OUTSIDE: "shuffle, the loop over steps",
        }
        yield label.get(name, name), f"{calls:.3g}", *(cell for pair in cells for cell in pair)
    yield "watched, in all", "", *(cell for total in totals for cell in _cells(total, total))
    plain = (seconds for _, seconds in profiles.values())
    yield "unwatched: fit / steps", "", *(c for s in plain for c in (f"{1e6 * s:.1f}", ""))


def _at(parts, name):
    return parts.get(name, (0.0, 0.0))


def _cells(seconds, total):
    return f"{1e6 * seconds:.1f}", f"{100 * seconds / total:.1f}"


def _net(args):
    if args.net in NETS:
        return NETS[args.net]
    return Net(tuple(map(int, args.net.split("-"))), args.batch_size, args.rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("net", nargs="?", default="C", help="A to F, or units: 54-256-256-7")
    parser.add_argument("--batch-size", type=int, default=200, help="for units")
    parser.add_argument("--rows", type=int, default=10_000, help="for units")
    parser.add_argument("--activation", default="relu")
    parser.add_argument("--solver", default="adam")
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--batch-norm", action="store_true")
    parser.add_argument("--n-members", type=int, default=1)
    args = parser.parse_args()
    net = _net(args)
    names = ("activation", "solver", "dropout", "batch_norm", "n_members")
    parameters = {name: getattr(args, name) for name in names}
    with team(KERNELS) as workers:
        profiles = {k: worker.ask(profile, net, parameters) for k, worker in workers.items()}
    print(f"{net}, batch {net.batch_size}, {net.n_rows:,} rows; {parameters}\n{machine()}\n")
    columns = (column for k in profiles for column in (f"µs, {k}", "%"))
    print(simple_table(("part of a step", "calls", *columns), table(profiles)))


if __name__ == "__main__":
    main()
