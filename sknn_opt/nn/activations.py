"""Hidden activations: a table of pairs, forward in place and backward in place.

``forward(z, *scratch)`` turns pre-activations z into activations a = f(z) in the same memory.
``backward(a, delta, *scratch)`` turns dL/da, in ``delta``, into dL/dz = dL/da · f'(z). It may
overwrite ``a`` and the scratch arrays: nobody needs them after it. An activation whose derivative
cannot be written in terms of a asks for ``n_scratch`` arrays of z's shape, which carry what its
backward needs from forward to backward.

``gain`` is the factor g by which weights must exceed standard deviation 1/√n_in so that signals
neither vanish nor explode. With z ~ N(0, q) in one wide layer, the next has
    q' = g² E[(f(z) - f(0))²],    and a gradient passing back is multiplied by  g² E[f'(z)²].
g is chosen such that a gradient passes unchanged through 20 layers, q starting at 1. This gives √2
for relu, as He et al. (2015) found, and a value for logistic, which the usual tables lack. selu
keeps 1, at which q = 1 is its fixed point. For gelu, silu, softplus and mish no gain holds q for
good: they are flatter for small signals and steeper for large ones, so q leaves 1 with depth.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from sknn_opt.kernels import with_numpy as kernels

LEAKY_SLOPE = 0.01
# Klambauer et al. (2017), "Self-normalizing neural networks": zero mean and unit variance are a
# fixed point for exactly these two numbers.
SELU_SCALE = 1.0507009873554805
SELU_ALPHA = 1.6732632423543772


@dataclass(frozen=True)
class Activation:
    """An activation function: its two passes, its gain and its value at rest, f(0).

    A homogeneous one has f(c z) = c f(z) for c > 0: it bends alike at every scale of z.
    """

    forward: Callable
    backward: Callable
    gain: float
    at_rest: float = 0.0
    n_scratch: int = 0
    is_homogeneous: bool = False


def _identity_forward(z):
    pass


def _identity_backward(a, delta):
    pass


def _logistic_forward(z):
    kernels.logistic(z, out=z)


def _tanh_forward(z):
    np.tanh(z, out=z)


def _multiply_by_slope(a, delta, slope):
    delta *= slope


def _leaky_relu_forward(z, slope):
    # f' = 1 where z > 0, else 0.01; f = z f'
    np.greater(z.real, 0, out=slope)
    slope *= 1 - LEAKY_SLOPE
    slope += LEAKY_SLOPE
    z *= slope


def _elu_backward(a, delta):
    # f' = 1 where a > 0, else e^z = a + 1
    np.minimum(a, 0, out=a)
    a += 1
    delta *= a


def _selu_forward(z):
    # f = λ z where z > 0, else λ α (e^z - 1)
    negative = z.real <= 0
    kernels.expm1_of_negatives(z)
    np.multiply(z, SELU_ALPHA, out=z, where=negative)
    z *= SELU_SCALE


def _selu_backward(a, delta):
    # f' = λ where a > 0, else λ α e^z = a + λ α
    positive = a > 0
    a += SELU_SCALE * SELU_ALPHA
    np.copyto(a, SELU_SCALE, where=positive)
    delta *= a


def _gelu_forward(z, cdf, z_kept):
    # f = z Φ(z), Φ the standard normal distribution function
    np.copyto(z_kept, z)
    ndtr(z, out=cdf)
    z *= cdf


def _gelu_backward(a, delta, cdf, z):
    # f' = Φ(z) + z φ(z); beyond |z| = 40 the density is 0 in double precision
    np.clip(z, -40, 40, out=z)
    np.multiply(z, z, out=a)
    a *= -0.5
    np.exp(a, out=a)
    a *= 1 / math.sqrt(2 * math.pi)
    a *= z
    a += cdf
    delta *= a


def _softplus_forward(z, out):
    kernels.softplus(z, out=out)
    np.copyto(z, out)


def _softplus_backward(a, delta, _):
    # f' = σ(z) = 1 - e^-a
    np.negative(a, out=a)
    np.expm1(a, out=a)
    np.negative(a, out=a)
    delta *= a


def _mish_forward(z, t, z_kept):
    # f = z t, t = tanh(log(1 + e^z))
    np.copyto(z_kept, z)
    kernels.softplus(z, out=t)
    np.tanh(t, out=t)
    z *= t


def _mish_backward(a, delta, t, z):
    # f' = t + z σ(z) (1 - t²)
    kernels.logistic(z, out=a)
    a *= z
    np.multiply(t, t, out=z)
    np.subtract(1, z, out=z)
    a *= z
    a += t
    delta *= a


ACTIVATIONS = {
    "identity": Activation(_identity_forward, _identity_backward, gain=1.0, is_homogeneous=True),
    "logistic": Activation(_logistic_forward, kernels.logistic_backward, gain=4.558, at_rest=0.5),
    "tanh": Activation(_tanh_forward, kernels.tanh_backward, gain=1.243),
    "relu": Activation(
        kernels.relu, kernels.relu_backward, gain=math.sqrt(2), n_scratch=1, is_homogeneous=True
    ),
    "leaky_relu": Activation(
        _leaky_relu_forward,
        _multiply_by_slope,
        gain=math.sqrt(2 / (1 + LEAKY_SLOPE**2)),
        n_scratch=1,
        is_homogeneous=True,
    ),
    "elu": Activation(kernels.expm1_of_negatives, _elu_backward, gain=1.201),
    "selu": Activation(_selu_forward, _selu_backward, gain=1.0),
    "gelu": Activation(_gelu_forward, _gelu_backward, gain=1.524, n_scratch=2),
    "silu": Activation(kernels.silu, kernels.silu_backward, gain=1.669, n_scratch=1),
    "softplus": Activation(
        _softplus_forward, _softplus_backward, gain=1.865, at_rest=math.log(2), n_scratch=1
    ),
    "mish": Activation(_mish_forward, _mish_backward, gain=1.470, n_scratch=2),
}
