"""Initial weights: a table of functions ``(shape, rng, gain) -> array``.

Each entry of z = W a adds up n_in products, so Var(z) = n_in Var(W) E[a²]. To keep it constant over
many layers the variance of the weights must be about 1/n_in:

================  =====================  ===========================================================
name              Var(W)                 source
================  =====================  ===========================================================
he                2 / n_in               He et al. (2015), for relu, which halves E[a²]
glorot            2 / (n_in + n_out)     Glorot & Bengio (2010): forward and backward in balance
lecun             1 / n_in               LeCun et al. (1998)
xavier            1 / n_in               the course's "Xavier initialization" (its other version,
                                         2 / (n_in + n_out), is glorot above)
orthogonal        gain² / max(n_in, n_out)   Saxe et al. (2014): keeps lengths, not just on average
auto              gain² / n_in           the gain that layer and activation need (see
                                         `sknn_opt.nn.network.Architecture.initial_parameters`)
================  =====================  ===========================================================

``gain`` is that of the activation whose output the weights read (see `sknn_opt.nn.activations`).
The named variances are fixed by their authors and ignore it.
"""

import math

import numpy as np


def _normal(variance):
    def draw(shape, rng, gain):
        return rng.normal(0.0, math.sqrt(variance(*shape)), shape)

    return draw


def _uniform(variance):
    def draw(shape, rng, gain):
        # U(-r, r) has variance r² / 3
        bound = math.sqrt(3 * variance(*shape))
        return rng.uniform(-bound, bound, shape)

    return draw


def _he(n_in, n_out):
    return 2 / n_in


def _glorot(n_in, n_out):
    return 2 / (n_in + n_out)


def _lecun(n_in, n_out):
    return 1 / n_in


def _orthogonal(shape, rng, gain):
    n_in, n_out = shape
    tall = rng.normal(size=(max(shape), min(shape)))
    q, r = np.linalg.qr(tall)
    q *= np.sign(np.diag(r))  # without it, QR's sign convention makes q not uniformly distributed
    return gain * (q if n_in >= n_out else q.T)


def _auto(shape, rng, gain):
    return rng.normal(0.0, gain / math.sqrt(shape[0]), shape)


INITIALIZERS = {
    "auto": _auto,
    "he_normal": _normal(_he),
    "he_uniform": _uniform(_he),
    "glorot_normal": _normal(_glorot),
    "glorot_uniform": _uniform(_glorot),
    "lecun_normal": _normal(_lecun),
    "lecun_uniform": _uniform(_lecun),
    "xavier": _normal(_lecun),
    "orthogonal": _orthogonal,
}


def draw_weights(init, shape, rng, gain, dtype=np.float64):
    """Draw one weight matrix of `shape` (n_in, n_out) and check what a callable returned.

    Raises
    ------
    ValueError
        If a callable `init` returns another shape, or anything that is not a finite number.
    """
    if not callable(init):
        return INITIALIZERS[init](shape, rng, gain)
    returned = init(shape, rng, gain)
    try:
        drawn = np.asarray(returned)
    except ValueError:  # lists of different lengths
        drawn = np.empty(0, object)
    if drawn.dtype.kind not in "fiu":
        found = f"{type(returned).__name__} that is no array of real numbers"
    elif drawn.shape != shape:
        found = f"shape {drawn.shape}"
    else:
        with np.errstate(over="ignore"):
            drawn = drawn.astype(dtype)
        if np.isfinite(drawn).all():
            return drawn
        found = f"values that are not finite in {np.dtype(dtype)}"
    raise ValueError(
        f"The callable passed as init must return an array of finite numbers of shape {shape}; "
        f"it returned {found} for init(shape={shape}, rng, gain={gain:.3g})."
    )
