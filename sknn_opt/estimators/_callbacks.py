"""Who watches a fit: scikit-learn's callbacks (version 1.9 and later), and `record_path`.

To callbacks a fit is a task, and each epoch a task in it.
"""

from sknn_opt._sklearn import has_callbacks


class FitTask:
    """The task of one call of fit, as callbacks see it.

    They get X and y as the user gave them, so that a scorer can use both.
    """

    def __init__(self, estimator, X, y, sample_weight, n_epochs=0):
        self._estimator = estimator
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self._seen = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self._context = None
        if hasattr(estimator, "_init_callback_context"):
            self._context = estimator._init_callback_context(max_subtasks=n_epochs)
            self._context.call_on_fit_task_begin(**self._seen)

    def watcher(self, attributes):
        """What tells callbacks of each epoch; None if there is no one to tell.

        `attributes(point, progress)` are those that a fitted estimator would have at a point.
        """
        watcher = None
        if has_callbacks(self._estimator):
            watcher = Watcher(self._context, self._seen, attributes)
        path = vars(self._estimator).get("_path")
        return watcher if path is None else PathRecorder(path, watcher)

    def end(self):
        """The fit is over."""
        if self._context is not None:
            self._context.call_on_fit_task_end(**self._seen)


class Watcher:
    """Tells callbacks of each epoch."""

    def __init__(self, context, seen, attributes):
        self._context, self._seen, self._attributes = context, seen, attributes
        self._epoch = None

    def begin(self, point, progress):
        """An epoch begins."""
        self._epoch = self._context.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(
            **self._seen, reconstruction_attributes=lambda: self._attributes(point, progress)
        )

    def end(self, point, progress):
        """An epoch is over. Returns whether a callback asks to stop.

        Without a point the epoch came to nothing, and there is no fitted estimator to look at.
        """
        if point is None:
            return self._epoch.call_on_fit_task_end(**self._seen)
        return self._epoch.call_on_fit_task_end(
            **self._seen, reconstruction_attributes=lambda: self._attributes(point, progress)
        )


class PathRecorder:
    """Appends the parameters to a list: at first, and after each epoch."""

    def __init__(self, path, then=None):
        self._path, self._then = path, then

    def begin(self, point, progress):
        """An epoch begins."""
        if not self._path:
            self._path.append(point.theta.copy())
        if self._then:
            self._then.begin(point, progress)

    def end(self, point, progress):
        """An epoch is over. Returns whether a callback asks to stop."""
        if point is not None:
            self._path.append(point.theta.copy())
        return self._then is not None and self._then.end(point, progress)
