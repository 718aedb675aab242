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
data              1, then to data        `fit_to_data`
================  =====================  ===========================================================

``gain`` is that of the activation whose output the weights read (see `sknn_opt.nn.activations`).
The named variances are fixed by their authors and ignore it.
"""

import math

import numpy as np

from sknn_opt.nn.activations import ACTIVATIONS

FLAT = 1e-10  # a deviation that is rounding, as a share of the root mean square
TINY = 1e-30  # what float32 can be divided by


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


def _data(shape, rng, gain):
    return rng.normal(size=shape)


def _auto(shape, rng, gain):
    return rng.normal(0.0, gain / math.sqrt(shape[0]), shape)


INITIALIZERS = {
    "auto": _auto,
    "data": _data,
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


def fit_to_data(architecture, theta, X, weight, rng):
    """Scale the weights in θ, and set its biases, layer by layer, by what some rows make of them.

    Each unit's weights are divided by the standard deviation of z over the rows, and its bias is
    minus z of one of them, so that it bends where data lie. The outputs share a deviation, and have
    no bias. Under batch norm β takes the part of the bias. A unit that is the same for all rows has
    no deviation: its weights get the variance 1 / n_in, and no bias.
    Sources: Mishkin & Matas (2016), "All you need is a good init", for the deviations; Holzmüller,
    Grinsztajn & Steinwart (2024), "Better by default", for biases at data.
    """
    blocks, function = architecture.blocks, ACTIVATIONS[architecture.activation]
    n, n_layers = X.shape[0], architecture.n_layers
    share, a = np.full(n, 1 / n) if weight is None else weight / weight.sum(), X
    for i in range(1, n_layers + 1):
        W = blocks[f"W[{i}]"].of(theta)
        by_input = np.asarray(architecture.input_factors)[..., np.newaxis] if i == 1 else 1.0
        z = a @ (W.astype(float) * by_input)
        mean, square = share @ z, share @ z**2
        variance = share @ (z - mean) ** 2
        if i == n_layers:
            variance, square = variance.mean(), square.mean()
        deviation = np.sqrt(variance)
        varies = deviation > np.maximum(TINY, FLAT * np.sqrt(square))
        factor = np.where(varies, deviation, math.sqrt(W.shape[0]))
        W /= factor.astype(theta.dtype)
        if i == n_layers:
            return
        if f"beta[{i}]" in blocks:
            z -= mean
        z /= factor
        bias = blocks.get(f"b[{i}]") or blocks[f"beta[{i}]"]
        chosen = z[rng.choice(n, z.shape[1], p=share), np.arange(z.shape[1])]
        bias.of(theta)[...] = np.where(varies, -chosen, 0)
        z += bias.of(theta)
        function.forward(z, *np.empty((function.n_scratch, *z.shape)))
        a = z
