"""The picture of a training: loss, validation loss and score by epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from sknn_opt.checks.opener import open_network
from sknn_opt.plots._style import COLORS, LINES, MARKERS, Display, dress, legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CLOSE = 0.08  # of the width: labels to the same side would lie on each other
HIGHEST = 20.0  # of the way: how high epochs that were given up may be drawn
LOG_FROM = 10.0  # losses that differ by this factor are drawn on a logarithmic axis


@dataclass(eq=False, repr=False)
class LossCurveDisplay(Display):
    """Training and validation loss by epoch, and what early stopping looked at.

    Both losses are without the penalty, so that they can be compared. A score other than the loss
    has an axis of its own on the right; a vertical line marks the epoch whose weights early
    stopping kept. Dotted lines mark where a `TrainingWatch` changed the course; of epochs that it
    went back from the curves are pale.

    Parameters
    ----------
    history : list of dict
        ``history_`` of a fitted estimator.
    best_epoch : int, default=None
        The epoch to mark.
    score_name : str, default=None
        What the score is called; None draws none.
    show_rate : bool, default=False
        Whether to draw the learning rate below.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes of the losses.
    score_ax_ : matplotlib Axes or None
        The axes of the score.
    rate_ax_ : matplotlib Axes or None
        The axes of the learning rate.
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknn_opt import LossCurveDisplay, MLPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = MLPClassifier(early_stopping=True, learning_rate_init=0.01, random_state=0)
    >>> display = LossCurveDisplay.from_estimator(clf.fit(X / 16, y)).plot()
    >>> [line.get_label() for line in display.ax_.lines][:2]
    ['training loss', 'validation loss']
    """

    history: list[dict[str, Any]]
    best_epoch: int | None = None
    score_name: str | None = None
    show_rate: bool = False
    score_ax_: Axes | None = field(default=None, init=False)
    rate_ax_: Axes | None = field(default=None, init=False)

    @classmethod
    def from_estimator(cls, estimator: Any, *, show_rate: bool = False) -> Self:
        """Make the display of a fitted estimator.

        Parameters
        ----------
        estimator : MLPClassifier, MLPRegressor, or an estimator with one in it
            Fitted. Of a pipeline the last step is drawn, of a search the best estimator, of an
            ensemble the first network.
        show_rate : bool, default=False
            Whether to draw the learning rate below.

        Raises
        ------
        TypeError
            If there is no network of ours in the estimator.
        NotFittedError
            If it is not fitted.
        """
        net = open_network(estimator, who="LossCurveDisplay", ours=True, fitted=True).part
        scored = any(row["score"] is not None for row in net.history_)
        name = best_epoch = None
        if scored and net.scoring != "loss":
            named = isinstance(net.scoring, str)
            name = net.scoring if named else getattr(net.scoring, "__name__", "score")
        if scored and net._training.by_score:
            best_epoch = net._training.best_epoch
        return cls(net.history_, best_epoch, name, show_rate)

    def _figure_options(self):
        return {"figsize": (6.4, 5.6)} if self.show_rate else {}

    def _draw(self):
        self.score_ax_ = self.rate_ax_ = None
        if self.show_rate:
            self.ax_.set_axis_off()
            grid = self.ax_.get_subplotspec().subgridspec(2, 1, height_ratios=(3, 1), hspace=0.08)
            self.ax_, self.rate_ax_ = grid.subplots(sharex=True)
        ax, self._way = self.ax_, way(self.history)
        lines = self._curve(ax, "loss", "training loss", 0, LINES[0])
        lines += self._curve(ax, "validation_loss", "validation loss", 5, LINES[1])
        values = [value for line in lines for value in line.get_ydata()]
        if min(values, default=0) > 0 and max(values) > LOG_FROM * min(values):
            ax.set_yscale("log")
        if ax.dataLim.ymax > HIGHEST * max(values, default=math.inf):
            ax.set_ylim(top=HIGHEST * max(values))
        dress(ax, xlabel="epoch", ylabel="loss", title="Training")
        if self.score_name is not None:
            self.score_ax_ = ax.twinx()
            dress(self.score_ax_, grid=None, ylabel=self.score_name)
            self.score_ax_.spines["right"].set_visible(True)
            lines += self._curve(self.score_ax_, "score", self.score_name, 2, LINES[2])
        if self.best_epoch is not None:
            label = f"best: epoch {self.best_epoch}"
            look = {"color": "0.4", "linewidth": 1, "linestyle": "-.", "label": label}
            lines.append(ax.axvline(self.best_epoch, **look))
        if self.show_rate:
            self._draw_rate()
        self._mark_interventions()
        # "best" knows the curves of one axes only
        below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.15), "ncols": 2}
        if self.show_rate:
            ax, below["bbox_to_anchor"] = self.rate_ax_, (0.5, -0.45)
        legend(ax, handles=lines, **(below if self.score_ax_ or self.show_rate else {}))

    def _curve(self, ax, name, label, look, line):
        """A list of one line; empty where the history has no such values."""
        rows = [row for row in self.history if row[name] is not None]
        led = [row for row in rows if row["epoch"] in self._way]
        if not led:
            return []
        look = {"linestyle": line, "color": COLORS[look], "marker": MARKERS[look]}
        for part in given_up(rows, self._way):
            ax.plot(*_points(part, name), **look | {"marker": ""}, linewidth=1, alpha=0.4)
        every = max(1, len(led) // 10)  # about ten marks tell it apart in print
        return ax.plot(*_points(led, name), label=label, markersize=4, markevery=every, **look)

    def _draw_rate(self):
        """The learning rate of each epoch; L-BFGS has none."""
        rows = [row for row in self.history if row["learning_rate"]]
        ax = self.rate_ax_
        self.ax_.tick_params(labelbottom=False)
        ax.plot(*_points(rows, "learning_rate"), color=COLORS[6], drawstyle="steps-mid")
        dress(ax, xlabel="epoch", ylabel="learning rate")
        rates = [row["learning_rate"] for row in rows]
        if rates and max(rates) > LOG_FROM * min(rates):
            ax.set_yscale("log")
        self.ax_.set_xlabel("")

    def _mark_interventions(self):
        """A line where something was changed, and what that was: of close ones to either side."""
        done = [(row["epoch"] + 0.5, said) for row in self.history if (said := in_words(row))]
        last = 0.0
        look = {"va": "top", "fontsize": "x-small", "color": "0.3", "rotation": 90}
        look["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.6}
        for place, said in done:
            for ax in filter(None, (self.ax_, self.rate_ax_)):
                ax.axvline(place, color="0.5", linewidth=0.8, linestyle=":")
            is_close = last and place - last < CLOSE * len(self.history)
            look["ha"], last = ("left", 0.0) if is_close else ("right", place)
            self.ax_.annotate(said, (place, 0.98), xycoords=("data", "axes fraction"), **look)


def _points(rows, name):
    """The epochs and the values of a column."""
    return [row["epoch"] for row in rows], [row[name] for row in rows]


def in_words(row):
    """What was done after an epoch; "" if nothing was."""
    words = {"back_to": "back to {}", "new_rate": "rate {:.3g}", "stopped": "stopped"}
    return ", ".join(said.format(row[name]) for name, said in words.items() if name in row)


def way(history):
    """The epochs that led to the last one."""
    before, at, led = {}, None, set()
    for row in history:
        before[row["epoch"]] = at
        at = row.get("back_to", row["epoch"])
    while at is not None:
        led.add(at)
        at = before.get(at)
    return led


def given_up(rows, led):
    """The parts of a history that led nowhere, each with the epoch that it began at."""
    parts, at, by_epoch = [], None, {row["epoch"]: row for row in rows}
    for row in rows:
        if row["epoch"] not in led:
            if not parts or parts[-1][-1]["epoch"] != at:
                parts.append([by_epoch[at]] if at in by_epoch else [])
            parts[-1].append(row)
        at = row.get("back_to", row["epoch"])
    return parts
