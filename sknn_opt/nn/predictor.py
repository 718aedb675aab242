"""A network as it predicts: batch norm folded away, rows in blocks that fit the cache.

    z = f(… f(X W[1] + b[1]) …) W[L] + b[L]

Batch norm with fixed statistics is affine, so it goes into the layer below:
W' = W · s and b' = β - μ · s, with s = γ / √(σ² + ε). So do the learned scales of the inputs.
"""

from collections import deque
from itertools import islice

import numpy as np
from scipy.sparse import issparse

from sknn_opt.arrays.threads import UNTHREADED, blas_threads
from sknn_opt.kernels import fastest
from sknn_opt.kernels import with_numpy as kernels
from sknn_opt.nn.activations import ACTIVATIONS
from sknn_opt.nn.layers import BatchNorm
from sknn_opt.nn.members import pool

BLOCK_ELEMENTS = 2**16
MIN_BLOCK_ROWS = 64


def fold(architecture, theta, statistics):
    """The weight matrices and biases of the network as it predicts.

    Without batch norm these are views of θ; folded ones are read-only.

    Returns
    -------
    coefs, intercepts : lists of ndarray
    """
    coefs, intercepts, blocks = [], [], architecture.blocks
    for i in range(1, architecture.n_layers + 1):
        place, shape = blocks[f"W[{i}]"]
        W = theta[place].reshape(shape)
        if i == 1 and architecture.input_scale:
            W = W * _input_scale(architecture, theta)
            W.flags.writeable = False
        if f"b[{i}]" in blocks:
            coefs.append(W)
            place, shape = blocks[f"b[{i}]"]
            intercepts.append(theta[place].reshape(shape))
            continue
        scale, mean = _scale_and_mean(architecture, theta, statistics, i)
        beta = blocks[f"beta[{i}]"].of(theta)
        coefs.append((W * scale[..., np.newaxis, :]).astype(theta.dtype, copy=False))
        intercepts.append((beta - mean * scale).astype(theta.dtype, copy=False))
        coefs[-1].flags.writeable = intercepts[-1].flags.writeable = False  # copies
    return coefs, intercepts


def unfold(architecture, weights, coefs=None, intercepts=None):
    """Change θ such that `fold` gives these: W = W' / s and β = b' + μ · s.

    Raises
    ------
    ValueError
        If batch norm, or the scale of an input, multiplies weights by an s of 0, or too small.
    """
    theta, blocks = weights.theta, architecture.blocks
    for i in range(1, architecture.n_layers + 1):
        scale, mean, bias = np.ones(1, theta.dtype), 0.0, f"b[{i}]"
        if bias not in blocks:
            scale, mean = _scale_and_mean(architecture, theta, weights.statistics, i)
            bias = f"beta[{i}]"
        if coefs is not None:
            W, folded = blocks[f"W[{i}]"].of(theta), coefs[i - 1]
            scaled = i == 1 and architecture.input_scale
            by_input = _input_scale(architecture, theta) if scaled else np.ones(1)
            by_unit = scale[..., np.newaxis, :]
            factor = by_unit * by_input
            with np.errstate(all="ignore"):
                W[...] = np.where((factor == 0) & (folded == 0), W, folded / factor)
            if not np.isfinite(W).all():
                raise ValueError(_no_way_back(i, W, by_unit, by_input))
        if intercepts is not None:
            blocks[bias].of(theta)[...] = intercepts[i - 1] + mean * scale


def _no_way_back(layer, W, by_unit, by_input):
    """Why no weights make these coefs."""
    place = tuple(np.argwhere(~np.isfinite(W))[0])
    *_, source, unit = place
    of_unit, of_input = (np.broadcast_to(factor, W.shape)[place] for factor in (by_unit, by_input))
    if abs(of_unit) <= abs(of_input):
        what = f"batch norm multiplies the weights of unit {unit} by {of_unit:g} = gamma / "
        what, block = what + "sqrt(variance + epsilon)", f"gamma[{layer}]"
    else:
        what = f"input_scale multiplies the weights of input {source} by {of_input:g}"
        block = f"scale[{layer}]"
    return (
        f"coefs_[{layer - 1}] cannot be set: {what}, which no weights make up for. Set {block} in "
        "theta_ to 1 first."
    )


def _input_scale(architecture, theta):
    """The learned scales of the inputs, as a column beside W[1]."""
    scale = architecture.blocks["scale[1]"].of(theta)
    return (scale * architecture.input_factors).astype(theta.dtype)[..., np.newaxis]


