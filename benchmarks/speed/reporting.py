"""Tables that read well on a terminal and are reStructuredText for the documentation."""

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from threadpoolctl import threadpool_info

MISSED = " ✗"


@dataclass(frozen=True)
class Target:
    """A bound on a figure: "≥" or "≤" and a value."""

    sign: str
    value: float

    def __str__(self):
        return f"{self.sign} {self.value:g}"

    def is_met_by(self, figure):
        """Whether the figure, as it is printed, keeps the bound."""
        figure = round(float(figure), 2)
        return figure >= self.value if self.sign == "≥" else figure <= self.value


def judged(figure, target=None):
    """The figure as text, marked if it misses its target."""
    if figure is None:
        return "-"
    is_met = target is None or target.is_met_by(figure)
    return f"{figure:.2f}{'' if is_met else MISSED}"


def simple_table(header, rows):
    """A "simple table" of reStructuredText."""
    lines = [[str(cell) or ".." for cell in line] for line in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rule = "  ".join("=" * width for width in widths)

    def row(cells):
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        return "  ".join(padded).rstrip()

    return "\n".join([rule, row(lines[0]), rule, *map(row, lines[1:]), rule])


def machine():
    """What the figures hold for: the processor and the versions."""
    names = ("numpy", "scikit-learn", "numba", "torch", "skorch", "jax")
    found = ", ".join(f"{name} {_version(name)}" for name in names if _version(name))
    return f"{_processor()}; {_blas()}; Python {platform.python_version()}, {found}."


def _version(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _blas():
    """NumPy's BLAS and the processor that it takes this one for, by itself or on command."""
    of_numpy = [i for i in threadpool_info() if "numpy" in i.get("filepath", "")]
    if not of_numpy:
        return "unknown BLAS"
    words = (of_numpy[0].get(key) for key in ("internal_api", "version", "architecture"))
    forced = (f"{key}={value}" for key, value in os.environ.items() if key.startswith("OPENBLAS_"))
    return " ".join(word for word in (*words, *sorted(forced)) if word)


def _processor():
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else ()
    names = (line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
