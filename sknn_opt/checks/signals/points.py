"""One point of an estimator, that is, its initial or its fitted weights: measured and judged."""

import numpy as np

from sknn_opt.checks.signals.rehearsal import learned, rehearse
from sknn_opt.checks.signals.report import PointSignals
from sknn_opt.checks.signals.sources import FITTED, INITIAL, first_optimizer
from sknn_opt.nn.signals import measure
from sknn_opt.training.remedies import Traits
from sknn_opt.training.verdicts import judge


def look_at(name, points, mlp, n_rows, seed, names):
    """What was found at a point; `n_rows` is None without targets."""
    objective, optimizer, rehearsal = points[name], None, None
    if n_rows is not None:
        optimizer = first_optimizer(mlp, objective, n_rows)
    found = measure(
        objective,
        objective.theta,
        np.random.default_rng(seed),
        with_loss=n_rows is not None,
        optimizer=optimizer,
        max_norm=getattr(mlp, "max_grad_norm", None),
    )
    if n_rows is not None and name.startswith(INITIAL):
        fitted = points.get(name.replace(INITIAL, FITTED))
        rehearsal = fitted and learned(fitted)
        rehearsal = rehearsal or rehearse(mlp, objective, n_rows, np.random.default_rng(seed))
    traits = Traits.of(mlp, objective.X, name.startswith(FITTED))
    verdict = judge(found, traits, objective.X, names, rehearsal)
    return PointSignals(name, found[0], found[1:], *verdict)
