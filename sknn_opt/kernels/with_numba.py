"""Compiled twins of kernels in `with_numpy`: the same results, to rounding, in one pass.

Only what numba does better stands here: elementwise functions such as exp and tanh stay NumPy's,
which has them for whole vectors of the processor. The machine code is kept on disk, so that each
kernel is compiled once for a dtype, never for a size.
"""

import numba
import numpy as np

from sknn_opt.kernels import with_numpy as reference

TWINS: dict = {}


def _compiled(function, **options):
    options |= {"nopython": True, "nogil": True, "error_model": "numpy"}
    try:
        return numba.jit(cache=True, **options)(function)
    except RuntimeError:  # nowhere to keep it: neither this folder nor the user's can be written
        return numba.jit(**options)(function)


def _compiled_reduction(function):
    """Sums may be taken in another order, several terms at a time: the same one on each call."""
    return _compiled(function, fastmath={"reassoc", "contract", "nsz"})


def _twin_of(kernel):
    def register(function):
        TWINS[kernel] = function
        return function

    return register


# Elementwise ------------------------------------------------------------------------------------


@_twin_of(reference.add_bias)
@_compiled
def add_bias(z, b):
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            z[i, j] += b[j]


@_twin_of(reference.add_member_bias)
@_compiled
def add_member_bias(z, b):
    for k in range(z.shape[0]):
        for i in range(z.shape[1]):
            for j in range(z.shape[2]):
                z[k, i, j] += b[k, j]


@_twin_of(reference.relu)
@_compiled
def relu(z, slope):
    zero, one = z.dtype.type(0), z.dtype.type(1)
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            z[i, j] *= one if z[i, j] > zero else zero


@_twin_of(reference.relu_backward)
@_compiled
def relu_backward(a, delta, slope):
    """Reads f' off a: a > 0 where z was, and nothing has to be kept."""
    zero, one = a.dtype.type(0), a.dtype.type(1)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            delta[i, j] *= one if a[i, j] > zero else zero


@_twin_of(reference.logistic_backward)
@_compiled
def logistic_backward(a, delta):
    one = a.dtype.type(1)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            delta[i, j] = delta[i, j] * a[i, j] * (one - a[i, j])


@_twin_of(reference.tanh_backward)
@_compiled
def tanh_backward(a, delta):
    one = a.dtype.type(1)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            delta[i, j] *= one - a[i, j] * a[i, j]


@_twin_of(reference.silu)
def silu(z, sigmoid):
    np.multiply(z, 0.5, out=sigmoid)
    np.tanh(sigmoid, out=sigmoid)
    _multiply_by_sigmoid(z, sigmoid)


@_compiled
def _multiply_by_sigmoid(z, tanh):
    """z σ, and σ = (1 + tanh(z / 2)) / 2 in place of the tanh."""
    one, half = z.dtype.type(1), z.dtype.type(0.5)
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            tanh[i, j] = (tanh[i, j] + one) * half
            z[i, j] *= tanh[i, j]


@_twin_of(reference.silu_backward)
@_compiled
def silu_backward(a, delta, sigmoid):
    one = a.dtype.type(1)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            delta[i, j] *= sigmoid[i, j] - a[i, j] * (sigmoid[i, j] - one)


# Losses -----------------------------------------------------------------------------------------


@_twin_of(reference.softmax_cross_entropy)
def softmax_cross_entropy(z, y, epsilon):
    losses, y = np.empty(len(z), z.dtype), y.astype(np.intp, copy=False)  # one type to compile
    _shift_by_maximum(z, y, epsilon, losses)
    np.exp(z, out=z)
    _to_gradient(z, y, epsilon, losses)
    return losses


