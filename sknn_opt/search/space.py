"""Good ranges for the hyperparameters of our estimators, those that matter most first.

A range is around what the estimator has: around the default it is the usual one of the table below,
around another value `FACTORS` up and down. None leaves what the parameter may be.

===================  ==========================================  ===================================
parameter            usual range                                 drawn
===================  ==========================================  ===================================
learning_rate_init   0.0003 to 0.05; with 'sgd' 0.003 to 1       log-uniform
momentum             0.5 to 0.99                                 1 - β log-uniform
beta_1               0.5 to 0.99                                 1 - β log-uniform
width                16 to 512 (depth 1 to 3)                    log-uniform integers (integers)
batch_size           16 to 512                                   log-uniform integers
learning_rate        constant, cosine, one_cycle, exponential    one of them
alpha                0.00001 to 10                               log-uniform
weight_decay         0.001 to 1, with 'adamw'                    log-uniform
dropout              0, or 0.05 to 0.5                           half of the draws 0
beta_2               0.9 to 0.9999                               1 - β log-uniform
epsilon              1e-10 to 0.00001                            log-uniform
===================  ==========================================  ===================================
"""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral, Real

from sklearn.base import BaseEstimator, clone

from sknn_opt._sklearn import validate_params
from sknn_opt.estimators.base import BaseMLP
from sknn_opt.estimators.parameters import LEARNING_RATE, hidden_sizes
from sknn_opt.estimators.tapering import NUMBERS
from sknn_opt.optim import FadeOut, Optimizer
from sknn_opt.search.distributions import (
    Choice,
    Distribution,
    LogUniform,
    LogUniformInt,
    OneMinusLogUniform,
    Uniform,
    UniformInt,
    ZeroOr,
)
from sknn_opt.tables.base import OF_NETWORK, BaseTabularMLP
from sknn_opt.tables.recipe import SOME, network_parameters

STAGES: tuple[tuple[str, ...], ...] = (
    ("learning_rate_init",),
    (
        *("momentum", "beta_1", "width", "hidden_layer_sizes", "batch_size"),
        *("alpha", "weight_decay"),  # the course has them last; see the measurement in the docs
    ),
    ("depth", "learning_rate"),
    ("dropout", "encoder__bins", "beta_2", "epsilon"),
)
# Without a learning rate the penalty comes first.
STAGES_OF_LBFGS = (("alpha",), ("width", "hidden_layer_sizes"), ("depth",), ("encoder__bins",))
FACTORS = {"rate": 10, "size": 6, "strength": 100, "average": 8}
SCHEDULES = ("constant", "cosine", "one_cycle", "exponential")
DEFAULT_SIZES = (100,)


def search_space(estimator: BaseEstimator, stage: int | None = None) -> dict[str, Distribution]:
    """Ranges for the hyperparameters of our networks in an estimator, for any search.

    They are ranked as Andrew Ng's course ranks them, corrected by a measurement: 1. the learning
    rate; 2. momentum or β₁, units, the batch size and the penalty; 3. layers and the schedule of
    the learning rate; 4. dropout and the constants of Adam. With ``solver="lbfgs"``, which has no
    learning rate: 1. penalty, 2. units, 3. layers.

    Parameters
    ----------
    estimator : estimator
        `MLPClassifier`, `MLPRegressor`, `TabularMLPClassifier`, `TabularMLPRegressor`, or any
        estimator around them, such as a pipeline. If there are several of ours in it, the ranges
        of all are there, each under its own name.
    stage : int, default=None
        Only the parameters of the stages 1 to `stage`, at most 4; None is all.

    Returns
    -------
    dict of str to Distribution
        By the names that ``estimator.set_params`` takes, those of stage 1 first. fit accepts every
        draw.

    Raises
    ------
    ValueError
        If the estimator has none of ours in it, if `stage` is no such number, or if nothing is
        left to search.

    Notes
    -----
    Ranges are centered on the values that the estimator has. Units and layers are searched as the
    numbers `width` and `depth`; an estimator with `hidden_layer_sizes` of its own gets lists like
    it. What a solver object brings, such as its momentum, no parameter reaches: it stays. Batches
    are never larger than the set, and ``encoder__bins`` replaces the encoder of a preset.

    On eight sets, random draws of these ranges with 'adam', 30 epochs: a forest that predicts the
    rank of the score owes 45 to 52 % to the learning rate, 11 to 14 % each to penalty and units, 8
    to 21 % to the batch size, 3 to 11 % to β₁, and at most 3 % to any other. The course has the
    penalty among the last; of 'sgd' it came fourth and fifth in the two halves of the sets. The
    penalty of 'adamw', which was not measured, has the place of the other.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sknn_opt import InputNormalizer, MLPClassifier
    >>> from sknn_opt.search import search_space
    >>> pipe = make_pipeline(InputNormalizer(), MLPClassifier(solver="sgd"))
    >>> for name, distribution in search_space(pipe, stage=2).items():
    ...     print(name, distribution)
    mlpclassifier__learning_rate_init LogUniform(0.003, 1.0)
    mlpclassifier__momentum OneMinusLogUniform(0.5, 0.99)
    mlpclassifier__width LogUniformInt(16, 512)
    mlpclassifier__batch_size LogUniformInt(16, 512)
    mlpclassifier__alpha LogUniform(1e-05, 10.0)
    """
    last = _checked_stage(stage)
    found = _networks_in(estimator)
    ranked: list[tuple[int, str, Distribution]] = []
    for prefix, network in found.items():
        tabular = isinstance(network, BaseTabularMLP)
        mlp = _of_preset(network) if tabular else network
        stages = STAGES_OF_LBFGS if mlp.solver == "lbfgs" else STAGES
        ranges = _ranges(mlp, last) | (_of_encoder(network) if tabular else {})
        for at, names in enumerate(stages[:last], 1):
            for name in (name for name in names if name in ranges):
                own = tabular and not name.startswith("encoder__")
                ranked.append((at, f"{prefix}{OF_NETWORK if own else ''}{name}", ranges[name]))
    if not ranked:
        raise ValueError(
            f"There is nothing to search in {type(estimator).__name__} up to stage {last}: its "
            "solver brings what would be searched there. Name the solver as a string, or raise "
            "stage."
        )
    return {name: distribution for _, name, distribution in sorted(ranked, key=lambda r: r[0])}


