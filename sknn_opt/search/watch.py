"""A person and one training: see how it goes, and change its course.

Source: Ng, "Hyperparameters tuning in practice: Pandas vs. Caviar", in "Improving deep neural
networks": with little computing power one watches a single model and changes the learning rate
day by day, or goes back to the day before.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from importlib.util import find_spec
from numbers import Integral, Real
from typing import Any

import sklearn

from sknn_opt._sklearn import Interval, StrOptions, validate_parameter_constraints
from sknn_opt.estimators.base import BaseMLP
from sknn_opt.search.keyboard import Keyboard
from sknn_opt.search.screens import screen
from sknn_opt.search.watched import Record, Watched
from sknn_opt.tables.base import BaseTabularMLP

CONSTRAINTS = {
    "rule": [callable, None],
    "display": [StrOptions({"auto", "terminal", "notebook", "lines"}), None],
    "signals_every": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"}), None],
    "memory": [Interval(Real, 0, None, closed="left")],
    "ask": ["boolean", StrOptions({"auto"})],
}


class TrainingWatch:
    """Watch a network while it trains, and steer it: change the rate, go back, or stop.

    A callback of scikit-learn's protocol: ``net.set_callbacks(TrainingWatch())``, also on a
    pipeline or a search around the network, or on an estimator of tables. It draws the training
    and validation loss, the score and the learning rate after each epoch, and says what
    `check_signals` finds at the current weights.

    `set_rate`, `scale_rate`, `go_back` and `stop` may be called by a `rule`, in another thread
    while ``fit`` runs in its own, or in a terminal after Ctrl-C, which asks. They take effect
    between two epochs. As long as nobody steers, the network is the same to the bit as without the
    callback; and the same interventions after the same epochs make the same network again.

    Parameters
    ----------
    rule : callable, default=None
        ``rule(row, watch)`` is called after each epoch with its row of ``history_``, a dict, and
        this object, which it may steer. An epoch that diverged has a `loss` of NaN: without
        `go_back` it ends the training.
    display : {'auto', 'terminal', 'notebook', 'lines'}, default='auto'
        Where to show the training: a terminal needs rich, a notebook IPython and matplotlib.
        'lines' prints about 20 lines. 'auto' is the best that there is; None shows nothing.
    signals_every : int or 'auto', default='auto'
        After how many epochs to look at the signals, on 100 training rows; 'auto' as often as fits
        into 5 % of the training time, None never.
    memory : float, default=1e8
        Bytes for the copies of earlier epochs. Beyond it older ones are thinned out; at least five
        stay.
    ask : bool or 'auto', default='auto'
        Whether Ctrl-C asks what to do after the epoch; a second one interrupts. 'auto' asks in a
        terminal.

    Attributes
    ----------
    history_ : list of dict
        The rows of the network's ``history_`` so far.
    interventions_ : list of dict
        What was done, in order: ``epoch``, after which; ``what``, one of "rate", "back" and
        "stop"; ``value``, the new learning rate or the epoch gone back to. ``history_`` has them
        too, in the columns ``new_rate``, ``back_to`` and ``stopped`` of their epochs.
    signals_ : list of dict
        ``epoch``, ``verdict`` and the first ``finding`` of each look.
    epochs_ : list of int
        The epochs that can be gone back to while the network trains, 0 for its initial weights.
    best_epoch_ : int
        The best one so far.
    seconds_ : dict
        How long the ``training``, the ``snapshots``, the ``signals`` and the ``display`` took.

    Raises
    ------
    ImportError
        If scikit-learn is older than 1.9, which brought callbacks.

    See Also
    --------
    LossCurveDisplay : The picture of a training, with its interventions.

    Notes
    -----
    Going back brings back the weights, batch norm's statistics, the average, the optimizer's
    moments and the best epoch, of each member too, as they were then. Time goes on: epochs given
    up count for ``max_iter``, schedules do not start over, and rows come in another order than
    before. Early stopping waits ``n_iter_no_change`` epochs from each change.

    The training loss of an epoch is the mean over its batches, each before its step. So a step that
    is too long shows in the row after it, and the epoch to go back to is the one before.

    One object watches one training at a time. Of several, as in a search, the attributes are those
    of the latest in this process.

    Examples
    --------
    Try a bold learning rate; go back after three epochs, and take a lower one:

    >>> from sklearn.datasets import load_digits
    >>> from sknn_opt import MLPClassifier
    >>> from sknn_opt.search import TrainingWatch
    >>> def person(row, watch):
    ...     if row["epoch"] == 10:
    ...         watch.set_rate(0.1)
    ...     if row["epoch"] == 13:
    ...         watch.go_back(10)
    ...         watch.set_rate(0.005)
    >>> X, y = load_digits(return_X_y=True)
    >>> watch = TrainingWatch(person, display=None)
    >>> net = MLPClassifier(early_stopping=True, random_state=0)
    >>> net = net.set_callbacks(watch).fit(X / 16, y)
    >>> for done in watch.interventions_:
    ...     print(*done.values())
    10 rate 0.1
    13 back 10
    13 rate 0.005
    >>> net.history_[12]["back_to"]
    10
    """

    def __init__(
        self,
        rule: Callable[[dict[str, Any], TrainingWatch], object] | None = None,
        *,
        display: str | None = "auto",
        signals_every: int | str | None = "auto",
        memory: float = 1e8,
        ask: bool | str = "auto",
    ):
        if not has_callbacks():
            raise ImportError(
                f"TrainingWatch needs the callbacks of scikit-learn 1.9, and this is version "
                f"{sklearn.__version__}; install it with: pip install 'scikit-learn>=1.9'"
            )
        self.rule = rule
        self.display = display
        self.signals_every = signals_every
        self.memory = memory
        self.ask = ask
        names = CONSTRAINTS.keys()
        given = {name: getattr(self, name) for name in names}
        validate_parameter_constraints(CONSTRAINTS, given, caller_name=type(self).__name__)
        screen(display)  # says what is not installed
        self._record = Record()
        self._runs: dict[int, Watched] = {}  # by the thread that trains

    def __getstate__(self):
        return vars(self) | {"_runs": {}}  # threads and screens stay here

    # Steering ---------------------------------------------------------------------------------

    def set_rate(self, rate: float) -> None:
        """Set the learning rate after the current epoch.

        A schedule goes on from there: all that it plans is multiplied by the same factor. A warm-up
        goes on too, and `rate` is where it would be without.

        Parameters
        ----------
        rate : float
            The learning rate of the next step, > 0.

        Raises
        ------
        ValueError
            If it is none, if the solver is 'lbfgs', or if a ``learning_rate`` of the user's
            does not follow ``time.initial_rate``.
        RuntimeError
            If no training runs.
        """
        self._running().ask_rate("rate", _positive("rate", rate))

    def scale_rate(self, factor: float) -> None:
        """Multiply the learning rate, from the next epoch on.

        Parameters
        ----------
        factor : float
            By what, > 0.

        Raises
        ------
        ValueError, RuntimeError
            As `set_rate` does.
        """
        self._running().ask_rate("scale", _positive("factor", factor))

    def go_back(self, epoch: int | None = None) -> None:
        """Go back to an earlier epoch after the current one, and train on from there.

        Parameters
        ----------
        epoch : int, default=None
            The epoch whose weights to go on from, or the nearest before it that is kept; 0 is
            before the first. None is the best so far.

        Raises
        ------
        ValueError
            If there is no such epoch, or if the solver is 'lbfgs'.
        RuntimeError
            If no training runs.
        """
        if epoch is not None and (not isinstance(epoch, Integral) or isinstance(epoch, bool)):
            raise ValueError(f"epoch must be the number of an epoch, or None; got {epoch!r}.")
        self._running().ask_back(epoch)

    def stop(self) -> None:
        """End the training after the current epoch; the best epoch's weights are kept.

        Raises
        ------
        RuntimeError
            If no training runs.
        """
        self._running().ask_stop()

    # What it showed ---------------------------------------------------------------------------

    @property
    def history_(self) -> list[dict[str, Any]]:
        """The rows of the network's history so far."""
        return list(self._latest().history)

    @property
    def interventions_(self) -> list[dict[str, Any]]:
        """What was done: epoch, what, value."""
        return list(self._latest().interventions)

    @property
    def signals_(self) -> list[dict[str, Any]]:
        """What check_signals said: epoch, verdict, finding."""
        return list(self._latest().signals)

    @property
    def seconds_(self) -> dict[str, float]:
        """How long training, snapshots, signals and display took."""
        return dict(self._latest().seconds)

    @property
    def epochs_(self) -> list[int]:
        """The epochs that can be gone back to."""
        return self._running().epochs

    @property
    def best_epoch_(self) -> int:
        """The best one so far."""
        return self._running().best_epoch

    def _latest(self):
        run = self._runs.get(threading.get_ident())
        return run.record if run else self._record

    def _running(self):
        """The training in this thread, or else the latest one."""
        runs = self._runs
        run = runs.get(threading.get_ident()) or next(reversed(list(runs.values())), None)
        if run is None or run.state is None:
            raise RuntimeError(
                "No training runs that this TrainingWatch could steer: set it on a network by "
                "set_callbacks, and call fit."
            )
        return run

    # scikit-learn's protocol ------------------------------------------------------------------

    def setup(self, estimator: Any, context: Any) -> None:
        """A fit begins. From an estimator around a network it is handed on to the network.

        Parameters
        ----------
        estimator : estimator
            The one that it was set on.
        context : CallbackContext
            Its task.
        """
        if not isinstance(estimator, BaseMLP | BaseTabularMLP):
            self.max_propagation_depth = None  # what makes a callback an AutoPropagatedCallback

    def teardown(self, estimator: Any, context: Any) -> None:
        """A fit is over, or has failed.

        Parameters
        ----------
        estimator : estimator
            The one that it was set on.
        context : CallbackContext
            Its task.
        """
        vars(self).pop("max_propagation_depth", None)
        if run := self._runs.pop(threading.get_ident(), None):
            run.close(failed=True)  # no more than closed already, unless the fit failed

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """A task begins.

        Parameters
        ----------
        estimator : estimator
            Whose task it is.
        context : CallbackContext
            The task.
        """

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        """A task is over.

        Parameters
        ----------
        estimator : estimator
            Whose task it is.
        context : CallbackContext
            The task.
        """

    def listener(self, task: Any) -> Any:
        """Who listens to the epochs of a fit of ours.

        Parameters
        ----------
        task : FitTask
            The fit.

        Returns
        -------
        Listener
        """
        run = Watched(self, task, screen(self.display), Keyboard(self.ask))
        self._runs[threading.get_ident()], self._record = run, run.record
        return run


def _positive(name, value):
    if not isinstance(value, Real) or isinstance(value, bool) or not 0 < value < math.inf:
        raise ValueError(f"{name} must be a finite number > 0; got {value!r}.")
    return float(value)


def has_callbacks():
    """Whether this scikit-learn has callbacks."""
    return find_spec("sklearn.callback") is not None
