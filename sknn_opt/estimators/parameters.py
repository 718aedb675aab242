"""The parameters that both estimators share: what is allowed.

The known names are read from the tables themselves, so that no second list can drift.
"""

from numbers import Integral, Real

import numpy as np

from sknn_opt._sklearn import Interval, Options, StrOptions
from sknn_opt.nn.activations import ACTIVATIONS
from sknn_opt.nn.initializers import INITIALIZERS
from sknn_opt.optim import OPTIMIZERS
from sknn_opt.optim.schedules import SCHEDULES

CONSTRAINTS = {
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "activation": [StrOptions(set(ACTIVATIONS))],
    "init": [StrOptions(set(INITIALIZERS)), callable],
    "dropout": ["array-like", Interval(Real, 0, 1, closed="left")],
    "input_dropout": [Interval(Real, 0, 1, closed="left")],
    "batch_norm": ["boolean"],
    "batch_norm_momentum": [Interval(Real, 0, 1, closed="left")],
    "solver": [StrOptions({"lbfgs", *OPTIMIZERS})],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "weight_decay": [Interval(Real, 0, None, closed="left")],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "learning_rate": [StrOptions(set(SCHEDULES)), callable],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "power_t": [Interval(Real, 0, None, closed="left")],
    "warmup_epochs": [Interval(Real, 0, None, closed="left")],
    "max_grad_norm": [Interval(Real, 0, None, closed="neither"), None],
    "average": [Interval(Real, 0, 1, closed="left")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "random_state": ["random_state", np.random.Generator],
    "tol": [Interval(Real, 0, None, closed="left")],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "scoring": [str, callable, None],
    "validation_fraction": [Interval(Real, 0, 1, closed="left")],
    "beta_1": [Interval(Real, 0, 1, closed="left")],
    "beta_2": [Interval(Real, 0, 1, closed="left")],
    "epsilon": [Interval(Real, 0, None, closed="neither")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
    "max_fun": [Interval(Integral, 1, None, closed="left")],
    "dtype": [StrOptions({"auto", "float32", "float64"})],
}


def hidden_sizes(hidden_layer_sizes):
    """``hidden_layer_sizes`` as a tuple of ints.

    Raises
    ------
    ValueError
        If it is anything but one positive int or a flat list of them.
    """
    sizes = hidden_layer_sizes
    if isinstance(sizes, Integral):
        sizes = [sizes]
    sizes = list(sizes)
    whole = all(isinstance(n, Integral) and not isinstance(n, bool) for n in sizes)
    if not whole or any(n < 1 for n in sizes):
        raise ValueError(
            "hidden_layer_sizes must be one positive int or a flat list of positive ints, such as "
            f"100 or (100, 50), or () for no hidden layer; got {hidden_layer_sizes!r}."
        )
    return tuple(int(n) for n in sizes)


def dropout_rates(dropout, n_hidden):
    """``dropout`` as one rate for each hidden layer.

    Raises
    ------
    ValueError
        If a list has the wrong length, or holds anything outside [0, 1).
    """
    if isinstance(dropout, Real):
        return (float(dropout),) * n_hidden
    rates = np.asarray(dropout)
    if rates.ndim != 1 or rates.dtype.kind not in "fiu" or not ((rates >= 0) & (rates < 1)).all():
        raise ValueError(
            "dropout must be one rate in the range [0.0, 1.0), or a flat list of them; "
            f"got {dropout!r}."
        )
    if len(rates) != n_hidden:
        raise ValueError(
            f"dropout must be one rate, or a list with one rate for each of the {n_hidden} hidden "
            f"layers; got a list of {len(rates)}: {dropout!r}."
        )
    return tuple(rates.tolist())