@_compiled
def _shift_by_maximum(z, y, epsilon, losses):
    """z - max z of each row; minus what the true class (with smoothing: all classes) should get."""
    epsilon = z.dtype.type(epsilon)
    share = epsilon / z.dtype.type(z.shape[1])
    keep = z.dtype.type(1) - epsilon
    for i in range(z.shape[0]):
        largest = z[i, 0]
        for j in range(1, z.shape[1]):
            largest = max(largest, z[i, j])
        total = z.dtype.type(0)
        for j in range(z.shape[1]):
            z[i, j] -= largest
            total += z[i, j]
        losses[i] = -keep * z[i, y[i]]
        if epsilon > 0:
            losses[i] -= share * total


@_compiled
def _to_gradient(z, y, epsilon, losses):
    """e^z becomes softmax(z) - y; log Σ e^z is added to the losses."""
    epsilon = z.dtype.type(epsilon)
    share = epsilon / z.dtype.type(z.shape[1])
    keep = z.dtype.type(1) - epsilon
    for i in range(z.shape[0]):
        total = z.dtype.type(0)
        for j in range(z.shape[1]):
            total += z[i, j]
        for j in range(z.shape[1]):
            z[i, j] = z[i, j] / total - share
        z[i, y[i]] -= keep
        losses[i] += np.log(total)


@_twin_of(reference.binary_cross_entropy)
@_compiled
def binary_cross_entropy(z, y):
    zero, one = z.dtype.type(0), z.dtype.type(1)
    losses = np.empty(z.shape, z.dtype)
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            e = np.exp(-abs(z[i, j]))
            losses[i, j] = max(z[i, j], zero) + np.log1p(e) - y[i, j] * z[i, j]
            z[i, j] = (one if z[i, j] > zero else e) / (one + e) - y[i, j]
    return losses


# Batch norm and dropout -------------------------------------------------------------------------


# Whole-array operations stay out of the compiled parts: compiling those takes seconds. Sums are
# taken in float64: a running sum of many float32 numbers loses digits that BLAS keeps.


@_twin_of(reference.batch_norm)
def batch_norm(z, p, gamma, beta, epsilon, y):
    sums = np.zeros((2, z.shape[1]))
    _add_weighted_rows(z, p, sums[0])
    mean = sums[0].astype(z.dtype)
    _center(z, p, mean, sums[1])
    variance = sums[1].astype(z.dtype)
    inverse_std = 1 / np.sqrt(variance + epsilon)
    _scale_and_shift(z, inverse_std, gamma, beta, y)
    return mean, variance, inverse_std


@_compiled
def _add_weighted_rows(z, p, sums):
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            sums[j] += p[i] * z[i, j]


@_compiled
def _center(z, p, mean, sums):
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            z[i, j] -= mean[j]
            sums[j] += p[i] * (z[i, j] * z[i, j])


@_compiled
def _scale_and_shift(z, inverse_std, gamma, beta, y):
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            z[i, j] *= inverse_std[j]
            y[i, j] = z[i, j] * gamma[j] + beta[j]


@_twin_of(reference.batch_norm_backward)
def batch_norm_backward(delta, x_hat, p, scale, dgamma, dbeta, scratch):
    sums = np.zeros((2, delta.shape[1]))
    _add_products(delta, x_hat, *sums)
    dgamma[:], dbeta[:] = sums
    _through_mean_and_variance(delta, x_hat, p, scale, dgamma, dbeta)


@_compiled
def _add_products(delta, x_hat, of_gamma, of_beta):
    for i in range(delta.shape[0]):
        for j in range(delta.shape[1]):
            of_gamma[j] += delta[i, j] * x_hat[i, j]
            of_beta[j] += delta[i, j]


@_compiled
def _through_mean_and_variance(delta, x_hat, p, scale, dgamma, dbeta):
    for i in range(delta.shape[0]):
        for j in range(delta.shape[1]):
            shared = p[i] * (dbeta[j] + x_hat[i, j] * dgamma[j])
            delta[i, j] = (delta[i, j] - shared) * scale[j]


