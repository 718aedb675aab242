"""What a caller hands over: parameters and weights, checked, and a call that fails without damage.

The known names are read from the tables themselves, so that no second list can drift.
"""

import copy
from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import fields, replace
from functools import partial
from inspect import signature
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from sklearn.metrics import get_scorer, get_scorer_names

from sknn_opt._sklearn import (
    HasMethods,
    Interval,
    Options,
    StrOptions,
    check_sample_weight,
    validate_parameter_constraints,
)
from sknn_opt.arrays.extremes import LARGEST
from sknn_opt.estimators import layer_rates, spelling, tapering
from sknn_opt.nn import activations, initializers
from sknn_opt.nn.network import Architecture, as_tuples
from sknn_opt.optim import OPTIMIZERS, SCHEDULES, Optimizer, TrainingTime, schedules
from sknn_opt.training import remedies, settings

CONSTRAINTS = tapering.CONSTRAINTS | {
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "n_members": [Interval(Integral, 1, None, closed="left")],
    "activation": [StrOptions(set(activations.ACTIVATIONS))],
    "init": [StrOptions(set(initializers.INITIALIZERS)), callable],
    "dropout": ["array-like", Interval(Real, 0, 1, closed="left"), callable],
    "input_dropout": [Interval(Real, 0, 1, closed="left"), callable],
    "input_scale": ["boolean", "array-like"],
    "batch_norm": ["boolean"],
    "batch_norm_momentum": [Interval(Real, 0, 1, closed="left")],
    "solver": [StrOptions({"lbfgs", *OPTIMIZERS}), Optimizer],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "weight_decay": [Interval(Real, 0, None, closed="left"), callable],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "learning_rate": [StrOptions(set(SCHEDULES)), callable],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "power_t": [Interval(Real, 0, None, closed="left")],
    "warmup_epochs": [Interval(Real, 0, None, closed="left")],
    "max_grad_norm": [Interval(Real, 0, None, closed="neither"), None],
    "average": [Interval(Real, 0, 1, closed="left")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "min_steps": [Interval(Integral, 0, None, closed="left")],
    "shuffle": ["boolean"],
    "random_state": ["random_state", np.random.Generator],
    "tol": [Interval(Real, 0, None, closed="left")],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "scoring": [str, callable, None],
    "validation_fraction": [
        Interval(Real, 0, 1, closed="left"),
        StrOptions({"last"}),
        HasMethods(["split", "get_n_splits"]),
    ],
    "beta_1": [Interval(Real, 0, 1, closed="left")],
    "beta_2": [Interval(Real, 0, 1, closed="left")],
    "epsilon": [Interval(Real, 0, None, closed="neither")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
    "max_fun": [Interval(Integral, 1, None, closed="left")],
    "dtype": [StrOptions({"auto", "float32", "float64"})],
}


SCHEDULED = ("learning_rate", "dropout", "input_dropout", "weight_decay")
AUTO_BATCH_SIZE = 200
LEARNING_RATE = 0.001  # the default of learning_rate_init
LEAST_DROPOUT = 1e-9  # rounds to 0
OTHER_NAMES = {"nesterov": "nesterovs_momentum"}  # an optimizer's names for parameters


class DidYouMean:
    """An estimator that says which parameter an unknown one may be meant to be; a mixin."""

    def set_params(self, **params: Any) -> Self:
        """Set parameters by their names, as in scikit-learn.

        Parameters
        ----------
        **params : dict
            Their new values.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there is no parameter of such a name.
        """
        try:
            return super().set_params(**params)  # type: ignore[misc]
        except ValueError as error:
            names = set(self._parameter_constraints)  # type: ignore[attr-defined]
            given = (name.partition("__")[0] for name in params)
            unknown = next((name for name in given if name not in names), "")
            meant = spelling.closest("parameter", unknown, names)
            if meant is None:
                raise
            raise ValueError(f"{error} Did you mean {meant!r}?") from None


def takes_minibatches(estimator):
    """Whether partial_fit exists for the estimator's solver."""
    if estimator.solver == "lbfgs":
        raise AttributeError(
            "partial_fit needs a minibatch solver; solver='lbfgs' works on the whole set. "
            f"Choose one of {sorted(OPTIMIZERS)}."
        )
    return True


def hidden_sizes(estimator):
    """``hidden_layer_sizes``, or what depth, width and taper say in its place, as a tuple of ints.

    Raises
    ------
    ValueError
        If it is anything but one positive int or a flat list of them, or they contradict it.
    """
    given, sizes = estimator.hidden_layer_sizes, []
    for n in [given] if isinstance(given, Integral) else given:
        if not isinstance(n, Integral) or isinstance(n, bool) or n < 1:
            raise ValueError(
                "hidden_layer_sizes must be one positive int or a flat list of positive ints, such "
                f"as 100 or (100, 50), or () for no hidden layer; got {given!r}."
            )
        sizes.append(int(n))
    by_list = estimator.depth is None and estimator.width is None and estimator.taper == 1
    return tuple(sizes) if by_list else tapering.sizes_by_numbers(estimator, tuple(sizes))


def dropout_rates(dropout, n_hidden):
    """A list of ``dropout`` as one rate, or schedule, for each hidden layer.

    Raises
    ------
    ValueError
        If a list has the wrong length, or holds anything outside [0, 1).
    """
    rates = np.asarray(dropout, object)
    if rates.ndim != 1 or not all(map(_is_rate, rates)):
        raise ValueError(
            "dropout must be one rate in the range [0.0, 1.0), or a flat list of them; "
            f"got {dropout!r}."
        )
    if len(rates) != n_hidden:
        raise ValueError(
            f"dropout must be one rate, or a list with one rate for each of the {n_hidden} hidden "
            f"layers; got a list of {len(rates)}: {dropout!r}."
        )
    return rates.tolist()


def _is_rate(rate):
    return callable(rate) or (
        isinstance(rate, Real) and 0 <= rate < 1 and not isinstance(rate, bool)
    )


def rates_at_start(rates, estimator):
    """Rates of dropout as training begins with them.

    One that follows a schedule has its layer even if it begins at 0.
    """
    start = _start(estimator)
    return [
        max(LEAST_DROPOUT, schedules.value_at(rate, start, "dropout", below=1))
        if callable(rate)
        else rate
        for rate in rates
    ]


def dropout_schedules(estimator):
    """Those of the input and of each hidden layer, None where a rate is fixed; () without any."""
    sizes, dropout = hidden_sizes(estimator), estimator.dropout
    one = isinstance(dropout, Real) or callable(dropout)
    rates = (estimator.input_dropout, *((dropout,) * len(sizes) if one else dropout))
    return tuple(r if callable(r) else None for r in rates) if any(map(callable, rates)) else ()


def _start(estimator):
    return TrainingTime(initial_rate(estimator), estimator.max_iter)


def input_scale_of(estimator, n_features):
    """``input_scale`` as a bool, or as a tuple of factors, or of those of each member.

    Raises
    ------
    ValueError
        If it is an array of another shape, or not of finite numbers.
    """
    given, k = estimator.input_scale, int(estimator.n_members)
    if np.ndim(given) == 0:
        return bool(given)
    factors, shapes = np.asarray(given), [(n_features,), (k, n_features)][: 1 + (k > 1)]
    real = factors.dtype.kind in "biuf" and np.isfinite(factors).all()
    if factors.shape not in shapes or not real:
        allowed = " or ".join(map(str, shapes))
        raise ValueError(
            "input_scale must be True, False or an array of finite numbers of shape "
            f"{allowed}, a factor for each input; got an array of shape {factors.shape} and dtype "
            f"{factors.dtype}."
        )
    return as_tuples(factors.astype(float).tolist())


def quantile_levels(quantile):
    """``quantile`` as a float or, if there are several, a tuple of them.

    Raises
    ------
    ValueError
        If they are no different numbers in (0, 1).
    """
    levels = [*quantile] if isinstance(quantile, Iterable) else [quantile]
    if not levels or not all(isinstance(q, Real) and 0 < q < 1 for q in levels):
        raise ValueError(
            "loss='quantile' needs the parameter quantile, a number in (0, 1) such as 0.9, or a "
            f"flat list of them such as [0.05, 0.5, 0.95]; it is {quantile!r}."
        )
    if len(set(levels)) < len(levels):
        raise ValueError(f"quantile has the same number twice: {quantile!r}. Leave one out.")
    return tuple(map(float, levels)) if len(levels) > 1 else float(levels[0])


def optimizer_of(estimator, network):
    """The optimizer that the parameters ask for, for the θ of a network or an objective.

    It serves scikit-learn's MLP as well. None for lbfgs.
    """
    solver = estimator.solver
    if isinstance(solver, Optimizer):
        optimizer = copy.copy(solver)
        optimizer.learning_rate = initial_rate(estimator)
        if getattr(solver, "n_decayed", 0) is None:
            optimizer.n_decayed = network.n_decayed
        if solver.layer_rates is not None:
            optimizer.segments = layer_rates.segments_of(solver.layer_rates, network.blocks)
    elif solver == "lbfgs":
        return None
    else:
        optimizer, rate = OPTIMIZERS[solver](), float(estimator.learning_rate_init)
        own = {"learning_rate": rate, "n_decayed": network.n_decayed}
        for field in fields(optimizer):
            name = OTHER_NAMES.get(field.name, field.name)
            if field.name in own:
                setattr(optimizer, field.name, own[field.name])
            elif hasattr(estimator, name):
                setattr(optimizer, field.name, getattr(estimator, name))
    decay = getattr(optimizer, "weight_decay", None)
    if callable(decay):
        decay = schedules.value_at(decay, _start(estimator), "weight_decay")
        optimizer.weight_decay = decay  # at first
    return optimizer


def initial_rate(estimator):
    """The learning rate at the start: that of an optimizer which has its own, or the parameter's.

    Raises
    ------
    ValueError
        If both are set, and differ.
    """
    rate, own = (
        float(estimator.learning_rate_init),
        getattr(estimator.solver, "learning_rate", None),
    )
    if own is None:
        return rate
    if rate not in (LEARNING_RATE, own):
        raise ValueError(
            f"learning_rate_init={rate:g} and solver={estimator.solver!r} give two learning rates; "
            "set one of them: leave learning_rate out of the solver, or learning_rate_init alone."
        )
    return float(own)


def batch_size(estimator, n_rows):
    """Rows in a batch of a set of `n_rows`."""
    size = estimator.batch_size
    return min(AUTO_BATCH_SIZE if size == "auto" else int(size), n_rows)


def architecture_of(estimator, rows, fitted=None):
    """The architecture that the parameters ask for, for these rows.

    Raises
    ------
    ValueError
        If the parameters contradict each other, the rows or the `fitted` architecture.
    """
    sizes = hidden_sizes(estimator)
    for name in SCHEDULED:
        if isinstance(getattr(estimator, name), type):
            raise ValueError(_is_class(name, getattr(estimator, name).__name__))
    rates, dropout = [estimator.input_dropout], estimator.dropout
    one = isinstance(dropout, Real) or callable(dropout)
    rates += [dropout] * len(sizes) if one else dropout_rates(dropout, len(sizes))
    if any(map(callable, rates)):
        rates = rates_at_start(rates, estimator)
    rates = tuple(map(float, rates))
    if estimator.solver == "lbfgs" and any(rates):
        raise ValueError(
            "dropout needs a minibatch solver: solver='lbfgs' minimizes a fixed function, and "
            f"dropout changes it at every step. Choose one of {sorted(OPTIMIZERS)}, or set "
            "dropout and input_dropout to 0."
        )
    if estimator.scoring != "loss":
        check_scoring_name(estimator.scoring)
    if isinstance(estimator.solver, Optimizer):
        check_optimizer(estimator.solver)
        refuse_two_values(estimator)
    loss, n_outputs = estimator._loss_and_outputs(rows.y)
    if loss is estimator.loss:
        check_loss(loss, rows.y, n_outputs)
    n_units = (rows.X.shape[1], *sizes, n_outputs)
    scale = estimator.input_scale
    scale = scale if isinstance(scale, bool) else input_scale_of(estimator, rows.X.shape[1])
    flags = bool(estimator.batch_norm), scale, int(estimator.n_members)
    asked = n_units, estimator.activation, loss, rates, *flags
    if fitted is None:
        architecture = Architecture(*asked)
    else:
        architecture = fitted.for_targets()
        _check_unchanged(asked, architecture)
        if rates != fitted.dropout:
            architecture = replace(architecture, dropout=rates)
    may_have_gaps = rows.y.dtype.kind == "f" and rows.y.shape[-1] > 1
    return architecture.for_targets(rows.y) if may_have_gaps else architecture


def _is_class(name, kind):
    other = "a name" if name == "learning_rate" else "a number"
    return (
        f"{name}={kind} is a class; it must be an object, such as {kind}(), {other}, or a function "
        "of a TrainingTime."
    )


def _check_unchanged(asked, fitted):
    n_units, activation, loss, _, batch_norm, input_scale, n_members = asked
    for name, now, before in (
        ("hidden_layer_sizes", n_units[1:-1], fitted.n_units[1:-1]),
        ("activation", activation, fitted.activation),
        ("batch_norm", batch_norm, fitted.batch_norm),
        ("n_members", n_members, fitted.n_members),
        ("input_scale", input_scale, fitted.input_scale),
        ("loss", loss, fitted.loss),
        ("the number of outputs in y", n_units[-1], fitted.n_units[-1]),
    ):
        if now != before:
            raise ValueError(
                f"Training cannot go on from the fitted weights: {name} was {before!r} and is "
                f"now {now!r}. Set it back, or fit anew with warm_start=False."
            )


def settings_of(estimator, state, rows, mean_weight):
    """What the trainers read of the parameters, for these rows.

    The optimizer's own part of the state starts anew where it is another optimizer's.
    """
    schedule, theta = estimator.learning_rate, state.weights.theta
    if isinstance(schedule, str):
        schedule = SCHEDULES[schedule]
    if schedule is SCHEDULES["constant"] and not estimator.warmup_epochs:
        schedule = None
    optimizer = optimizer_of(estimator, state.architecture)
    size, max_iter = batch_size(estimator, rows.n_rows), estimator.max_iter
    limit = str(max_iter)
    n_batches = -(-rows.n_trained // size) if estimator.min_steps else 1
    if optimizer and estimator.min_steps > max_iter * n_batches:
        max_iter = state.time.max_iter = -(-estimator.min_steps // n_batches)
        limit += f" ({max_iter} for min_steps={estimator.min_steps})"
    owner = estimator if isinstance(estimator.solver, str) else estimator.solver
    decay = getattr(owner, "weight_decay", None)
    fixed = isinstance(estimator.dropout, Real) and isinstance(estimator.input_dropout, Real)
    if optimizer is None:
        state.forget_steps()
    else:
        decays = getattr(optimizer, "beta_1", None), getattr(optimizer, "beta_2", None)
        solver = f"{type(optimizer).__name__} {decays}"
        if solver != state.solver or state.moments.keys() != optimizer.init(theta[:0]).keys():
            state.solver, state.moments = solver, optimizer.init(theta)
    return settings.Settings(
        alpha=float(estimator.alpha),
        max_iter=max_iter,
        tol=float(estimator.tol),
        limit=limit,
        optimizer=optimizer,
        schedule=schedule,
        warmup_epochs=estimator.warmup_epochs,
        batch_size=size,
        shuffle=estimator.shuffle,
        batch_norm_momentum=estimator.batch_norm_momentum,
        max_grad_norm=estimator.max_grad_norm,
        average=float(estimator.average),
        mean_weight=mean_weight,
        max_fun=estimator.max_fun,
        dropout=() if fixed else dropout_schedules(estimator),
        weight_decay=decay if callable(decay) and hasattr(optimizer, "weight_decay") else None,
        traits=partial(remedies.Traits.of, estimator, rows.X),
    )


@contextmanager
def transaction(estimator):
    """Undo every change of the estimator's attributes if the block raises anything.

    scikit-learn's validation records the number and names of the features before a fit has
    succeeded; without this, a fit that fails would leave a model that no longer predicts.
    """
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def checked_weights(sample_weight, X):
    """Return the weights as a float64 array of shape (n_samples,)."""
    weights = check_sample_weight(sample_weight, X, dtype=np.float64)
    if (weights < 0).any():
        row = int(np.argmax(weights < 0))
        raise ValueError(
            f"sample_weight is negative ({weights[row]:g}) at row {row}; weights must be zero or "
            "positive: leave that row out, or give it weight zero."
        )
    if not weights.any():
        raise ValueError(
            "All entries of sample_weight are zero; at least one must be positive: without it "
            "there is no sample to learn from."
        )
    with np.errstate(over="ignore"):
        if not weights.sum() <= LARGEST:
            raise ValueError(
                f"The sum of sample_weight is beyond {LARGEST:g} (largest weight "
                f"{weights.max():g}): divide the weights by their maximum."
            )
    return weights


def check_optimizer(optimizer):
    """Raise ValueError if a number in it is none that the estimator's parameter may be."""
    values, allowed = vars(optimizer), {"learning_rate": [*CONSTRAINTS["learning_rate_init"], None]}
    for name in values.keys() - allowed.keys():
        allowed[name] = CONSTRAINTS.get(OTHER_NAMES.get(name, name), "no_validation")
    validate_parameter_constraints(allowed, values, type(optimizer).__name__)


def check_scoring_name(scoring):
    """Raise ValueError if ``scoring`` is a string that scikit-learn does not know."""
    if isinstance(scoring, str) and scoring != "loss":
        try:
            get_scorer(scoring)
        except (KeyError, ValueError) as error:
            meant = spelling.closest("scoring", scoring, {"loss", *get_scorer_names()})
            raise ValueError(
                f"scoring={scoring!r} is unknown; it must be 'loss', None for the estimator's own "
                "score, a callable, or one of sklearn.metrics.get_scorer_names(), such as "
                f"'average_precision' or 'r2'.{f' Did you mean {meant!r}?' if meant else ''}"
            ) from error


def refuse_two_values(estimator):
    """Raise ValueError if a parameter differs from what the solver, an object, brings for it.

    It would have no effect. One at its default says nothing, and `learning_rate` is a schedule.
    """
    solver, known = estimator.solver, signature(type(estimator)).parameters
    for name in sorted(vars(solver).keys() - {"learning_rate"}):
        here, own = OTHER_NAMES.get(name, name), getattr(solver, name)
        if here in known and getattr(estimator, here) not in (known[here].default, own):
            raise ValueError(
                f"{here}={getattr(estimator, here)!r} has no effect beside solver={solver!r}, "
                f"which brings {name}={own!r} of its own: set it there alone."
            )


def check_loss(loss, y, n_outputs):
    """Raise ValueError if a loss does not return what it must, here for the first two targets."""
    allowed = [None, "scale"]
    if loss.link != "exp":
        allowed += ["mean and scale", "median and quartiles"]
    if loss.normalizes not in allowed:
        raise ValueError(
            f"loss={loss!r} has normalizes={loss.normalizes!r}; with the link {loss.link!r} it "
            f"must be one of {allowed}."
        )
    if np.isnan(y).any():
        y = _one_target(loss, y, n_outputs)
    y = y[:2]
    y = y if y.dtype.kind == "i" else y.astype(np.float64)
    z = np.zeros((len(y), n_outputs))
    with np.errstate(all="ignore"):
        result = loss(z, y)
    shapes = [np.shape(part) for part in result] if isinstance(result, tuple) else []
    if shapes == [(len(y),), (len(y), n_outputs)] and np.isnan(result[0]).any():
        raise ValueError(
            f"loss={loss!r} returned NaN for raw outputs of 0; it must be a number for any finite "
            "raw outputs and the targets of y."
        )
    if shapes != [(len(y),), z.shape]:
        raise ValueError(
            f"loss={loss!r} must return (losses, gradient) of shapes (n_rows,) and (n_rows, "
            f"n_outputs); for {len(y)} rows and {n_outputs} outputs it returned shapes {shapes}."
        )


def _one_target(loss, y, n_outputs):
    """A row of one of the targets that are there, where the loss can leave out those that are not.

    Each will be a row of its own; so the loss must be the sum of theirs.
    """
    row = np.full((1, n_outputs), y.flat[np.nanargmax(np.abs(y))], np.float64)
    try:
        with np.errstate(all="ignore"):
            whole, parts = (loss(np.zeros(t.shape), t) for t in (row.copy(), row.T.copy()))
        is_sum = all(np.allclose(np.sum(w), np.sum(p)) for w, p in zip(whole, parts, strict=True))
    except (IndexError, TypeError, ValueError):  # it reads a second output, for example
        is_sum = False
    if not is_sum:
        raise ValueError(
            f"loss={loss!r} is no sum of losses of single outputs, so that the targets that are "
            "missing (NaN in y) cannot be left out of it: fill them, or leave out these rows."
        )
    return row
