"""Trials of equal architecture on one split, trained as one packed network.

Each is fitted twice: the first fit goes up to its training, and says what is to be trained; then
all are trained at once; the second fit finds its training done. So a pipeline, a scorer, an error
and a pause are to a trial in a pack what they are to any other.
"""

from dataclasses import dataclass, replace
from time import perf_counter

import joblib
from sklearn.base import clone

from sknn_opt._sklearn import CALLBACK_ATTRIBUTES, fit_and_score
from sknn_opt.estimators.pausing import last_step, pausable
from sknn_opt.training import minibatch
from sknn_opt.training.monitor import Outcome
from sknn_opt.training.plans import FEWEST, Plan, alike, have_same_data
from sknn_opt.training.rows import Rows
from sknn_opt.training.state import TrainingState
from sknn_opt.training.together import train_together

LARGEST_PACK = 24  # trials
OF_EACH = {  # parameters in which the networks of a pack may differ
    *("learning_rate", "learning_rate_init", "power_t", "warmup_epochs", "momentum", "beta_1"),
    *("nesterovs_momentum", "beta_2", "epsilon", "solver", "alpha", "weight_decay", "dropout"),
    *("input_dropout", "max_grad_norm", "average", "max_iter", "min_steps", "tol", "init"),
    *("n_iter_no_change", "random_state"),
}


class Rehearsed(BaseException):
    """Ends a fit where its training would begin; no error, so that nobody takes it for one."""

    def __init__(self, plan, attributes):
        super().__init__()
        self.plan, self.attributes = plan, attributes


@dataclass
class Trained:
    """A training that is done: a trainer that takes it over."""

    state: TrainingState
    rows: Rows
    outcome: Outcome
    seconds: float

    def __call__(self, state, rows, monitor, settings):
        if state.key != self.state.key or not have_same_data(rows, self.rows):
            return minibatch.train(state, rows, monitor, settings)  # the second fit is another one
        vars(state).update(vars(self.state))
        return self.outcome


def can_be_packed(estimator):
    """Whether trials of an estimator may be trained in packs."""
    network = pausable(estimator)
    inside = [each for each in estimator.get_params().values() if hasattr(each, "__dict__")]
    watched = any(CALLBACK_ATTRIBUTES & vars(each).keys() for each in (estimator, *inside))
    return getattr(network, "n_members", 0) == 1 and not watched and not network.verbose


def kind_of(estimator, params):
    """The same for parameters that may be packed: those of the network that must be equal."""
    inner, prefix = estimator, ""
    while hasattr(inner, "steps"):
        prefix += f"{inner.steps[-1][0]}__"
        inner = inner.steps[-1][1]
    own = {name: v for name, v in params.items() if name.removeprefix(prefix) not in OF_EACH}
    return joblib.hash(own)


def run_pack(run, calls):
    """Run trials of one split; `run` runs one of them, with the arguments in `calls`."""
    found, plans = [None] * len(calls), _plans(calls)
    for group in alike(plans):
        started = perf_counter()
        try:
            outcomes = train_together([plans[i] for i in group])
        except Exception:  # of a schedule, say: alone, each says what is wrong with it
            continue
        seconds = (perf_counter() - started) / len(group)
        for i, outcome in zip(group, outcomes, strict=True):
            found[i] = Trained(plans[i].state, plans[i].rows, outcome, seconds)
    del plans
    return [run(*call, trained=one) for call, one in zip(calls, found, strict=True)]


def _plans(calls):
    """What each trial is to train, None if a pack is not to train it; equal data are held once."""
    plans, known = [None] * len(calls), []
    for i, call in enumerate(calls if len(calls) >= FEWEST else ()):
        plan = _rehearsed(*call)
        if plan is not None and plan.pays():
            plan.share(known)
            plans[i] = plan
        elif i + 1 == FEWEST and not any(plans):
            break  # the others are unlikely to, and preprocessing takes its time
    return plans


def _rehearsed(key, estimator, params, data, split, pause, spent, of_rows, task, options):
    """What a trial is to train; None if it cannot be said."""
    estimator = clone(estimator).set_params(**clone(params, safe=False))
    if not can_be_packed(estimator):  # a parameter says so
        return None
    train, test = split
    options = options | {"verbose": 0, "caller": None}

    def fit():
        fit_and_score(estimator, *data, train=train, test=test, **options)

    try:
        return rehearse(last_step(estimator), pause, fit)
    except Exception:  # the trial itself meets it again, and keeps it
        return None


def rehearse(network, pause, fit):
    """What `fit`, which fits the network, is to train; None if it does not come to that."""

    def tell(*plan):
        raise Rehearsed(Plan(*plan), vars(network).copy())

    network._pause = replace(pause, trainer=tell)
    try:
        fit()
    except Rehearsed as reached:
        vars(network).update(reached.attributes)  # scores on held-out rows ask for them
        return reached.plan
    return None