def _checked_stage(stage):
    whole = isinstance(stage, Integral) and not isinstance(stage, bool)
    if stage is not None and not (whole and 1 <= stage <= len(STAGES)):
        raise ValueError(
            f"stage must be None, or a whole number from 1 to {len(STAGES)}; got {stage!r}."
        )
    return len(STAGES) if stage is None else int(stage)


def _networks_in(estimator):
    """Ours by the prefixes of their parameters, validated."""
    if isinstance(estimator, type) or not hasattr(estimator, "get_params"):
        raise ValueError(
            f"estimator must be an estimator of scikit-learn's kind, such as MLPClassifier(); got "
            f"{estimator!r}."
        )
    ours = BaseMLP | BaseTabularMLP
    parts = {"": estimator} | {f"{k}__": v for k, v in estimator.get_params(deep=True).items()}
    found = {prefix: part for prefix, part in parts.items() if isinstance(part, ours)}
    if not found:
        raise ValueError(
            f"{type(estimator).__name__} has none of sknn_opt's networks in it, for which alone "
            "there are ranges; put MLPClassifier, MLPRegressor or a TabularMLP in it, or write a "
            "dict of your own, such as {'C': LogUniform(0.01, 100)}."
        )
    for network in found.values():
        validate_params(network)
    return found


def _of_preset(tabular):
    """The network of an estimator of tables, for a table of middle size."""
    given = tabular.network_params or {}
    parameters = network_parameters(tabular.preset, SOME)
    if "hidden_layer_sizes" not in given:
        sizes = parameters.pop("hidden_layer_sizes")
        parameters |= {"depth": len(sizes), "width": sizes[0]}
        given = {k: v for k, v in given.items() if k not in NUMBERS or v is not None}
    network = type(tabular)._network(**parameters).set_params(**given)
    validate_params(network)
    return network


def _of_encoder(tabular):
    """Bins, where a search may set them."""
    if tabular.encoder is None and not isinstance(tabular.categorical_features, str):
        return {}  # the encoder would have no room for them
    return {"encoder__bins": Choice([None, 8, 16, 32])}


def _ranges(mlp, last):
    """Name -> distribution for one network, in no order."""
    if mlp.solver == "lbfgs":
        return _shapes(mlp, last) | _penalties(mlp)
    found = _shapes(mlp, last) | _rates(mlp) | _penalties(mlp) | _averages(mlp)
    size = mlp.batch_size
    sizes = (16, 512) if isinstance(size, str) else _sizes_around(size)
    return found | {"batch_size": LogUniformInt(*sizes)}


def _rates(mlp):
    """The learning rate, unless a solver object brings it, and its schedule."""
    known = [mlp.learning_rate] if mlp.learning_rate not in SCHEDULES else []
    found: dict[str, Distribution] = {"learning_rate": Choice([*known, *SCHEDULES])}
    if getattr(mlp.solver, "learning_rate", None) is None:
        rate, factor = float(mlp.learning_rate_init), FACTORS["rate"]
        by_momentum = _kind(mlp.solver) == "sgd"
        usual = (0.003, 1.0) if by_momentum else (0.0003, 0.05)
        around = rate / factor, rate * factor
        found["learning_rate_init"] = LogUniform(*(usual if rate == LEARNING_RATE else around))
    return found