@_twin_of(reference.dropout_mask)
@_compiled
def dropout_mask(bits, last_kept, value, mask):
    value, zero = mask.dtype.type(value), mask.dtype.type(0)
    for k in range(mask.size):
        mask[k] = value if bits[k] <= last_kept else zero


# θ as one vector ----------------------------------------------------------------------------------


@_twin_of(reference.add_penalty)
@_compiled_reduction
def add_penalty(theta, grad, n_decayed, penalty):
    penalty = theta.dtype.type(penalty)
    squares = length = 0.0
    for k in range(n_decayed):
        squares += np.float64(theta[k]) * theta[k]
        grad[k] += penalty * theta[k]
        length += np.float64(grad[k]) * grad[k]
    for k in range(n_decayed, grad.size):
        length += np.float64(grad[k]) * grad[k]
    return squares, length


@_twin_of(reference.descend)
@_compiled
def descend(theta, grad, rate):
    rate = theta.dtype.type(rate)
    for k in range(theta.size):
        theta[k] -= rate * grad[k]


@_twin_of(reference.descend_with_momentum)
@_compiled
def descend_with_momentum(theta, grad, velocity, momentum, rate, nesterov):
    momentum, rate = theta.dtype.type(momentum), theta.dtype.type(rate)
    for k in range(theta.size):
        step = rate * grad[k]
        velocity[k] = momentum * velocity[k] - step
        theta[k] += momentum * velocity[k] - step if nesterov else velocity[k]


@_twin_of(reference.rmsprop)
@_compiled
def rmsprop(theta, grad, second, beta, epsilon, rate):
    beta, epsilon = theta.dtype.type(beta), theta.dtype.type(epsilon)
    rate = theta.dtype.type(rate)
    for k in range(theta.size):
        second[k] = beta * second[k] + grad[k] * grad[k]
        theta[k] -= rate * (grad[k] / (np.sqrt(second[k]) + epsilon))


@_twin_of(reference.adam)
@_compiled
def adam(theta, grad, first, second, beta_1, beta_2, epsilon, rate):
    beta_1, beta_2 = theta.dtype.type(beta_1), theta.dtype.type(beta_2)
    epsilon, rate = theta.dtype.type(epsilon), theta.dtype.type(rate)
    for k in range(theta.size):
        first[k] = beta_1 * first[k] + grad[k]
        second[k] = beta_2 * second[k] + grad[k] * grad[k]
        theta[k] -= rate * (first[k] / (np.sqrt(second[k]) + epsilon))


# Tables -----------------------------------------------------------------------------------------


@_twin_of(reference.shifted_sums)
def shifted_sums(x, w, shift):
    # Others would be compiled anew for each type and layout of theirs, and gain little.
    if x.dtype.char not in "fd" or not x.dtype.isnative or not x.flags.c_contiguous:
        return reference.shifted_sums(x, w, shift)
    sums, bounds = np.zeros((7, x.shape[1])), np.empty((2, x.shape[1]), x.dtype)
    bounds[0], bounds[1] = np.inf, -np.inf
    args = tuple(map(_read_only, (x, w, shift)))
    _add_shifted_sums(*args, sums, *bounds, np.empty((4, x.shape[1])))
    sums[5:] = np.where(bounds[0] > bounds[1], np.nan, bounds)  # no value at all
    if np.isnan(sums[1]).any():
        sums[:5] = 0
        _add_shifted_sums_of_present(*args, sums)
    else:
        sums[0] = w.sum()
    return sums


def _read_only(array):
    """A view that cannot be written to: numba compiles separately for one that can."""
    view = array.view()
    view.flags.writeable = False
    return view


