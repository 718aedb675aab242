"""Why a network learned nothing: the likeliest cause, from what a fit knows of itself.

The causes are looked for in the order in which one hides the next: data from which nothing can be
learned; initial weights that let no signal through; a penalty or dropout that forbids to learn;
steps that are too few, too small or too large; held-out rows that stop a training too early. Where
nothing is found, y may not depend on X, and no parameter is blamed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

import numpy as np

from sknn_opt.nn.network import Weights
from sknn_opt.nn.objective import Objective
from sknn_opt.optim.schedules import runs_its_course
from sknn_opt.training import data_symptoms, symptoms
from sknn_opt.training.rows import Rows
from sknn_opt.training.settings import Settings
from sknn_opt.training.state import TrainingState
from sknn_opt.training.verdicts import HEALTHY, verdict_on

SOME_ROWS = 500  # whose signals are followed
AS_SAID = "{}, as said above."


@dataclass
class Case:
    """A fit that came to nothing.

    Attributes
    ----------
    state : TrainingState
        At its end, with the latest weights.
    start, best : Weights
        Those before the fit, and those it keeps.
    n_iter : int
        The epochs of this fit.
    reason : str
        How it ended, as in `Outcome`.
    """

    state: TrainingState
    start: Weights
    best: Weights
    rows: Rows
    settings: Settings
    n_iter: int
    reason: str
    constant: float = field(default=np.inf, init=False)

    @property
    def traits(self):
        """What decides which remedies are left."""
        return self.settings.traits()

    def likely_cause(self, constant):
        """A sentence on the likeliest cause, and what to do; it begins in lower case.

        `constant` is the loss of a constant prediction.
        """
        self.constant = constant
        found = (look(self) for look in LOOKS)
        return next(filter(None, found), None) or symptoms.UNRELATED.tell()


def _data(case):
    state, rows = case.state, case.rows
    symptom, found = symptoms.judge_inputs(rows.X)
    told = state.n_epochs == case.n_iter  # the first fit looks at X as well
    if symptom:
        return AS_SAID.format(symptom.name) if told else symptom.tell(case.traits, found=found)
    if state.target_scale is None and state.architecture.loss.normalizes not in (None, "scale"):
        targets = data_symptoms.judge_targets(rows.of(rows.y))[1]
        return AS_SAID.format(symptoms.UNSCALED_TARGETS.name) if targets else None
    return None


def _signals_at_start(case):
    verdict, finding = _verdict(case, case.start)
    if verdict in (HEALTHY, symptoms.COLLAPSED.name):
        return None
    return symptoms.BAD_SIGNALS.tell(which="initial", verdict=verdict, finding=finding)


def _signals_late(case):
    """Networks whose rows are alike at first often train all the same: this is looked at last."""
    for which, weights in (("kept", case.best), ("initial", case.start)):
        verdict, finding = _verdict(case, weights)
        if verdict != HEALTHY:
            return symptoms.BAD_SIGNALS.tell(which=which, verdict=verdict, finding=finding)
    return None


def _verdict(case, weights):
    """What `check_signals` says of these weights: the verdict, and the first finding."""
    architecture = case.state.architecture
    if architecture.n_layers < 2 or case.rows.n_rows < 2:
        return HEALTHY, None
    n_rows = min(SOME_ROWS, max(100, symptoms.SAMPLE // max(architecture.n_units)))
    X, y, weight = case.rows.sample(n_rows).as_arrays(np.float64)
    architecture = replace(architecture, dropout=(0.0,) * architecture.n_layers)
    theta = weights.theta.astype(np.float64)
    traits = replace(case.traits, fitted=weights is case.best)
    verdict, findings = verdict_on(Objective(architecture, theta, X, y, weight), traits)
    return verdict, next(iter(findings), None)


def _penalty(case):
    settings, optimizer = case.settings, case.settings.optimizer
    square = sum(size**2 for size in _sizes(case, case.start.theta))
    size = settings.batch_size if optimizer else case.rows.n_rows
    penalty = settings.alpha * square / (2 * size * settings.mean_weight)
    if penalty > case.constant:
        return symptoms.PENALTY.tell(alpha=settings.alpha, penalty=penalty, loss=case.constant)
    # AdamW's steps of about η and the decay η λ W are in balance where |W| is 1 / λ.
    decay, schedule = getattr(optimizer, "weight_decay", 0.0), settings.weight_decay
    if schedule:
        decay = schedule(replace(case.state.time, epoch=0.0))
    if decay**2 * square > case.state.architecture.n_decayed:
        return symptoms.DECAY.tell(decay=decay)
    return None


def _sizes(case, theta):
    """The norm of each weight matrix in a vector like θ."""
    blocks = case.state.architecture.blocks.items()
    return [float(np.linalg.norm(b.of(theta).astype(float))) for n, b in blocks if n[0] == "W"]


def _dropout(case):
    rate = max(case.state.architecture.dropout)
    return symptoms.DROPOUT.tell(rate=rate) if rate > symptoms.DROPOUT.limit else None


def _steps(case):
    """How far the weights went, in the matrix that went farthest."""
    latest = case.state.weights if case.settings.optimizer else case.best
    moves = _sizes(case, latest.theta - case.start.theta), _sizes(case, case.start.theta)
    share = max(move / size if size else 0.0 for move, size in zip(*moves, strict=True))
    if share > symptoms.TOO_FAST.limit or not np.isfinite(share):
        return symptoms.TOO_FAST.tell(case.traits, share=share)
    if share < symptoms.TOO_SLOW.limit:
        few = case.reason == "max_iter" and share > symptoms.TOO_SHORT.limit
        symptom = symptoms.TOO_SHORT if few else symptoms.TOO_SLOW
        return symptom.tell(case.traits, share=share, n=case.n_iter)
    return None


def _held_out(case):
    """Whether the training rows were learned, and the held-out rows were not."""
    state, loss = case.state, case.state.history[-1]["loss"]
    if not state.by_score or loss > case.constant * (1 - symptoms.LEARNED_NOTHING.limit):
        return None
    return symptoms.ONLY_TRAINING.tell(loss=loss, epoch=state.best_epoch)


def _trend(case):
    """Whether half as many epochs again would do, if the loss goes on as in the last quarter.

    A loss above that of a constant that is cut off while it falls says nothing else, either.
    """
    losses = [row["loss"] for row in case.state.history[-case.n_iter :]]
    fell = losses[3 * (len(losses) - 1) // 4] - losses[-1]
    least, cut_off = symptoms.LEARNED_NOTHING.limit * case.constant, case.reason == "max_iter"
    on_its_way = cut_off and losses[-1] > case.constant and fell > least
    if len(losses) < 2 or not (on_its_way or losses[-1] - 2 * fell <= case.constant - least):
        return None
    symptom = symptoms.STILL_FALLING if cut_off else symptoms.STOPPED_EARLY
    return symptom.tell(case.traits, n=len(losses), loss=losses[-1])


LOOKS = (*(_data, _signals_at_start, _penalty, _dropout, _steps, _held_out, _trend, _signals_late),)


def on_members(architecture, weights, rows, case):
    """What `symptoms.on_fitted` says of each of several members; what holds for all, once."""
    said, k = [], architecture.n_members
    for i in range(k):
        start, best = (each.of_member(architecture, i) for each in (case.start, weights))
        own = replace(case, state=case.state.of_member(i), start=start, best=best)
        own.rows = rows.of_member(i)
        said.append(symptoms.on_fitted(architecture.of_member(i), best, own.rows, own))
    if all(sentences == said[0] for sentences in said):
        return said[0]
    alike: dict[str, list] = {}  # but for numbers
    for i, found in enumerate(said, 1):
        for each in found:
            alike.setdefault(re.sub(r"[\d.e+-]+", "", each), []).append((i, each))
    return [_of_members([i for i, _ in group], group[0][1], k) for group in alike.values()]


def _of_members(numbers, said, k):
    """A sentence on the first of these members."""
    first, *others = numbers
    likewise = f" ({', '.join(map(str, others))} likewise)" if others else ""
    return f"Member {first} of {k}{likewise}: {said}"


def on_divergence(epoch, found, kept, state, settings, batch, *, moved=True):
    """The sentence on numbers that are no longer finite after a batch, with the likely cause.

    `moved` says whether a step was made before.
    """
    X, y, _ = batch
    traits, normalized = settings.traits(), state.target_scale is not None
    with np.errstate(all="ignore"):
        symptom, what = symptoms.judge_inputs(X)
        is_amount = y.dtype.kind == "f"
        largest = np.fmax.reduce(np.abs(y), axis=None, initial=0) if is_amount else 0
    if symptom:
        cause = symptom.tell(traits, found=what)
    elif not normalized and not largest <= symptoms.UNSCALED_TARGETS.limit:
        cause = f"the targets are not scaled (one is {largest:.3g} in {y.dtype}); divide y"
        if state.architecture.loss.normalizes:
            cause += ", or set normalize_target=True"
    elif not moved:
        cause = symptoms.LARGE_WEIGHTS.tell(traits)
    else:
        cause = symptoms.LARGE_RATE.tell(traits, rate=state.time.initial_rate)
    cause = cause.rstrip(".")
    return symptoms.DIVERGED.say(epoch=epoch, found=found, cause=cause, kept=kept)


def on_plan(settings, time):
    """Sentences on a learning rate that has come to the end of its plan."""
    schedule = settings.schedule
    if not schedule or not runs_its_course(schedule) or time.epoch < time.max_iter:
        return []
    if schedule(time) > symptoms.PLAN_OVER.limit * time.initial_rate:
        return []
    return [symptoms.PLAN_OVER.say(max_iter=settings.limit)]
