"""The first steps of a fit, tried on the rows that are looked at: does the loss fall?

Signals tell why a network fails, not always whether: Adam trains many whose rows are alike at
first, and plain gradient descent leaves healthy ones where they are. So the estimator's own solver
makes a few steps from the initial weights, and what they achieve is extrapolated to a whole fit.

Two numbers are followed, both as shares of the loss of the best constant prediction: the loss, and
what the outputs would explain of it, e, if the best constants were added to them. The latter grows
long before the loss falls: its changes, in equal times, are a geometric sequence, on a plateau an
increasing one. A loss that is too large at first falls as a power of the steps. Where the first
steps do not bring the loss below that of a constant, twice as many are made. Source of the
plateaus: Saxe et al. (2014), "Exact solutions to the nonlinear dynamics of learning in deep linear
neural networks".
"""

import math
from dataclasses import dataclass
from functools import partial
from itertools import count, islice, pairwise

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import issparse

from sknn_opt.checks.signals.sources import rate_of_step
from sknn_opt.estimators.parameters import batch_size, optimizer_of
from sknn_opt.nn.network import Architecture
from sknn_opt.nn.objective import Objective
from sknn_opt.optim.optimizers import Adam
from sknn_opt.training import symptoms
from sknn_opt.training.verdicts import SLOW

N_STEPS, N_ITERATIONS, FEWEST = 100, 40, 24  # of a minibatch solver, of lbfgs, of large networks
N_ROWS = 100  # of a batch
WORK = 5e9  # multiplications, all steps together
LOOKS = 0.5, 0.75, 1.0, 1.5, 2.0  # where the loss is measured, as shares of the steps
FIRST = 3  # of the looks; the others are for a loss that is not yet settled
NOTICEABLE = 1e-4  # explained: less is chance
PLATEAU = 16  # quarters of the steps: no longer is growth by a factor extrapolated
NEAR = 1.2  # of a constant's loss: a power law need not be exact
FAILED: float = SLOW.limit or 1.0
UNSTABLE: float = symptoms.UNSTABLE.limit or math.inf
CLEAR = 0.5  # of a constant's loss: there is no need to go on


@dataclass(frozen=True)
class Rehearsal:
    """What the first steps achieve.

    Attributes
    ----------
    n_steps, n_steps_of_fit : int
        How many were tried, and how many a fit would make.
    losses, explained : tuple of float
        After half, three quarters and all of them, as shares of a constant's loss.
    """

    n_steps: int
    n_steps_of_fit: int
    losses: tuple[float, ...]
    explained: tuple[float, ...]

    @property
    def loss(self) -> float:
        """The last one."""
        return self.losses[-1]

    def learns(self, *, doubted: bool) -> bool:
        """Whether a fit would come clearly below the loss of a constant.

        Where signals are `doubted` the outputs must explain something already.
        """
        if min(self.losses) < FAILED:  # a step too large may be made up for
            return True
        if not all(map(math.isfinite, self.losses)):
            return False
        if doubted and self.explained[-1] <= NOTICEABLE:
            return False
        ratio = max(self.n_steps_of_fit / self.n_steps, 1.0)
        half, _, last = self.losses
        # L(t) ~ t^-p, with p from the second half of the steps
        at_end = math.log(last) + math.log2(ratio) * math.log(last / half)
        return min(last, math.exp(min(at_end, 1.0))) <= NEAR and self._will_explain(4 * ratio - 4)

    def _will_explain(self, n_quarters):
        """Whether e grows far enough, in so many times a quarter of the steps."""
        half, before, last = self.explained
        wanted = 1 - FAILED
        if 0 <= last <= NOTICEABLE:
            return False
        if last < 0:
            return last + n_quarters / 2 * (last - half) >= wanted
        if min(half, before) <= 0:  # no plateau yet
            return last + n_quarters * (last - before) >= wanted
        return _go_on(half, before, last, n_quarters) >= wanted


def _go_on(half, before, last, n_quarters):
    """What comes after so many more quarters if their changes are a geometric sequence.

    So it is where a plateau ends exponentially (q > 1), where progress is even (1), or where it
    fades (below). Where changes turn, the last one is taken to remain.
    """
    change, earlier = last - before, before - half
    q = change / earlier if change * earlier > 0 else 1.0
    n = min(n_quarters, PLATEAU) if q > 1 else n_quarters
    if math.isclose(q, 1, rel_tol=1e-9):
        return last + n * change
    exponent = min(n * math.log(q), 700.0)  # of float64 no more
    return last + change * q * math.expm1(exponent) / (q - 1)