@_compiled
def _add_shifted_sums(x, w, shift, sums, low, high, part):
    # A sum of a hundred thousand numbers, one after the other, loses four digits: sums of sums.
    # Four rows at a time: a sum is read and written once for all four.
    for start in range(0, x.shape[0], 128):
        part[:] = 0.0
        stop = min(start + 128, x.shape[0])
        rest = stop - (stop - start) % 4
        for i in range(start, rest, 4):
            for j in range(x.shape[1]):
                x0, x1, x2, x3 = x[i, j], x[i + 1, j], x[i + 2, j], x[i + 3, j]
                d0, d1, d2, d3 = x0 - shift[j], x1 - shift[j], x2 - shift[j], x3 - shift[j]
                t0, t1, t2, t3 = w[i] * d0, w[i + 1] * d1, w[i + 2] * d2, w[i + 3] * d3
                part[0, j] += (t0 + t1) + (t2 + t3)
                t0, t1, t2, t3 = t0 * d0, t1 * d1, t2 * d2, t3 * d3
                part[1, j] += (t0 + t1) + (t2 + t3)
                t0, t1, t2, t3 = t0 * d0, t1 * d1, t2 * d2, t3 * d3
                part[2, j] += (t0 + t1) + (t2 + t3)
                part[3, j] += (t0 * d0 + t1 * d1) + (t2 * d2 + t3 * d3)
                least, most = low[j], high[j]
                least = x0 if x0 < least else least  # NaN is not
                least = x1 if x1 < least else least
                least = x2 if x2 < least else least
                least = x3 if x3 < least else least
                most = x0 if x0 > most else most
                most = x1 if x1 > most else most
                most = x2 if x2 > most else most
                most = x3 if x3 > most else most
                low[j], high[j] = least, most
        for i in range(rest, stop):
            for j in range(x.shape[1]):
                value = x[i, j]
                d = value - shift[j]
                term = w[i] * d
                for k in range(4):
                    part[k, j] += term
                    term *= d
                low[j] = value if value < low[j] else low[j]
                high[j] = value if value > high[j] else high[j]
        for k in range(4):
            for j in range(x.shape[1]):
                sums[k + 1, j] += part[k, j]


@_compiled
def _add_shifted_sums_of_present(x, w, shift, sums):
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            d = x[i, j] - shift[j]
            present = d == d
            weight, d = w[i] if present else 0.0, d if present else 0.0
            sums[0, j] += weight
            sums[1, j] += weight * d
            sums[2, j] += weight * d * d
            sums[3, j] += weight * d * d * d
            sums[4, j] += weight * d * d * d * d


@_twin_of(reference.standardize)
def standardize(x, mean, scale, rest=None, out=None):
    small = 8 * mean.size > out.size  # then it is the operands that take the time
    if small or out.dtype.char not in "fd" or not out.flags.c_contiguous:
        return reference.standardize(x, mean, scale, rest, out)
    if x is not out:
        np.copyto(out, x, casting="same_kind")  # and the block waits in the cache
    mean, scale = mean.astype(np.float64), scale.astype(np.float64)
    if rest is not None:
        mean += rest
    if out.dtype.char == "d":
        _subtract_and_divide(out, mean, scale)
    else:
        # Computed in float64 and rounded once: as exact as a division, and faster.
        _subtract_and_multiply(out, mean, 1 / scale)


# The operands have a number for each row, as a column, or for each column, as a row. In place,
# since a loop from one array to another is not vectorized where both are the same.


@_compiled
def _subtract_and_divide(z, mean, scale):
    of_rows = mean.shape == (len(z), 1)
    for i in range(z.shape[0]):
        if of_rows:
            for j in range(z.shape[1]):
                z[i, j] = (z[i, j] - mean[i, 0]) / scale[i, 0]
        else:
            for j in range(z.shape[1]):
                z[i, j] = (z[i, j] - mean[0, j]) / scale[0, j]


@_compiled
def _subtract_and_multiply(z, mean, factor):
    of_rows = mean.shape == (len(z), 1)
    for i in range(z.shape[0]):
        if of_rows:
            for j in range(z.shape[1]):
                z[i, j] = (z[i, j] - mean[i, 0]) * factor[i, 0]
        else:
            for j in range(z.shape[1]):
                z[i, j] = (z[i, j] - mean[0, j]) * factor[0, j]
