"""partial_fit: one epoch over a part of a stream, from where the last call ended."""

import math

import numpy as np

from sknn_opt.arrays.threads import blas_threads
from sknn_opt.estimators import _rows
from sknn_opt.estimators._evaluation import Evaluation
from sknn_opt.estimators._fitting import Fit
from sknn_opt.optim.schedules import find_schedule, goes_on_when_stalled, runs_its_course
from sknn_opt.training.averaging import Average
from sknn_opt.training.minibatch import explain_divergence
from sknn_opt.training.progress import Outcome, Snapshot, total_loss

SPENT = 0.02  # of the initial learning rate


class StreamFit(Fit):
    """A call of partial_fit.

    With early stopping two sets of weights go from call to call: the best so far, which
    predict, and the latest, which train on. So do the averaged and the latest ones.
    """

    def by_one_pass(self, data):
        """Train for one epoch."""
        progress = self.progress
        self._recall_progress()
        if progress.by_score and progress.n_stalled > self.estimator.n_iter_no_change:
            return self._fitted_as_before()
        data, evaluate = self._prepare_part(data.without_zero_weights())
        start = self._start(data, self._dtype(data.X))
        self.training = self._training(data, self._latest(start), self._time(self.n_before))
        if self.before.get("average"):
            self.training.average = self._recall_average(start)
        if progress.best_value > -math.inf:
            progress.best = start
        if not data.n_rows:  # the whole part is held out
            return self._fitted(start, Outcome("passed"), 0)
        batches = self._batches(data, self.seen["weight_seen"] / self.seen["n_seen"])
        with np.errstate(all="ignore"), blas_threads(batches.size, self.spec.n_units):
            row = self.training.run_epoch(batches)
        if not math.isfinite(total_loss(row)):
            return self._fitted_without_this_call(data, start, row)
        progress.record(row | (evaluate(self.training.point) if evaluate else {}),
                        self.training.point)  # fmt: skip
        self._slow_down_if_stalled()
        point = progress.best if progress.by_score else self.training.point.copy()
        return self._fitted(point, Outcome("passed"), data.n_rows)

    def _prepare_part(self, data):
        """The rows to train on, as the network takes them, and the evaluation if there is one."""
        self._advise_on_inputs(data.X)
        self._advise_on_schedule()
        totals = _rows.totals_of_classes(self.estimator, data, self.before.get("class_totals"))
        weighted, held_out = data.weight is not None, None
        if self.progress.by_score:
            data, held_out = _rows.split_stream(self.estimator, data, self.streams.key)
        data, held_out, scorer = self._as_trained_on(data, held_out, weighted, totals)
        data = data.without_zero_weights()
        self._count(self.before, data.n_rows, data, totals)
        if held_out is None or not held_out.without_zero_weights().n_rows:
            return data, None
        return data, Evaluation(self.spec, held_out, scorer, self._complain)

    def _complain(self, error):
        self.advice.append(f"This call decides nothing about when to stop: {error}")

    def _advise_on_schedule(self):
        est = self.estimator
        schedule, time = find_schedule(est.learning_rate), self._time(self.n_before)
        if not runs_its_course(schedule) or self.n_before < est.max_iter:
            return
        if schedule(time) <= SPENT * time.initial_rate:
            self.advice.append(
                f"The learning rate has come to the end of its plan after max_iter={est.max_iter} "
                "epochs, and hardly moves the weights any more. Set learning_rate='constant', or "
                "raise max_iter."
            )

    # From call to call ------------------------------------------------------------------------

    def _recall_progress(self):
        progress, before = self.progress, self.before
        if before.get("criterion") != self._criterion():
            return
        progress.n_stalled = before.get("n_stalled", 0)
        progress.best_epoch = before.get("best_epoch", 0)
        if progress.by_score:
            progress.best_value = before.get("best_score", -math.inf)
            progress.lowest_loss = before.get("lowest_loss", math.inf)
        else:
            progress.best_value = before.get("best_value", -math.inf)

    def _latest(self, start):
        """The weights that train on, which need not be those that predict."""
        if "latest" not in self.before or not (self.progress.by_score or self.estimator.average):
            return start.copy()
        dtype = start.theta.dtype
        return Snapshot(**{k: v.astype(dtype) for k, v in self.before["latest"].items()})

    def _recall_average(self, start):
        kept, dtype = self.before["average"], start.theta.dtype
        point = Snapshot(kept["theta"].astype(dtype), kept["statistics"].astype(dtype))
        return Average(point, float(self.estimator.average), kept["n_updates"])

    def _slow_down_if_stalled(self):
        progress, training = self.progress, self.training
        if progress.n_stalled > self.estimator.n_iter_no_change and goes_on_when_stalled(
            training.schedule, training.rate, progress.by_score
        ):
            progress.n_stalled = 0
            training.time.n_stalls += 1

    def _state(self):
        progress, training = self.progress, self.training
        average = training.average
        state = super()._state() | {
            "n_stalled": progress.n_stalled,
            "best_value": progress.best_value,
            "lowest_loss": progress.lowest_loss,
        }
        if progress.by_score or average:
            network = training.network
            state["latest"] = vars(Snapshot(network.theta, network.statistics).copy())
        if average:
            state["average"] = vars(average.point) | {"n_updates": average.n_updates}
        return state

    # Calls that train nothing -----------------------------------------------------------------

    def _fitted_as_before(self):
        message = (
            "Early stopping: the validation score has not improved for "
            f"{self.progress.n_stalled} calls of partial_fit. The best weights are kept, and this "
            "call trained nothing. Set early_stopping=False to train on."
        )
        est = self.estimator
        start = Snapshot(est.theta_, est.statistics_)
        return self._fitted(start, Outcome("stopped", message), 0, state=self.before)

    def _fitted_without_this_call(self, data, start, row):
        kept = "weights of the last call" if self.goes_on else "initial weights"
        message = explain_divergence(self.training, self.n_before + 1, row["loss"], kept)
        state = self.before
        if not self.goes_on:
            self.training = self._training(data, start.copy(), self._time())
            state = self._state()
        return self._fitted(start, Outcome("diverged", message), 0, state=state)