def rehearse(mlp, objective, n_rows, rng):
    """The rehearsal of a fit of `n_rows` from an objective's θ; None if it tells nothing.

    So it is where y is constant, or where a small network that is sure to be healthy does not come
    below the loss of a constant either: then y may not depend on X.
    """
    constant, optimizer = objective.constant_loss(), optimizer_of(mlp, objective)
    if not 0 < constant < math.inf:
        return None
    size, n_batches, least = objective.X.shape[0], 1, N_ITERATIONS
    if optimizer:
        size, least = min(size, batch_size(mlp, n_rows), N_ROWS), N_STEPS
        n_batches = -(-n_rows // batch_size(mlp, n_rows))
    n_steps = int(np.clip(WORK / (3 * size * objective.theta.size), FEWEST, least))
    parts = _batches(objective, size, rng)
    with np.errstate(all="ignore"):
        if optimizer:
            rate = partial(rate_of_step, mlp, optimizer, n_rows)
            walk = _by_steps(parts, optimizer, rate, getattr(mlp, "max_grad_norm", None))
        else:
            walk = _by_lbfgs(parts[0], n_steps)
        n_steps, losses, explained = _follow(walk, parts, n_steps, constant)
        n_all = max(mlp.max_iter * n_batches, getattr(mlp, "min_steps", 0), 10 * least)
        found = Rehearsal(n_steps, n_all, losses, explained)
        is_clear = found.learns(doubted=True) or not math.isfinite(found.loss)
        return found if is_clear or _is_learnable(objective, constant, rng) else None


def learned(objective):
    """What stands for a rehearsal where θ is fitted, and has learned something; else None."""
    constant = objective.constant_loss()
    share = objective.data_term().value(objective.theta) / constant if constant else math.inf
    done = (share,) * FIRST, (1 - share,) * FIRST
    return Rehearsal(1, 1, *done) if share < FAILED else None


def _is_learnable(objective, constant, rng):
    """Whether a hidden layer of tanh, with Adam, comes below the loss of a constant prediction."""
    X, y, weight = objective.X, objective.y, objective.weight
    loss = objective.network_at(objective.theta).architecture.loss
    if not issparse(X):
        deviation = X.std(axis=0)
        X = (X - X.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    architecture = Architecture((X.shape[1], 32, objective.n_outputs), "tanh", loss, (0, 0), False)
    theta = architecture.initial_parameters("auto", rng, float)
    other = Objective(architecture, theta, X, y, weight)
    parts = _batches(other, min(N_ROWS, X.shape[0]), rng)
    walk = _by_steps(parts, Adam(0.01), lambda step: 0.01)
    return _follow(walk, parts, N_STEPS, constant, LOOKS[:FIRST])[1][-1] < FAILED


def _batches(objective, size, rng):
    """The rows in parts of about so many, by chance."""
    n = objective.X.shape[0]
    order, starts = rng.permutation(n), range(0, max(n - size // 2, 1), size)
    return [objective.of_rows(np.sort(order[k : k + size]), rng) for k in starts]


def _follow(walk, parts, n_steps, constant, shares=LOOKS):
    """The steps made, and the last losses and what is explained at `shares` of `n_steps`.

    Twice as many steps are made where the first are not enough for a loss below a constant's,
    unless the loss has exploded.
    """
    theta, losses, explained = parts[0].theta, [], []
    most = UNSTABLE * _losses(parts, theta)[0] / constant
    walk, looks = iter(walk), [math.ceil(n_steps * share) for share in shares]
    for begin, end in pairwise((0, *looks)):
        for theta in islice(walk, end - begin):  # noqa: B007  (it may be over)
            pass
        loss, best = _losses(parts, theta)
        losses.append(float(loss / constant))
        explained.append(float(1 - best / constant))
        if begin and all(not each >= CLEAR for each in losses[-2:]):
            break
        if len(losses) == FIRST and not (min(losses) >= FAILED and losses[-1] <= most):
            break
    missing = max(FIRST - len(losses), 0)
    return end, *(tuple((each + each[-1:] * missing)[-FIRST:]) for each in (losses, explained))


def _by_steps(parts, optimizer, rate, max_norm=None):
    """θ after each step, for ever; it ends where the loss is not finite."""
    theta = parts[0].theta.copy()
    state = optimizer.init(theta)
    for step in count():
        value, grad = parts[step % len(parts)].value_and_gradient(theta)
        if not math.isfinite(value):
            return
        if max_norm:
            grad *= min(1.0, max_norm / max(float(np.linalg.norm(grad)), 1e-300))
        optimizer.step(theta, grad, state, rate(step))
        yield theta


def _by_lbfgs(objective, n_steps):
    """θ after each iteration; after so many it begins anew, until none lowers the loss."""
    walk = [objective.theta]
    while walk:
        start, walk = walk[-1], []
        minimize(
            objective.value_and_gradient,
            start,
            jac=True,
            method="L-BFGS-B",
            callback=lambda theta, walk=walk: walk.append(theta.copy()),
            options={"maxiter": n_steps},
        )
        yield from walk


def _losses(parts, theta):
    """The mean loss of the rows of all parts, and the same with the best constants added."""
    networks = [part.network_at(theta) for part in parts]
    pairs = zip(networks, parts, strict=True)
    z = np.vstack([network.forward(part.X, part.weight) for network, part in pairs])
    y, row_losses = np.concatenate([part.y for part in parts]), networks[0].row_losses
    weights = [np.ones(len(part.y)) if part.weight is None else part.weight for part in parts]
    share = np.concatenate(weights) / np.sum([weight.sum() for weight in weights])

    def shifted(constants):
        losses, gradient = row_losses(z + constants, y)
        return share @ losses, share @ gradient

    start = np.zeros(z.shape[1])
    loss = shifted(start)[0]
    if not math.isfinite(loss):
        return math.inf, math.inf
    return loss, min(loss, minimize(shifted, start, jac=True, method="L-BFGS-B").fun)