def _scale_and_mean(architecture, theta, statistics, layer):
    """Batch norm with fixed statistics: s = γ / √(σ² + ε), and μ."""
    mean, variance = (
        architecture.statistics[f"{name}[{layer}]"].of(statistics) for name in ("mean", "variance")
    )
    gamma = architecture.blocks[f"gamma[{layer}]"].of(theta)
    return gamma / np.sqrt(variance + BatchNorm.EPSILON), mean


class Predictor:
    """The network of some weights, ready to predict.

    It reads the arrays of the weights that it was made of; with batch norm the folded ones are
    copies. `units`, a function or None, takes predictions to the units of the user.
    """

    def __init__(self, architecture, weights, units=None):
        self.weights, self.units = weights, units
        self.coefs, self.intercepts = fold(architecture, weights.theta, weights.statistics)
        self._function = ACTIVATIONS[architecture.activation]
        self._n_units, self._largest = architecture.n_units, architecture.largest_product
        self._n_members = architecture.n_members
        self._link = architecture.loss.link if architecture.n_members > 1 else None

    def outputs(self, X, then, rows=None, depth=None, *, apart=False):
        """What `then` makes of the raw outputs of the rows of X (or of those that `rows` names).

        With `depth`, of the activations a[depth] of a hidden layer, of several members one beside
        the other. `then` gets the outputs of all members together or, `apart`, those of each, of
        shape (n_members, n_rows, n_outputs).

        They are in the wider dtype of X and θ, and finite for finite X: where sums overflow, the
        rows are computed again in double precision. `then` gets a block of rows at a time
        and returns an array with as many rows, so that nothing of the size of X is made but the
        result.
        """
        n, sparse = X.shape[0] if rows is None else len(rows), issparse(X)
        width = self._n_members * max(self._n_units[sparse:])
        step = max(MIN_BLOCK_ROWS, BLOCK_ELEMENTS // width)
        with np.errstate(all="ignore"):
            if n <= step and n * self._largest < UNTHREADED:
                return then(self._raw_outputs(X if rows is None else X[rows], depth, apart))
            with blas_threads(min(n, step), self._n_units):
                return self._by_blocks(X, then, rows, n, step, (depth, apart))

    def _by_blocks(self, X, then, rows, n, step, which):
        out = None
        for start in range(0, n, step):
            block = slice(start, start + step)
            made = then(self._raw_outputs(X[block] if rows is None else X[rows[block]], *which))
            out = np.empty((n, *made.shape[1:]), made.dtype) if out is None else out
            out[block] = made
        return out

    def _raw_outputs(self, X, depth=None, apart=False):
        (z,) = deque(islice(self.layer_outputs(X), depth), maxlen=1)
        # The sum is finite where all terms are, but for sums that overflow, which cost a second
        # look.
        if not np.isfinite(np.add.reduce(z, axis=None)):
            bad = ~np.isfinite(z).all(axis=-1)
            lost = np.flatnonzero(bad.any(axis=0) if bad.ndim > 1 else bad)
            in_double = self.layer_outputs(X[lost].astype(np.float64))
            (wide,) = deque(islice(in_double, depth), maxlen=1)
            if np.isfinite(self.weights.theta).all():
                wide = np.nan_to_num(wide)  # the net diverged: no worse than 0 or the bound
            bound = np.finfo(z.dtype).max
            z[..., lost, :] = np.clip(wide, -bound, bound)
        if apart:
            return z.reshape(self._n_members, *z.shape[-2:])
        if self._link is None:
            return z
        return pool(z, self._link) if depth is None else np.concatenate(z, axis=1)

    def layer_outputs(self, X):
        """Yield a[1] … a[L-1] and z[L]; of several members as (n_members, n_rows, n_units)."""
        dtype = np.result_type(X.dtype, self.weights.theta.dtype)
        function, last, a = self._function, len(self.coefs) - 1, X
        packed = self._link is not None
        bias_kernel = kernels.add_member_bias if packed else kernels.add_bias
        forward, add_bias = fastest(function.forward, dtype), fastest(bias_kernel, dtype)
        for i, W in enumerate(self.coefs):
            W, b = W.astype(dtype, copy=False), self.intercepts[i].astype(dtype, copy=False)
            z = np.stack([a @ own for own in W]) if packed and issparse(a) else a @ W
            add_bias(z, b)
            rows = z.reshape(-1, z.shape[-1]) if packed else z
            if i < last:
                forward(rows, *np.empty((function.n_scratch, *rows.shape), dtype))
            yield z
            a = z
