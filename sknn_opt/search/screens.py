"""Where a training is shown: plain lines, or a terminal that is drawn over and over.

A screen has `open`, `show` after each epoch, `pause` before a question, and `close`. `SCREENS`
names them; that of notebooks draws with matplotlib and is entered by `sknn_opt.plots.notebook`.
"""

from __future__ import annotations

import math
import sys
from importlib.util import find_spec
from time import perf_counter

from sknn_opt.search.curves import BLANK, curves, sparkline

LINES = 20  # that a training takes, about
PAUSE, SHARE = 0.2, 0.1  # seconds between two drawings at least; of the time, drawing at most
WIDTH, HEIGHT = 64, 10  # characters of the curves


class Nothing:
    """Shows nothing."""

    def open(self, run):
        """The training begins."""

    def show(self, run, row, wishes):
        """An epoch is over, after which these things were done."""

    def pause(self):
        """Something else is written now."""

    def close(self, run):
        """The training is over."""


class Lines(Nothing):
    """A line now and then, and where something happens."""

    def open(self, run):
        self._verdict = None

    def show(self, run, row, wishes):
        done = row["epoch"] - run.first
        every = max(1, (run.planned - run.first) // LINES)
        verdict = run.record.signals[-1]["verdict"] if run.record.signals else None
        if done == 1 or done % every == 0 or wishes or verdict != self._verdict:
            print(status(run, row), flush=True)
        self._verdict = verdict
        for line in happenings(run, wishes):
            print(line, flush=True)

    def close(self, run):
        print(summary(run), flush=True)


class NowAndThen(Nothing):
    """A picture that is drawn anew, so often that it takes a share of the time at most."""

    def __init__(self):
        self._drawn, self._took = -math.inf, 0.0

    def show(self, run, row, wishes):
        started = perf_counter()
        if started - self._drawn > max(PAUSE, self._took / SHARE):
            self._draw(run, row)
            self._drawn = perf_counter()
            self._took = self._drawn - started

    def close(self, run):
        if run.record.history:
            self._draw(run, run.record.history[-1])


class Terminal(NowAndThen):
    """Curves of characters, by rich."""

    def __init__(self, console=None):
        super().__init__()
        try:
            from rich.console import Console
            from rich.live import Live
        except ImportError as error:
            raise ImportError(
                "TrainingWatch(display='terminal') needs rich; install it with: pip install "
                "'sknn_opt[watch]', or set display='lines'"
            ) from error
        self._live = Live(console=console or Console(), auto_refresh=False)

    def pause(self):
        self._live.stop()

    def close(self, run):
        super().close(run)
        self._live.stop()
        self._live.console.print(summary(run), highlight=False)

    def _draw(self, run, row):
        if not self._live.is_started:
            self._live.start()
        self._live.update(picture(run, row, self._live.console.width), refresh=True)


SCREENS = {"lines": Lines, "terminal": Terminal}


def screen(display):
    """The screen of that name; "auto" is the best that there is here, None shows nothing."""
    if display == "auto":
        if _in_notebook() and find_spec("matplotlib"):
            display = "notebook"
        else:
            display = "terminal" if sys.stdout.isatty() and find_spec("rich") else "lines"
    return Nothing() if display is None else SCREENS[display]()


def _in_notebook():
    """Whether this runs in the kernel of a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


# What is said -----------------------------------------------------------------------------------


def status(run, row, *, signals=True):
    """An epoch in a line."""
    width = len(str(run.planned))
    parts = [f"epoch {row['epoch']:>{width}}/{run.planned}"]
    names = {"loss": "loss", "validation_loss": "validation", "score": "score"}
    names["learning_rate"] = "rate"
    for name, said in names.items():
        if row[name] is not None and (name != "score" or is_scored([row])):
            parts.append(f"{said} {row[name]:.4g}")
    if signals and run.record.signals:
        parts.append(f"signals {run.record.signals[-1]['verdict']}")
    return "  ".join(parts)


def is_scored(rows):
    """Whether there is a score other than the loss."""
    pairs = ((row["score"], row["validation_loss"]) for row in rows)
    return any(score is not None and score != -(loss or 0) for score, loss in pairs)


def happenings(run, wishes):
    """A line for each of the latest interventions."""
    for done in run.record.interventions[len(run.record.interventions) - len(wishes) :]:
        yield f"    {said_of(done)}"


def said_of(done):
    """An intervention in words."""
    said = {"rate": "the learning rate is {:.4g}", "back": "back to epoch {}", "stop": "stopped"}
    value = [] if done["value"] is None else [done["value"]]
    return f"after epoch {done['epoch']}: {said[done['what']].format(*value)}"


def signals_said(run):
    """What the last look at the signals found, in a line; none if there was no look."""
    for found in run.record.signals[-1:]:
        said = f"signals {found['verdict']} after epoch {found['epoch']}"
        yield f"{said}: {found['finding']}" if found["finding"] else said


def summary(run):
    """The whole training in a line."""
    n, seconds = run.state.n_epochs - run.first, run.record.seconds["training"]
    n_done = len(run.record.interventions)
    best = f"best: epoch {run.best_epoch}"
    done = f"{n_done} intervention{'s' * (n_done != 1)}"
    return f"{n} epochs in {seconds:.1f} s, {best}, {done}"


def picture(run, row, width):
    """Curves, learning rate, signals and interventions, in characters of rich."""
    from rich.console import Group
    from rich.panel import Panel
    from rich.text import Text

    rows, wide = run.record.history[-4000:], max(20, min(WIDTH, width - 14))
    styles, lines = ("cyan", "yellow"), []
    losses = [[each[name] for each in rows] for name in ("loss", "validation_loss")]
    for label, cells in curves(losses, wide, HEIGHT):
        line = Text(f"{label:>8} ")
        for char, which in cells:
            line.append(char, styles[which] if char != BLANK else "")
        lines.append(line)
    legend = Text("         ").append("⠶⠶ training loss", styles[0])
    if any(value is not None for value in losses[1]):
        legend.append("   ").append("⠶ ⠶ validation loss", styles[1])
    lines.append(legend)
    for name, said in (("score", "score"), ("learning_rate", "rate")):
        values = [each[name] for each in rows if each[name] is not None]
        if values and (name != "score" or is_scored(rows)):
            drawn = sparkline(values, wide, log=name == "learning_rate")
            lines.append(Text(f"{said:>8} {drawn} {values[-1]:.4g}"))
    lines += [Text(f" {said}") for said in signals_said(run)]
    lines += [Text(f" {said_of(done)}") for done in run.record.interventions[-4:]]
    return Panel(
        Group(*lines), title=status(run, row, signals=False), title_align="left", expand=False
    )
