"""The picture of a training: loss, validation loss and score by epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from sknn_opt.plots._histories import read_history
from sknn_opt.plots._scales import SYMLOG_FROM, spread_out
from sknn_opt.plots._style import (
    COLORS,
    LINES,
    MARKERS,
    Display,
    divide,
    dress,
    fitted,
    inches_of,
    legend,
    legend_below,
    mark,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HIGHEST = 20.0  # of the way: how high epochs that were given up may be drawn
LETTERS = 36  # of a score's name
LINE = 0.13  # inches that a text on its side takes


@dataclass(eq=False, repr=False)
class LossCurveDisplay(Display):
    """Training and validation loss by epoch, and what early stopping looked at.

    Both losses are without the penalty, so that they can be compared. A score other than the loss
    has an axis of its own on the right; a vertical line marks the epoch whose weights early
    stopping kept. Dotted lines mark where a `TrainingWatch` changed the course; of epochs that it
    went back from the curves are pale. Crosses at the upper edge mark values that are NaN or
    infinite.

    Parameters
    ----------
    history : list of dict
        ``history_`` of a fitted estimator: of each epoch its number, "epoch", its "loss" and, if
        there are any, "validation_loss", "score" and "learning_rate".
    best_epoch : int, default=None
        The epoch to mark.
    score_name : str, default=None
        What the score is called; None draws none.
    show_rate : bool, default=False
        Whether to draw the learning rate below.
    loss_name : str, default="loss"
        What the loss is called.
    epoch_name : str, default="epoch"
        What an epoch is called.

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
    >>> display = LossCurveDisplay.from_estimator(clf.fit(X / 16, y))
    >>> [line.get_label() for line in display.ax_.lines][:2]
    ['training loss', 'validation loss']
    """

    history: list[dict[str, Any]]
    best_epoch: int | None = None
    score_name: str | None = None
    show_rate: bool = False
    loss_name: str = "loss"
    epoch_name: str = "epoch"
    score_ax_: Axes | None = field(default=None, init=False)
    rate_ax_: Axes | None = field(default=None, init=False)

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, show_rate: bool = False, ax: Axes | None = None, **kwargs: Any
    ) -> Self:
        """Draw the training of a fitted estimator.

        Parameters
        ----------
        estimator : MLPClassifier, MLPRegressor, or an estimator with one in it
            Fitted. Of a pipeline the last step is drawn, of a search the best estimator, of an
            ensemble the first network. Of scikit-learn's, those do that have a ``loss_curve_`` or a
            ``train_score_``: its own MLPs, whose loss includes the penalty, and gradient boosting.
        show_rate : bool, default=False
            Whether to draw the learning rate below.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.
        **kwargs : dict
            Properties of the curves, passed to ``matplotlib.axes.Axes.plot``.

        Returns
        -------
        display : LossCurveDisplay
            Drawn.

        Raises
        ------
        TypeError
            If there is no curve in the estimator.
        ValueError
            If its solver keeps none, or a learning rate is asked for that it does not keep.
        NotFittedError
            If it is not fitted.
        """
        cls._pyplot()
        found = read_history(estimator)
        if show_rate and not any("learning_rate" in row for row in found.rows):
            name = type(estimator).__name__
            raise ValueError(
                f"show_rate=True needs a history of learning rates, which {name} does not keep; "
                "set show_rate=False."
            )
        names = found.score_name, show_rate, found.loss_name, found.epoch_name
        return cls(found.rows, found.best_epoch, *names).plot(ax, **kwargs)

    def _figure_options(self):
        return {"figsize": (6.4, 5.6)} if self.show_rate else {}

    def _draw(self):
        self.score_ax_ = self.rate_ax_ = None
        if self.show_rate:
            grid = divide(self.ax_, 2, 1, height_ratios=(3, 1), hspace=0.08)
            self.ax_, self.rate_ax_ = grid.subplots(sharex=True)
        ax, self._way = self.ax_, way(self.history)
        (loss,) = fitted([self.loss_name], LETTERS)
        lines = self._curve(ax, "loss", f"training {loss}", 0, LINES[0])
        lines += self._curve(ax, "validation_loss", f"validation {loss}", 5, LINES[1])
        self._set_height(lines)
        dress(ax, xlabel=self.epoch_name, ylabel=loss, title="Training")
        ax.xaxis.get_major_locator().set_params(integer=True)
        if len(epochs := {row["epoch"] for row in self.history}) == 1:
            ax.set(xlim=(min(epochs) - 0.5, min(epochs) + 0.5), xticks=list(epochs))
        if self.score_name is not None:
            (name,) = fitted([self.score_name], LETTERS)
            self.score_ax_ = ax.twinx()
            dress(self.score_ax_, grid=None, ylabel=name)
            self.score_ax_.spines["right"].set_visible(True)
            scores = self._curve(self.score_ax_, "score", name, 2, LINES[2])
            spread_out(self.score_ax_.yaxis, _heights(scores), log_from=SYMLOG_FROM)
            lines += scores
        if self.best_epoch is not None:
            label = f"best: {self.epoch_name} {self.best_epoch}"
            look = {"color": "0.4", "linewidth": 1, "linestyle": "-.", "label": label}
            lines.append(ax.axvline(self.best_epoch, **look))
        if self.show_rate:
            self._draw_rate()
        lines += self._mark_not_finite() + self._mark_interventions()
        # "best" knows the curves of one axes only, and no texts
        if self.score_ax_ or self.show_rate or ax.texts:
            legend_below(self.rate_ax_ or ax, lines)
        elif lines:
            legend(ax, handles=lines)
        else:
            ax.text(0.5, 0.5, "no epoch yet", transform=ax.transAxes, ha="center")

    def _curve(self, ax, name, label, look, line):
        """A list of one line; empty where the history has no such values."""
        rows = [row for row in self.history if row.get(name) is not None]
        led = [row for row in rows if row["epoch"] in self._way]
        if not led:
            return []
        look = {"linestyle": line, "color": COLORS[look], "marker": MARKERS[look]}
        for part in given_up(rows, self._way):
            ax.plot(*_points(part, name), **look | {"marker": ""}, linewidth=1, alpha=0.4)
        every = max(1, len(led) // 10)  # about ten marks tell it apart in print
        look |= {"label": label, "markersize": 4, "markevery": every} | self._kwargs
        return ax.plot(*_points(led, name), **look)

    def _set_height(self, lines):
        """A scale for all losses of the way; what was given up may leave the picture."""
        values = _heights(lines)
        spread_out(self.ax_.yaxis, values)
        if values and max(values) > 0 and self.ax_.dataLim.ymax > HIGHEST * max(values):
            self.ax_.set_ylim(top=HIGHEST * max(values))
        if not values:
            self.ax_.set_yticks([])

    def _draw_rate(self):
        """The learning rate of each epoch; L-BFGS has none."""
        rows = [row for row in self.history if row.get("learning_rate")]
        ax = self.rate_ax_
        self.ax_.tick_params(labelbottom=False)
        lines = ax.plot(*_points(rows, "learning_rate"), color=COLORS[6], drawstyle="steps-mid")
        dress(ax, xlabel=self.epoch_name, ylabel="learning rate")
        spread_out(ax.yaxis, _heights(lines))
        if not rows:
            ax.set_yticks([])
            ax.text(0.5, 0.5, "none", transform=ax.transAxes, ha="center", va="center")
        self.ax_.set_xlabel("")

    def _mark_not_finite(self):
        """Crosses at the upper edge where a value is none that can be drawn."""
        names = "loss", "validation_loss", *(["score"] if self.score_ax_ else [])
        values = {row["epoch"]: [row.get(name) for name in names] for row in self.history}
        at = [epoch for epoch, all_ in values.items() if not all(map(_is_drawn, all_))]
        if not at:
            return []
        look = {"marker": "x", "color": COLORS[6], "label": "NaN or infinite", "clip_on": False}
        where = {"transform": self.ax_.get_xaxis_transform(), "markersize": 5}
        return mark(self.ax_, at, [0.98] * len(at), **look, **where)

    def _mark_interventions(self):
        """A line where something was changed, and what that was, as far as there is room."""
        done = [(row["epoch"] + 0.5, said) for row in self.history if (said := in_words(row))]
        look = {"va": "top", "fontsize": "x-small", "color": "0.3", "rotation": 90}
        look["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.6}
        lines = []
        for place, _ in done:
            for ax in filter(None, (self.rate_ax_, self.ax_)):
                lines = [ax.axvline(place, color="0.5", linewidth=0.8, linestyle=":")]
        low, high = self.ax_.get_xlim()
        width = LINE * (high - low) / inches_of(self.ax_)
        free, left_out = -math.inf, 0
        for place, said in done:
            is_right = place < free + width  # of its line
            if place < free:
                left_out += 1
                continue
            free = place + width * is_right
            side = "left" if is_right else "right"
            where = {"xycoords": ("data", "axes fraction"), "ha": side, "annotation_clip": False}
            self.ax_.annotate(said, (place, 0.98), **where, **look)
        if left_out:
            lines[0].set_label(f"{len(done)} changes, {left_out} without words")
        return lines if left_out else []


def _is_drawn(value):
    return value is None or math.isfinite(value)


def _heights(lines):
    """The values of some lines that can be drawn."""
    return [float(y) for line in lines for y in line.get_ydata() if math.isfinite(y)]


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
