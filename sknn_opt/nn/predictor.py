"""Prediction: batch norm folded away, rows in blocks that fit the cache."""

import numpy as np
from scipy.sparse import issparse

from sknn_opt.arrays.chunks import release, rows_in_part
from sknn_opt.kernels import fastest
from sknn_opt.kernels import with_numpy as kernels
from sknn_opt.nn.activations import ACTIVATIONS
from sknn_opt.nn.layers import BatchNorm

BLOCK_ELEMENTS = 2**16
MIN_BLOCK_ROWS = 64
# Squares of numbers up to here, times any realistic width, stay finite in double precision.
SATURATION = 1e100


def fold(architecture, theta, statistics):
    """The weight matrices and biases of the network as it predicts.

    Batch norm with fixed statistics is affine, so it goes into the layer below:
    W' = W · s and b' = β - μ · s, with s = γ / √(σ² + ε). Without batch norm these are views of θ.

    Returns
    -------
    coefs, intercepts : lists of ndarray
    """
    coefs, intercepts = [], []
    for i in range(1, architecture.n_layers + 1):
        W = architecture.blocks[f"W[{i}]"].of(theta)
        if f"b[{i}]" in architecture.blocks:
            coefs.append(W)
            intercepts.append(architecture.blocks[f"b[{i}]"].of(theta))
            continue
        gamma, beta = (architecture.blocks[f"{name}[{i}]"].of(theta) for name in ("gamma", "beta"))
        mean, variance = (
            architecture.statistics[f"{name}[{i}]"].of(statistics) for name in ("mean", "variance")
        )
        scale = gamma / np.sqrt(variance + BatchNorm.EPSILON)
        coefs.append((W * scale).astype(theta.dtype, copy=False))
        intercepts.append((beta - mean * scale).astype(theta.dtype, copy=False))
    return coefs, intercepts


def block_rows(n_units):
    """How many rows are predicted at a time."""
    return max(MIN_BLOCK_ROWS, BLOCK_ELEMENTS // max(n_units))


def raw_outputs(coefs, intercepts, activation, X, rows=None, then=None):
    """z[L] of the rows of X (or of those that `rows` names), in the wider dtype of X and θ.

    `then` makes of the outputs of a block of rows what is wanted, an array with as many rows.
    Never NaN for finite X: where sums overflow, the rows are computed again with signals that
    saturate.
    """
    dtype = np.result_type(X.dtype, coefs[0].dtype)
    coefs = [W.astype(dtype, copy=False) for W in coefs]
    intercepts = [b.astype(dtype, copy=False) for b in intercepts]
    n, out = X.shape[0] if rows is None else len(rows), None
    step = block_rows([W.shape[1] for W in coefs] + ([] if issparse(X) else [X.shape[1]]))
    since, in_part = 0, n if issparse(X) else rows_in_part(X, n)
    with np.errstate(all="ignore"):
        for start in range(0, max(n, 1), step):
            block = slice(start, start + step)
            part = X[block] if rows is None else X[rows[block]]
            z = _finite_outputs(coefs, intercepts, activation, part, dtype)
            z = z if then is None else then(z)
            out = np.empty((n, *z.shape[1:]), z.dtype) if out is None else out
            out[block] = z
            if start + step - since >= in_part:
                release(X)
                since = start + step
    return out


def _finite_outputs(coefs, intercepts, activation, X, dtype):
    z = _forward(coefs, intercepts, activation, X)
    # The sum is finite where all terms are, but for sums that overflow, which cost a second look.
    if not np.isfinite(np.add.reduce(z, axis=None)):
        lost = np.flatnonzero(~np.isfinite(z).all(axis=1))
        z[lost] = _saturated(coefs, intercepts, activation, X[lost], dtype)
    return z


def layer_outputs(coefs, intercepts, activation, a, limit=None):
    """Yield a[1] … a[L-1] and z[L]; the weights are those of `fold`."""
    function = ACTIVATIONS[activation]
    forward, add_bias = (fastest(k, coefs[0].dtype) for k in (function.forward, kernels.add_bias))
    last = len(coefs) - 1
    for i, (W, b) in enumerate(zip(coefs, intercepts, strict=True)):
        z = a @ W
        add_bias(z, b)
        if limit:
            np.clip(z, -limit, limit, out=z)
        if i < last:
            forward(z, *np.empty((function.n_scratch, *z.shape), z.dtype))
        yield z
        a = z


def _forward(*args):
    for a in layer_outputs(*args):  # noqa: B007
        pass
    return a


def _saturated(coefs, intercepts, activation, X, dtype):
    def widen(array):
        if issparse(array):
            array = array.toarray()
        return np.clip(array.astype(np.float64), -SATURATION, SATURATION)

    z = _forward(*([widen(a) for a in arrays] for arrays in (coefs, intercepts)), activation,
                 widen(X), SATURATION)  # fmt: skip
    bound = np.finfo(dtype).max
    return np.clip(z, -bound, bound)
