"""The kernels in NumPy: in place, without temporaries of a batch's size where that is possible.

Those that θ goes through are complex-safe: fed θ + ih, each returns f + ih·f' to rounding, so that
complex-step differentiation proves backprop on the very code that trains. For this a branch looks
at ``z.real`` only, and nothing that is not analytic (abs, sign, maximum) touches a complex value.
"""

import threading

import numpy as np
from scipy.linalg.blas import daxpy, saxpy

# Elementwise ------------------------------------------------------------------------------------


def add_bias(z, b):
    """z + b, in place."""
    z += b


def add_member_bias(z, b):
    """z[j] + b[j] for each member j, in place: z of shape (k, m, n), b of (k, n)."""
    z += b[:, np.newaxis]


def logistic(z, out):
    """1 / (1 + e^-z) = (1 + tanh(z / 2)) / 2: no overflow, and no branch, for any z."""
    np.multiply(z, 0.5, out=out)
    np.tanh(out, out=out)
    out += 1
    out *= 0.5


def softplus(z, out):
    """log(1 + e^z) = max(z, 0) + log(1 + e^-|z|), written to out (which must not be z)."""
    positive = z.real > 0
    np.copyto(out, z)
    np.negative(out, out=out, where=positive)
    np.exp(out, out=out)
    np.log1p(out, out=out)
    np.add(out, z, out=out, where=positive)


def expm1_of_negatives(z):
    """e^z - 1 where z <= 0, z itself elsewhere, in place."""
    np.expm1(z, out=z, where=z.real <= 0)


def relu(z, slope):
    """z f' with f' = 1 where z > 0, else 0, kept in `slope`. Faster than np.maximum."""
    np.greater(z.real, 0, out=slope)
    z *= slope


def relu_backward(a, delta, slope):
    """δ f', with the f' that the forward pass kept."""
    delta *= slope


def logistic_backward(a, delta):
    """δ f' with f' = a (1 - a); overwrites a."""
    delta *= a
    np.subtract(1, a, out=a)
    delta *= a


def tanh_backward(a, delta):
    """δ f' with f' = 1 - a²; overwrites a."""
    a *= a
    np.subtract(1, a, out=a)
    delta *= a


def silu(z, sigmoid):
    """z σ(z), in place; σ is kept."""
    logistic(z, out=sigmoid)
    z *= sigmoid


def silu_backward(a, delta, sigmoid):
    """δ f' with f' = σ + a (1 - σ); overwrites a and σ."""
    sigmoid -= 1
    a *= sigmoid
    sigmoid += 1
    sigmoid -= a
    delta *= sigmoid


# Losses -----------------------------------------------------------------------------------------


def row_maximum(z):
    """The largest real part in each row, as a real column: a constant shift for log-sum-exp."""
    # Along the columns of a transposed copy: five times faster than along rows of ten numbers.
    return np.ascontiguousarray(z.real.T).max(axis=0)[:, np.newaxis]


def softmax_cross_entropy(z, y, epsilon):
    """The loss of each row for class codes y, smoothed by epsilon; z becomes its gradient."""
    rows = np.arange(len(z))
    z -= row_maximum(z)
    wanted = z[rows, y]
    if epsilon:
        wanted = (1 - epsilon) * wanted + epsilon * z.mean(axis=1)
    np.exp(z, out=z)
    total = z.dot(np.ones(z.shape[1], z.dtype))  # along ten numbers a sum takes thrice as long
    z /= total[:, np.newaxis]
    z[rows, y] -= 1 - epsilon
    if epsilon:
        z -= epsilon / z.shape[1]
    return np.log(total) - wanted


def binary_cross_entropy(z, y):
    """The loss of each element for targets y in [0, 1]; z becomes its gradient."""
    losses = np.empty_like(z)
    softplus(z, out=losses)
    losses -= y * z
    logistic(z, out=z)
    z -= y
    return losses


# Batch norm and dropout -------------------------------------------------------------------------


def batch_norm(z, p, gamma, beta, epsilon, y):
    """y = γ x̂ + β, and x̂ in place of z, rows weighted by p. Returns μ, σ² and 1 / √(σ² + ε)."""
    mean = p @ z
    z -= mean
    np.multiply(z, z, out=y)
    variance = p @ y
    inverse_std = 1 / np.sqrt(variance + epsilon)
    z *= inverse_std
    np.multiply(z, gamma, out=y)
    y += beta
    return mean, variance, inverse_std


def batch_norm_backward(delta, x_hat, p, scale, dgamma, dbeta, scratch):
    """dγ, dβ, and dL/dz in place of δ; `scale` is γ / √(σ² + ε). Overwrites x̂."""
    ones = np.ones(len(delta), delta.dtype)
    np.multiply(delta, x_hat, out=scratch)
    np.matmul(ones, scratch, out=dgamma)
    np.matmul(ones, delta, out=dbeta)
    x_hat *= dgamma
    x_hat += dbeta
    x_hat *= p[:, np.newaxis]
    delta -= x_hat
    delta *= scale


def dropout_mask(bits, last_kept, value, mask):
    """`value` where random bits say keep, else 0."""
    np.less_equal(bits, last_kept, out=mask)
    mask *= value


# θ as one vector ----------------------------------------------------------------------------------

