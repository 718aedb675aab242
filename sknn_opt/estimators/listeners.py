"""Who is told of each epoch: the console, a path of weights, scikit-learn's callbacks.

To callbacks (scikit-learn 1.9 and later) a fit is a task, and each epoch a task in it. A callback
that steers has a method `listener` as well: it takes the task and gives a `Listener`, which may
change the state between two epochs. It comes last, so that all others see the epoch as it was.
"""

import copy

from sknn_opt._sklearn import callback_context, callbacks_of
from sknn_opt.training.monitor import total_loss

WATCHED = {"_path", "_listeners"}  # attributes of an estimator while somebody watches its fit


class Printer:
    """What ``verbose`` shows."""

    def begin(self, state, weights):
        """An epoch begins."""

    def end(self, state, weights):
        """An epoch is over."""
        if weights is None:
            return
        row = state.history[-1]
        print(f"Iteration {row['epoch']}, loss = {total_loss(row):.8f}")
        if row["score"] is not None:
            print(f"Validation score: {row['score']:f}")


class PathRecorder:
    """Appends the parameters to a list: at first, and after each epoch."""

    def __init__(self, path):
        self._path = path

    def begin(self, state, weights):
        """An epoch begins."""
        if not self._path:
            self._path.append(weights.theta.copy())

    def end(self, state, weights):
        """An epoch is over."""
        if weights is not None:
            self._path.append(weights.theta.copy())


class FitTask:
    """The task of one call of fit, as callbacks see it.

    They get X and y as the user gave them, so that a scorer can use both. `attributes`, a function
    of a state and its weights, are those of an estimator that stopped there. `network` is the one
    that trains.
    """

    attributes = None

    def __init__(self, estimator, X, y, sample_weight):
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self._seen = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self.network, self.X, self.y = estimator, X, y
        self._epoch, self._fit, self._steering = None, callback_context(estimator, 0), []

    def begin_fit(self, n_epochs=0):
        """The fit begins, of at most so many epochs."""
        self._fit.max_subtasks = n_epochs
        self._fit.call_on_fit_task_begin(**self._seen)
        callbacks = callbacks_of(self._seen["estimator"])
        self._steering = [each.listener(self) for each in callbacks if hasattr(each, "listener")]

    def begin(self, state, weights):
        """An epoch begins."""
        self._epoch = self._fit.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(**self._seen, **self._at(state, weights))
        for each in self._steering:
            each.begin(state, weights)

    def end(self, state, weights):
        """An epoch is over. Returns whether a callback asks to stop, or that it was `RESUMED`."""
        at = {} if weights is None else self._at(state, weights)
        stop = self._epoch.call_on_fit_task_end(**self._seen, **at)
        for each in self._steering:
            stop = each.end(state, weights) or stop
        return stop

    def _at(self, state, weights):
        return {"reconstruction_attributes": lambda: self.attributes(state, weights)}

    def estimator_at(self, state, weights):
        """The estimator as if it had stopped there."""
        stopped = copy.copy(self._seen["estimator"])
        vars(stopped).update(self.attributes(state, weights))
        return stopped

    def end_fit(self, **at):
        """The fit is over."""
        for each in self._steering:
            each.close()
        self._fit.call_on_fit_task_end(**self._seen, **at)


def listeners_of(estimator, task, n_before, max_iter, monitor):
    """Who is told of the at most `max_iter` epochs of a fit; `n_before` were before it.

    Those that others have put into the estimator's `_listeners` learn what held-out rows say.
    """
    listeners, path = list(vars(estimator).get("_listeners", ())), vars(estimator).get("_path")
    for each in listeners:
        each.evaluate = monitor.evaluate
    n_rows_seen = estimator.t_ if n_before else 0
    if estimator.verbose:
        listeners.append(Printer())
    if path is not None:
        listeners.append(PathRecorder(path))
    if task:
        task.attributes = lambda state, weights: estimator._attributes(
            state.copy(), weights.copy(), state.n_epochs - n_before, n_rows_seen
        )
        listeners.append(task)
        task.begin_fit(max_iter)
    return listeners
