"""The picture of a training: loss, validation loss and score by epoch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from sknn_opt.checks.opener import open_network
from sknn_opt.plots._style import COLORS, LINES, MARKERS, Display, dress, legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOG_FROM = 10.0  # losses that differ by this factor are drawn on a logarithmic axis


@dataclass(eq=False, repr=False)
class LossCurveDisplay(Display):
    """Training and validation loss by epoch, and what early stopping looked at.

    Both losses are without the penalty, so that they can be compared. A score other than the loss
    has an axis of its own on the right; a vertical line marks the epoch whose weights early
    stopping kept.

    Parameters
    ----------
    history : list of dict
        ``history_`` of a fitted estimator.
    best_epoch : int, default=None
        The epoch to mark.
    score_name : str, default=None
        What the score is called; None draws none.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes of the losses.
    score_ax_ : matplotlib Axes or None
        The axes of the score.
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
    score_ax_: Axes | None = field(default=None, init=False)

    @classmethod
    def from_estimator(cls, estimator: Any) -> Self:
        """Make the display of a fitted estimator.

        Parameters
        ----------
        estimator : MLPClassifier, MLPRegressor, or an estimator with one in it
            Fitted. Of a pipeline the last step is drawn, of a search the best estimator, of an
            ensemble the first network.

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
        return cls(net.history_, best_epoch, name)

    def _draw(self):
        ax, self.score_ax_ = self.ax_, None
        lines = self._curve(ax, "loss", "training loss", 0, LINES[0])
        lines += self._curve(ax, "validation_loss", "validation loss", 5, LINES[1])
        values = [value for line in lines for value in line.get_ydata()]
        if min(values, default=0) > 0 and max(values) > LOG_FROM * min(values):
            ax.set_yscale("log")
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
        # "best" knows the curves of one axes only
        below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.15), "ncols": 2}
        legend(ax, handles=lines, **(below if self.score_ax_ else {}))

    def _curve(self, ax, name, label, look, line):
        """A list of one line; empty where the history has no such values."""
        rows = [row for row in self.history if row[name] is not None]
        if not rows:
            return []
        x, y = [row["epoch"] for row in rows], [row[name] for row in rows]
        every = max(1, len(x) // 10)  # about ten marks tell it apart in print
        marks = {"marker": MARKERS[look], "markersize": 4, "markevery": every}
        return ax.plot(x, y, linestyle=line, color=COLORS[look], label=label, **marks)