def _averages(mlp):
    """Momentum and the decays of Adam, which no parameter reaches in a solver object."""
    names = {
        "sgd": ["momentum"],
        "rmsprop": ["beta_2", "epsilon"],
        "adam": ["beta_1", "beta_2", "epsilon"],
        "adamw": ["beta_1", "beta_2", "epsilon"],
    }
    usual = {"momentum": (0.5, 0.99), "beta_1": (0.5, 0.99), "beta_2": (0.9, 0.9999)}
    found: dict[str, Distribution] = {}
    for name in names.get(mlp.solver, []) if isinstance(mlp.solver, str) else []:
        value = getattr(mlp, name)
        if name == "epsilon":
            ends = (1e-10, 1e-5) if value == 1e-8 else _strengths_around(value)
            found[name] = LogUniform(*ends)
        else:
            is_usual = value == {"beta_2": 0.999}.get(name, 0.9)
            found[name] = OneMinusLogUniform(*(usual[name] if is_usual else _betas_around(value)))
    return found


def _penalties(mlp):
    """What keeps from overfitting: penalty or decay of weights, and dropout."""
    found: dict[str, Distribution] = {}
    if mlp.solver != "adamw":
        usual = mlp.alpha in (0, 0.0001)
        found["alpha"] = LogUniform(*((1e-5, 10.0) if usual else _strengths_around(mlp.alpha)))
    elif isinstance(mlp.weight_decay, Real):
        usual = mlp.weight_decay in (0, 0.01)
        ends = (1e-3, 1.0) if usual else _strengths_around(mlp.weight_decay)
        found["weight_decay"] = LogUniform(ends[0], min(ends[1], max(1.0, 2 * ends[0])))
    rate = mlp.dropout
    if mlp.solver == "lbfgs" or (hasattr(rate, "__len__") and not isinstance(rate, FadeOut)):
        return found
    if isinstance(rate, FadeOut):
        values = sorted({min(0.8, rate.value * f) for f in (0.5, 1, 2, 3)} - {0})
        found["dropout"] = Choice([0.0, *(replace(rate, value=value) for value in values)])
    elif isinstance(rate, Real):
        low, high = (0.05, 0.5) if rate == 0 else (rate / 4, min(0.8, 2 * rate))
        found["dropout"] = ZeroOr(Uniform(low, max(high, (1 + 3 * low) / 4)))
    return found


def _shapes(mlp, last):
    """Units and layers, as numbers; of an estimator with a list of its own, lists like it."""
    plain = clone(mlp).set_params(depth=None, width=None, taper=1.0)
    listed, by_number = hidden_sizes(plain), mlp.depth is not None or mlp.width is not None
    sizes, found = hidden_sizes(mlp), {}
    if not sizes or (by_number and listed != DEFAULT_SIZES):
        return {}
    fixed = _has_rates_by_layer(mlp)
    if by_number or listed == DEFAULT_SIZES:
        width = sizes[0]
        ends = (16, 512) if width == DEFAULT_SIZES[0] else _sizes_around(width)
        found["width"] = LogUniformInt(*ends)
        if not fixed:
            found["depth"] = UniformInt(max(1, len(sizes) - 1), len(sizes) + 2)
        return found
    shapes = [sizes]
    if last >= 3 and not fixed:
        shapes += [sizes[:-1] or sizes * 2, (*sizes, sizes[-1])]
    scaled = {tuple(max(1, round(n * f)) for n in s) for s in shapes for f in (0.25, 0.5, 1, 2, 4)}
    return {"hidden_layer_sizes": Choice(sorted(scaled, key=lambda s: (len(s), s)))}


def _has_rates_by_layer(mlp):
    """Whether something is said of each layer, so that there can be no more and no fewer."""
    named = getattr(mlp.solver, "layer_rates", None) or {}
    return hasattr(mlp.dropout, "__len__") or any("[" in name for name in named)


def _kind(solver):
    return type(solver).__name__.lower() if isinstance(solver, Optimizer) else solver


def _sizes_around(value):
    """From a sixth of a whole number to its sixfold."""
    factor = FACTORS["size"]
    return max(1, round(value / factor)), int(value) * factor


def _strengths_around(value):
    return (value / FACTORS["strength"], value * FACTORS["strength"]) if value else (1e-5, 10.0)


def _betas_around(value):
    """Averages over an eighth of the steps to the eightfold; 1 - β stays in (0, 1)."""
    steps, factor = 1 - min(float(value), 0.99999), FACTORS["average"]
    return max(0.0, 1 - steps * factor), 1 - max(steps / factor, 1e-6)
