"""Modules and models of other libraries: from what one pass shows to a point of a report."""

import math

import numpy as np

from sknn_opt.checks.gradients.readers.torch_module import is_torch_module
from sknn_opt.checks.signals.recorded import fits_activations, signals_of
from sknn_opt.checks.signals.report import PointSignals, SignalReport
from sknn_opt.nn.activations import ACTIVATIONS
from sknn_opt.training.remedies import Traits
from sknn_opt.training.verdicts import judge

MAX_ROWS, MAX_NUMBERS = 500, 2**22  # of X: more would say the same
NAMED = 8  # layers


def is_module(what):
    """Whether this is a torch module or a Keras model; neither library is imported for it."""
    return is_keras_model(what) or is_torch_module(what)


def is_keras_model(what):
    """Whether this looks like a model of Keras 3."""
    bases = [base.__module__.partition(".")[0] for base in type(what).__mro__]
    return "keras" in bases and hasattr(what, "layers") and hasattr(what, "predict")


def module_report(module, X, y, loss, seed):
    """What `check_signals` says of a module or a model."""
    X, y, notes = _some_rows(X, y, seed)
    if is_keras_model(module):
        from sknn_opt.checks.signals.keras_model import pass_through

        library = "keras"
    else:
        from sknn_opt.checks.signals.torch_module import pass_through

        library = "torch"
    passage = pass_through(module, X, y, loss, seed)
    layers = passage.layers
    used = [name for name in (layer.activation() for layer in layers[:-1]) if name]
    common = max(set(used), key=used.count) if used else "another"
    traits = Traits(
        common,
        init="auto" if fits_activations(layers) else "another",
        batch_norm=passage.has_norm,
        n_hidden=len(layers) - 1,
        # Trained or not is unknown; a trained one with one output may end in one direction.
        fitted=layers[-1].a.shape[-1] == 1,
        library=library,
        deviation=ACTIVATIONS[common].gain if used else math.nan,
    )
    with np.errstate(all="ignore"):
        found = signals_of(passage.first, layers)
        verdict = judge(found, traits, passage.first.reshape(len(passage.first), -1))
    names = [f"{number} is {layer.name}" for number, layer in enumerate(layers, 1)]
    if len(names) > NAMED:
        names[NAMED // 2 : -NAMED // 2] = ["…"]
    point = PointSignals(f"weights of the {library} module", found[0], tuple(found[1:]), *verdict)
    return SignalReport((point,), (f"the layers: {', '.join(names)}", *notes))


def _some_rows(X, y, seed):
    """At most so many rows, by chance, and a note."""
    X, y = (
        each if hasattr(each, "detach") or each is None else np.asarray(each) for each in (X, y)
    )
    n = int(X.shape[0])
    if n < 2:
        raise ValueError(
            f"X has {n} row{'s' * (n != 1)}, and variances over rows are undefined below 2; pass 2 "
            "rows or more (100 to 500 are enough)."
        )
    _check_numbers(X.detach().cpu().numpy() if hasattr(X, "detach") else X)
    most = max(2, min(MAX_ROWS, MAX_NUMBERS // math.prod(X.shape[1:])))
    if n <= most:
        return X, y, ()
    rows = np.sort(np.random.default_rng(seed).choice(n, most, replace=False))
    return X[rows], None if y is None else y[rows], (f"{most:,} of {n:,} rows were looked at",)


def _check_numbers(X):
    """Refuse what has no signal to follow."""
    if X.dtype.kind == "f" and not np.isfinite(X).all():
        what = "NaN" if np.isnan(X).any() else "infinite values"
        raise ValueError(f"X contains {what}; remove or impute them first.")
    if X.dtype.kind == "f" and not X.any():
        raise ValueError("X is zero everywhere, so there is no signal to follow; pass real rows.")