# The update runs in blocks that fit the processor's cache: each is read from memory once, however
# many operations the formula has.
BLOCK = 32_768
_THREAD = threading.local()
_AXPY = {"f": saxpy, "d": daxpy}


def _blocks(*vectors):
    """The same consecutive pieces of several vectors, and two scratch arrays of their length."""
    n, dtype = len(vectors[0]), vectors[0].dtype
    kept = vars(_THREAD)  # made once in each thread, not at each step
    if dtype.str not in kept:
        kept[dtype.str] = np.empty((2, BLOCK), dtype)
    scratch = kept[dtype.str]
    if n <= BLOCK:
        yield *vectors, *scratch[:, :n]
        return
    for start in range(0, n, BLOCK):
        pieces = [v[start : start + BLOCK] for v in vectors]
        yield *pieces, *scratch[:, : len(pieces[0])]


def add_penalty(theta, grad, n_decayed, penalty):
    """grad + penalty · θ on the first n elements. Returns their Σ θ², and Σ grad² of all.

    Both vectors are contiguous: scipy would change a copy of any other.
    """
    weights = theta[:n_decayed]
    if n_decayed:
        _AXPY[theta.dtype.char](weights, grad[:n_decayed], a=penalty)
    return weights.dot(weights).item(), grad.dot(grad).item()


def descend(theta, grad, rate):
    """θ ← θ - η g."""
    for x, g, step, _ in _blocks(theta, grad):
        np.multiply(g, rate, out=step)
        x -= step


def descend_with_momentum(theta, grad, velocity, momentum, rate, nesterov):
    """v ← μ v - η g;  θ ← θ + v,  with Nesterov  θ ← θ + μ v - η g."""
    for x, g, v, step, _ in _blocks(theta, grad, velocity):
        np.multiply(g, rate, out=step)
        v *= momentum
        v -= step
        if not nesterov:
            x += v
            continue
        x -= step
        np.multiply(v, momentum, out=step)
        x += step


def rmsprop(theta, grad, second, beta, epsilon, rate):
    """s ← β s + g²;  θ ← θ - η g / (√s + ε)."""
    for x, g, s, step, rms in _blocks(theta, grad, second):
        s *= beta
        np.multiply(g, g, out=step)
        s += step
        np.sqrt(s, out=rms)
        rms += epsilon
        np.divide(g, rms, out=step)
        step *= rate
        x -= step


def adam(theta, grad, first, second, beta_1, beta_2, epsilon, rate):
    """m ← β₁ m + g;  s ← β₂ s + g²;  θ ← θ - η m / (√s + ε)."""
    for x, g, m, s, step, rms in _blocks(theta, grad, first, second):
        m *= beta_1
        m += g
        s *= beta_2
        np.multiply(g, g, out=step)
        s += step
        np.sqrt(s, out=rms)
        rms += epsilon
        np.divide(m, rms, out=step)
        step *= rate
        x -= step


# Tables -----------------------------------------------------------------------------------------

TABLE_BLOCK = 65_536  # numbers of a table at a time: 512 KiB of float64

# Columns of a table this narrow are gathered one after the other: the inner loops of NumPy then
# run along the rows instead of over a handful of columns.
NARROW = 16


def shifted_sums(x, w, shift):
    """Σ w, Σ w d, Σ w d², Σ w d³ and Σ w d⁴ of each column, and its min x and max x.

    d = x - shift in float64. NaN counts as absent.
    """
    m, n = x.shape
    sums = np.zeros((7, n))
    sums[5:] = np.nan
    n_rows = max(1, min(m, TABLE_BLOCK // n))
    order = "F" if n <= NARROW else "K"
    buffer = np.empty_like(x[:n_rows], dtype=np.float64, order=order)
    squares = np.empty_like(buffer)
    for start in range(0, m, n_rows):
        rows, p = x[start : start + n_rows], w[start : start + n_rows]
        d, dd = buffer[: len(rows)], squares[: len(rows)]
        if x.dtype == d.dtype:
            np.subtract(rows, shift, out=d)
        else:  # a cast of its own is faster than one inside the subtraction
            np.copyto(d, rows, casting="same_kind")
            d -= shift
        first, count = p @ d, p.sum()
        if np.isnan(first).any():  # only then look at the values one by one
            absent = np.isnan(d)
            d[absent] = 0
            first, count = p @ d, p @ ~absent
        sums[0] += count
        sums[1] += first
        sums[2] += p @ np.multiply(d, d, out=dd)
        sums[3] += p @ np.multiply(d, dd, out=d)
        sums[4] += p @ np.multiply(dd, dd, out=dd)
        sums[5] = np.fmin(sums[5], _fold(rows, np.fmin))
        sums[6] = np.fmax(sums[6], _fold(rows, np.fmax))
    return sums


def _fold(rows, function):
    """function.reduce(rows, axis=0), twice as fast: halves at a time, in long inner loops."""
    while len(rows) > 64:
        half = -(-len(rows) // 2)
        rows = function(rows[:half], rows[-half:])  # the middle row may be in both
    return function.reduce(rows, axis=0)


def standardize(x, mean, scale, rest=None, out=None):
    """(x - mean - rest) / scale; `rest` is what rounding took from the mean, if anything."""
    out = np.subtract(x, mean, out=out)
    if rest is not None:
        out -= rest
    out /= scale
