"""Time per epoch against width, rows and depth, and ours over that of the products: a picture."""

import matplotlib.pyplot as plt
from contenders import blas_only, jax_epochs, ours, sklearn_mlp, skorch_net, torch_loop
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator
from nets import Net
from workers import KERNELS, medians

from sknn_opt.plots._style import COLORS

CONTENDERS = {
    "NumPy kernels": ours,
    "with fast": ours,
    "scikit-learn": sklearn_mlp,
    "PyTorch": torch_loop,
    "skorch": skorch_net,
    "JAX": jax_epochs,
    "BLAS": blas_only,
}
LABELS = {
    "NumPy kernels": "sknn_opt, NumPy kernels",
    "with fast": "sknn_opt, with fast",
    "BLAS": "the matrix products alone",
}
MARKERS = "osD^vP*"


def sweeps(quick):
    """What is varied -> (title, unit, {size: net})."""
    widths = (16, 64, 256) if quick else (16, 32, 64, 128, 256, 512, 1024)
    rows = (1_000, 4_000) if quick else (1_000, 3_000, 10_000, 30_000, 100_000)
    depths = (1, 4) if quick else (1, 2, 4, 8)
    return {
        "width": (
            "54-n-n-7, batch 256, 4,096 rows",
            "units in a hidden layer, n",
            {n: Net((54, n, n, 7), 256, 4_096, n_epochs=2 if n > 512 else 10) for n in widths},
        ),
        "rows": (
            "54-100-7, batch 200",
            "rows",
            {n: Net((54, 100, 7), 200, n, n_epochs=max(2, 30_000 // n)) for n in rows},
        ),
        "depth": (
            "54-100-…-100-7, batch 200, 4,000 rows",
            "hidden layers",
            {n: Net((54, *[100] * n, 7), 200, 4_000, n_epochs=10) for n in depths},
        ),
    }


def measure(workers, nets, repetitions):
    """Seconds an epoch: contender -> list over the nets."""
    times = {name: [] for name in workers}
    for net in nets:
        tasks = {name: (worker, CONTENDERS[name], net) for name, worker in workers.items()}
        for name, seconds in medians(tasks, repetitions).items():
            times[name].append(float(seconds))
    return times


def draw(workers, path, *, quick):
    """Measure all sweeps and save the picture."""
    figure, axes = plt.subplots(2, 2, figsize=(10, 8), layout="constrained")
    for ax, (kind, (title, unit, nets)) in zip(axes.flat, sweeps(quick).items(), strict=False):
        times = measure(workers, nets.values(), repetitions=1 if quick else 3)
        for name, seconds in times.items():
            ax.plot(list(nets), [1e3 * s for s in seconds], **_look(name))
        _label(ax, title, unit, "milliseconds an epoch", list(nets))
        ax.set_yscale("log")
        _number_ticks(ax.yaxis, LogLocator(subs=(1, 2, 5)))
        if kind == "width":
            _draw_overhead(axes.flat[-1], list(nets), times)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(path, dpi=120)


def _draw_overhead(ax, widths, times):
    """Our time over that of the same products in BLAS alone."""
    for name in (name for name in KERNELS if name in times):
        overhead = [a / b for a, b in zip(times[name], times["BLAS"], strict=True)]
        ax.plot(widths, overhead, **_look(name))
    title, unit = "sknn_opt: 54-n-n-7, batch 256", "units in a hidden layer, n"
    _label(ax, title, unit, "time over that of the products alone", widths)
    ax.axhline(1, **_look("BLAS") | {"marker": ""})
    ax.set_ylim(bottom=0)


def _look(name):
    k = list(CONTENDERS).index(name)
    is_ours = name in KERNELS
    return {
        "label": LABELS.get(name, name),
        "color": COLORS[k],
        "marker": MARKERS[k],
        "markersize": 5,
        "linewidth": 2.2 if is_ours else 1.2,
        "linestyle": "--" if name == "BLAS" else "-",
        "zorder": 3 if is_ours else 2,
    }


def _label(ax, title, x, y, sizes):
    ax.set(title=title, xlabel=x, ylabel=y, xscale="log")
    _number_ticks(ax.xaxis, FixedLocator(sizes))
    ax.grid(alpha=0.3)


def _number_ticks(axis, locator):
    """Plain numbers in place of powers of ten."""
    axis.set_major_locator(locator)
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda n, _: f"{n:,.10g}"))
