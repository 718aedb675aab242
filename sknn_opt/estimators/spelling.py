"""What a parameter that is not allowed was meant to be: "did you mean", after what is allowed.

A guess is made only if it is allowed itself: another spelling of a name, a name that other
libraries have for the same, a number or a truth value in quotation marks, a percentage, a tuple of
one.
"""

import ast
import math
import re
from collections.abc import Iterator
from contextlib import suppress
from difflib import get_close_matches
from typing import Any

from sknn_opt._sklearn import StrOptions, validate_parameter_constraints

OTHER_NAMES = {
    "activation": {
        "sigmoid": "logistic",
        "linear": "identity",
        "none": "identity",
        "swish": "silu",
        "hardtanh": "tanh",
        "lrelu": "leaky_relu",
    },
    "solver": {
        "gd": "sgd",
        "gradientdescent": "sgd",
        "momentum": "sgd",
        "nesterov": "sgd",
        "nadam": "adam",
        "bfgs": "lbfgs",
        "lbfgsb": "lbfgs",
    },
    "init": {
        "he": "he_normal",
        "kaiming": "he_normal",
        "kaimingnormal": "he_normal",
        "kaiminguniform": "he_uniform",
        "glorot": "glorot_normal",
        "xavieruniform": "glorot_uniform",
        "xaviernormal": "glorot_normal",
        "lecun": "lecun_normal",
    },
    "loss": {
        "mse": "squared_error",
        "meansquarederror": "squared_error",
        "l2": "squared_error",
        "mae": "absolute_error",
        "meanabsoluteerror": "absolute_error",
        "l1": "absolute_error",
        "smoothl1": "huber",
        "pinball": "quantile",
        "crossentropy": "log_loss",
        "categoricalcrossentropy": "log_loss",
        "sparsecategoricalcrossentropy": "log_loss",
        "binarycrossentropy": "log_loss",
        "bce": "log_loss",
        "nll": "log_loss",
    },
    "learning_rate": {
        "cosineannealing": "cosine",
        "cosinedecay": "cosine",
        "plateau": "adaptive",
        "reducelronplateau": "adaptive",
        "exponentialdecay": "exponential",
        "steplr": "step",
        "inverse": "invscaling",
        "none": "constant",
    },
    "dtype": {"float": "float64", "double": "float64", "single": "float32"},
    "class_weight": {"auto": "balanced"},
    "parameter": {
        "lr": "learning_rate_init",
        "eta": "learning_rate_init",
        "epochs": "max_iter",
        "nepochs": "max_iter",
        "maxepochs": "max_iter",
        "optimizer": "solver",
        "layers": "hidden_layer_sizes",
        "hiddenlayers": "hidden_layer_sizes",
        "hiddenunits": "hidden_layer_sizes",
        "l2": "alpha",
        "decay": "weight_decay",
        "patience": "n_iter_no_change",
        "seed": "random_state",
        "criterion": "loss",
        "metric": "scoring",
        "clipnorm": "max_grad_norm",
    },
    "block": {"weight": "W", "weights": "W", "bias": "b", "biases": "b"},
    "scoring": {
        "acc": "accuracy",
        "auc": "roc_auc",
        "f1score": "f1",
        "rmse": "neg_root_mean_squared_error",
        "mse": "neg_mean_squared_error",
        "mae": "neg_mean_absolute_error",
        "logloss": "neg_log_loss",
        "crossentropy": "neg_log_loss",
        "meansquarederror": "neg_mean_squared_error",
    },
}
# Parameters that take what others may be meant for.
NEIGHBORS = {"learning_rate": "learning_rate_init", "early_stopping": "n_iter_no_change"}
NOTES = {
    "activation='softmax'": "The outputs get it by themselves, where y has several classes.",
    "batch_size": "It is a number of rows, not a share of them.",
    "loss": "MLPClassifier has 'log_loss', MLPRegressor the losses of amounts.",
}
CLOSE = 0.7  # of two names, as difflib measures it


def with_hint(error: ValueError, estimator: Any) -> ValueError:
    """scikit-learn's error on a parameter, with what it may have been meant to be."""
    found = re.match(r"The '(\w+)' parameter", str(error))
    if not found or not hasattr(estimator, found[1]):
        return error
    name, allowed = found[1], estimator._parameter_constraints
    hint = did_you_mean(name, getattr(estimator, name), allowed)
    return type(error)(f"{error} {hint}".rstrip())


def did_you_mean(name: str, value: Any, allowed: dict[str, Any]) -> str:
    """A question or a note on a parameter that is not allowed, or ""."""
    names: set[str] = set()
    for constraint in allowed[name]:
        names |= constraint.options if isinstance(constraint, StrOptions) else set()
    for guess in _guesses(name, value, names):
        if _is_allowed(name, guess, allowed):
            return f"Did you mean {guess!r}?"
    other = NEIGHBORS.get(name)
    if other and _is_allowed(other, value, allowed):
        return f"Did you mean {other}={value!r}?"
    return NOTES.get(f"{name}={value!r}", NOTES.get(name, ""))


def closest(name: str, value: str, names: set[str]) -> str | None:
    """The one of the names that a string was meant to be; None if it is like none."""
    plain = {_plain(each): each for each in names}
    meant = OTHER_NAMES.get(name, {}).get(_plain(value))
    if _plain(value) in plain or meant in names:
        return plain.get(_plain(value), meant)
    return plain[close[0]] if (close := get_close_matches(_plain(value), plain, 1, CLOSE)) else None


def _plain(name):
    return re.sub(r"[\W_]+", "", name).lower()


def _guesses(name: str, value: Any, names: set[str]) -> Iterator[Any]:
    """What a value may have been meant to be, the likeliest first."""
    if isinstance(value, str):
        yield closest(name, value, names)
        for text in (value, value.strip().capitalize()):
            try:
                yield ast.literal_eval(text)
            except (ValueError, SyntaxError):
                continue
    elif isinstance(value, tuple | list):
        yield from value[:1] if len(value) == 1 else ()
    elif isinstance(value, int | float) and math.isfinite(value):
        yield int(value) if value == int(value) else None
        yield bool(value) if value in (0, 1) else None
        yield value / 100 if 2 <= value <= 100 else None
    elif names:  # a class, a function or an object of another library
        if isinstance(value, type):
            with suppress(TypeError):  # it needs arguments
                yield value()
        for known_as in (getattr(value, "__name__", ""), type(value).__name__):
            yield closest(name, known_as, names)


def _is_allowed(name, guess, allowed):
    if guess is None:
        return False
    try:
        validate_parameter_constraints({name: allowed[name]}, {name: guess}, "")
    except ValueError:
        return False
    return True
