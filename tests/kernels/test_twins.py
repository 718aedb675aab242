"""Every compiled kernel against its NumPy twin, on random and on hostile input."""

import io
import math
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from sknn_opt import InputNormalizer
from sknn_opt.kernels import fastest, with_numpy
from sknn_opt.optim import Adam

with_numba = pytest.importorskip("sknn_opt.kernels.with_numba", exc_type=ImportError)

HOSTILE = [0.0, -0.0, np.nan, np.inf, -np.inf, 1e-310, -1e-40, 1e300, -1e38, 1.0]


def matrix(rng, dtype, shape=(37, 11)):
    return rng.normal(size=shape).astype(dtype)


def strided(a):
    """The same numbers, apart in memory."""
    wide = np.zeros((*a.shape[:-1], 2 * a.shape[-1]), a.dtype)
    view = wide[..., ::2]
    view[...] = a
    return view


def share(rng, dtype, n):
    p = rng.random(n).astype(dtype)
    return p / p.sum()


def arguments(kernel, rng, dtype, shape):
    """A call of a kernel: arrays of a shape (rows, units), and its knobs."""
    m, n = shape
    z, delta = (matrix(rng, dtype, shape) for _ in range(2))
    row = rng.normal(size=(5, n)).astype(dtype)
    theta = rng.normal(size=(4, m * n)).astype(dtype)
    theta[3] **= 2  # a second moment
    codes = rng.integers(0, max(n, 1), m)
    bits = rng.integers(0, 2**16, m * n, dtype=np.uint16)
    p = share(rng, dtype, m) if m else np.empty(0, dtype)
    return {
        "add_bias": (z, row[0]),
        "add_member_bias": (np.stack([z, delta]), row[:2]),
        "silu": (z, np.empty_like(z)),
        "silu_backward": (z, delta, 1 / (1 + np.exp(-row[:1] - z))),
        "relu": (z, np.empty_like(z)),
        "relu_backward": (np.maximum(z, 0), delta, (z > 0).astype(dtype)),
        "logistic_backward": (z, delta),
        "tanh_backward": (z, delta),
        "softmax_cross_entropy": (z, codes, 0.0),
        "binary_cross_entropy": (z, (delta > 0).astype(dtype)),
        "batch_norm": (z, p, row[0], row[1], 1e-5, np.empty_like(z)),
        "batch_norm_backward": (delta, z, p, *row[:3], np.empty_like(z)),
        "dropout_mask": (bits, 40_000, 1.25, np.empty(m * n, dtype)),
        "add_penalty": (theta[0], theta[1], (m * n) // 2, 0.3),
        "descend": (theta[0], theta[1], 0.1),
        "descend_with_momentum": (*theta[:3], 0.9, 0.1, True),
        "rmsprop": (theta[0], theta[1], theta[3], 0.9, 1e-8, 0.1),
        "shifted_sums": (z, rng.random(m), rng.normal(size=n)),
        "standardize": (z, row[:1], row[1:2] ** 2 + 1, 1e-7 * row[2:3], np.empty_like(z)),
        "adam": (*theta, 0.9, 0.999, 1e-8, 0.1),
    }[kernel.__name__]


# What a kernel leaves behind in arguments that nobody reads afterwards.
SCRATCH = {
    "relu": (1,),  # the compiled relu keeps no slope
    "logistic_backward": (0,),
    "tanh_backward": (0,),
    "silu_backward": (0, 2),
    "batch_norm_backward": (1, 6),
}


def both(kernel, args):
    """The results of the two bodies: what is returned, and what the arguments became."""
    for body in (kernel, with_numba.TWINS[kernel]):
        own = [strided_copy(a) if isinstance(a, np.ndarray) else a for a in args]
        with np.errstate(all="ignore"):
            returned = body(*own)
        scratch = SCRATCH.get(kernel.__name__, ())
        kept = [a for k, a in enumerate(own) if isinstance(a, np.ndarray) and k not in scratch]
        yield [] if returned is None else list(np.atleast_1d(returned)), kept


def strided_copy(a):
    return a.copy() if a.flags.c_contiguous else strided(a)


def assert_twins_agree(kernel, args, dtype, rtol):
    (returned, arrays), (returned_2, arrays_2) = both(kernel, args)
    tiny = np.finfo(dtype).tiny
    for numpy_s, numba_s in zip([*returned, *arrays], [*returned_2, *arrays_2], strict=True):
        assert np.asarray(numpy_s).dtype == np.asarray(numba_s).dtype
        scale = np.abs(numpy_s)[np.isfinite(numpy_s)].max(initial=0) if np.size(numpy_s) else 0
        atol = rtol * min(scale, 1e6) + tiny
        np.testing.assert_allclose(numba_s, numpy_s, rtol=rtol, atol=atol)


@pytest.fixture(params=list(with_numba.TWINS), ids=lambda kernel: kernel.__name__)
def kernel(request):
    return request.param


@pytest.fixture(params=[np.float32, np.float64], ids=["float32", "float64"])
def dtype(request):
    return request.param


def tolerance(dtype):
    return 64 * np.finfo(dtype).eps


@pytest.mark.parametrize("shape", [(1, 1), (37, 11), (5, 1), (1, 300), (256, 64)])
def test_random_input(kernel, dtype, shape):
    rng = np.random.default_rng(0)
    assert_twins_agree(kernel, arguments(kernel, rng, dtype, shape), dtype, tolerance(dtype))


@pytest.mark.parametrize("shape", [(0, 4)])
def test_no_rows(kernel, dtype, shape):
    args = arguments(kernel, np.random.default_rng(0), dtype, shape)
    assert_twins_agree(kernel, args, dtype, tolerance(dtype))


def test_hostile_input(kernel, dtype):
    """NaN, infinities, zeros of both signs, denormals and huge numbers, each in turn."""
    rng = np.random.default_rng(0)
    for value in HOSTILE:
        with np.errstate(over="ignore", under="ignore"):
            value = dtype(value)
        if kernel is with_numpy.add_penalty and np.sqrt(np.finfo(dtype).max) < abs(value) < np.inf:
            continue  # the compiled sums of squares are float64: they overflow later
        args = arguments(kernel, rng, dtype, (6, 5))
        for a in args:
            # Codes, bits and shares of rows are never anything but what they should be.
            is_share = isinstance(a, np.ndarray) and a.shape == (6,)
            if isinstance(a, np.ndarray) and a.dtype == dtype and a.size and not is_share:
                a.reshape(-1)[:: 4 if a.size > 5 else 2] = value
        if kernel.__name__ in ("adam", "rmsprop"):
            second = args[3] if kernel.__name__ == "adam" else args[2]
            np.abs(second, out=second)
        if kernel is with_numpy.relu_backward:
            np.greater(args[0], 0, out=args[2])  # the slope of this very a
        assert_same_where_it_matters(kernel, args, dtype)


def assert_same_where_it_matters(kernel, args, dtype):
    """Equal to rounding; a NaN or an infinity stands where the other body has one too."""
    (returned, arrays), (returned_2, arrays_2) = both(kernel, args)
    for first, second in zip([*returned, *arrays], [*returned_2, *arrays_2], strict=True):
        first, second = np.asarray(first), np.asarray(second)
        fine = np.isfinite(first)
        np.testing.assert_array_equal(np.isfinite(second), fine)
        scale = np.abs(first[fine]).max(initial=0)
        rtol = tolerance(dtype)
        np.testing.assert_allclose(
            second[fine], first[fine], rtol=rtol, atol=rtol * scale + np.finfo(dtype).tiny
        )


# θ and its gradient are contiguous by contract: scipy's axpy would change a copy of any other.
@pytest.mark.parametrize(
    "kernel",
    [kernel for kernel in with_numba.TWINS if kernel is not with_numpy.add_penalty],
    ids=lambda kernel: kernel.__name__,
)
def test_strided_input(kernel, dtype):
    args = arguments(kernel, np.random.default_rng(1), dtype, (12, 6))
    args = [strided(a) if isinstance(a, np.ndarray) and a.ndim else a for a in args]
    assert_twins_agree(kernel, args, dtype, tolerance(dtype))


@pytest.mark.parametrize("epsilon", [0.0, 0.1])
def test_label_smoothing(epsilon, dtype):
    rng = np.random.default_rng(2)
    args = matrix(rng, dtype), rng.integers(0, 11, 37), epsilon
    assert_twins_agree(with_numpy.softmax_cross_entropy, args, dtype, tolerance(dtype))


def test_plain_momentum(dtype):
    theta = np.random.default_rng(3).normal(size=(3, 50)).astype(dtype)
    args = *theta, 0.9, 0.1, False
    assert_twins_agree(with_numpy.descend_with_momentum, args, dtype, tolerance(dtype))


def test_complex_numbers_stay_with_numpy():
    assert fastest(with_numpy.relu, np.dtype(complex)) is with_numpy.relu


def test_no_kernel_is_compiled_twice_for_another_size(kernel):
    twin, rng = with_numba.TWINS[kernel], np.random.default_rng(4)
    parts = [part for part in vars(with_numba).values() if hasattr(part, "signatures")]
    twin(*arguments(kernel, rng, np.float32, (3, 4)))
    twin(*arguments(kernel, rng, np.float32, (200, 32)))  # tables have another way for small ones
    n_compiled = [len(part.signatures) for part in parts]
    assert sum(n_compiled) > 0
    for shape in [(1, 1), (1, 7), (200, 1), (64, 32)]:
        twin(*arguments(kernel, rng, np.float32, shape))
    assert [len(part.signatures) for part in parts] == n_compiled


def test_a_table_is_compiled_for_once_in_each_dtype():
    """Read-only or not, of rows or of columns; other layouts and types are left to NumPy."""
    rng = np.random.default_rng(5)
    for given in ("float32", "float64", "float16", "uint8", "longdouble"):
        for x in (
            np.ones((60, 40), given),
            np.ones((80, 60), given)[::2, ::2],
            np.ones((40, 60)).T,
        ):
            for writeable in (True, False):
                x.flags.writeable = writeable
                with_numba.shifted_sums(x, rng.random(len(x)), np.zeros(x.shape[1]))
            for shape in ((1, x.shape[1]), (len(x), 1)) if x.dtype.kind == "f" else ():
                mean, scale = (1 + rng.random((2, *shape))).astype(x.dtype)
                with_numba.standardize(x, mean, scale, None, np.empty(x.shape, x.dtype))
    assert len(with_numba._add_shifted_sums.signatures) == 2
    assert len(with_numba._subtract_and_multiply.signatures) == 1
    assert len(with_numba._subtract_and_divide.signatures) == 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (70, 1), (7, 50)])
def test_standardize_by_rows_and_in_place(dtype, shape):
    rng = np.random.default_rng(6)
    x = matrix(rng, dtype, shape)
    mean, scale = 1e8 * rng.normal(size=(shape[0], 1)), rng.random((shape[0], 1)) + 1
    head = mean.astype(dtype)
    rest = (mean - head).astype(dtype)
    args = x, head, scale.astype(dtype), rest, np.empty_like(x)
    assert_twins_agree(with_numpy.standardize, args, dtype, tolerance(dtype))
    expected = x.copy()
    with_numpy.standardize(x, *args[1:4], out=expected)
    with_numba.standardize(x, *args[1:4], out=x)
    np.testing.assert_allclose(x, expected, rtol=4 * np.finfo(dtype).eps)


def test_shifted_sums_leave_missing_values_out(dtype):
    rng = np.random.default_rng(7)
    x = matrix(rng, dtype)
    x[rng.random(x.shape) < 0.3] = np.nan
    x[:, 2] = np.nan
    args = x, rng.random(len(x)), rng.normal(size=x.shape[1])
    assert_twins_agree(with_numpy.shifted_sums, args, np.float64, 1e-14)
    count, first, second, third, fourth, low, high = with_numba.shifted_sums(*args)
    d = x.astype(float) - args[2]
    np.testing.assert_allclose(count, args[1] @ ~np.isnan(x))
    np.testing.assert_allclose(first, np.nansum(args[1][:, np.newaxis] * d, axis=0))
    np.testing.assert_allclose(second, np.nansum(args[1][:, np.newaxis] * d * d, axis=0))
    np.testing.assert_allclose(third, np.nansum(args[1][:, np.newaxis] * d**3, axis=0))
    np.testing.assert_allclose(fourth, np.nansum(args[1][:, np.newaxis] * d**4, axis=0))
    np.testing.assert_array_equal(low, np.fmin.reduce(x))
    np.testing.assert_array_equal(high, np.fmax.reduce(x))


# The choice -------------------------------------------------------------------------------------


def run(code, **environment):
    code = textwrap.dedent(code)
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


FIT = """
    import numpy as np
    from sknn_opt import MLPClassifier
    from sknn_opt.kernels import in_use
    X = np.random.default_rng(0).normal(size=(60, 3))
    MLPClassifier((4,), max_iter=2, tol=1, random_state=0).fit(X, X[:, 0] > 0)
    print(in_use())
"""


@pytest.mark.parametrize(("value", "used"), [("numpy", "numpy"), ("numba", "numba"), ("", "numba")])
def test_the_environment_chooses(value, used):
    done = run(
        "import warnings; warnings.simplefilter('ignore')\n" + textwrap.dedent(FIT),
        SKNN_OPT_KERNELS=value,
    )
    assert (done.stdout.strip(), done.returncode) == (used, 0), done.stderr


def test_numba_is_not_imported_before_it_is_needed():
    done = run("import sys, sknn_opt; print('numba' in sys.modules)")
    assert done.stdout.strip() == "False", done.stderr


def test_a_choice_that_there_is_not():
    done = run(FIT, SKNN_OPT_KERNELS="cuda")
    assert "SKNN_OPT_KERNELS is 'cuda'; set it to 'numpy' or 'numba'" in done.stderr


BROKEN = """
    import sys
    class NoNumba:
        def find_spec(self, name, path=None, target=None):
            if name == "numba.core":
                raise ImportError("Numba needs NumPy 1.0 or less")
    sys.meta_path.insert(0, NoNumba())
"""


def test_a_numba_that_does_not_load():
    done = run(textwrap.dedent(BROKEN) + textwrap.dedent(FIT), SKNN_OPT_KERNELS="numba")
    assert "pip install 'sknn_opt[fast]'" in done.stderr


def test_a_numba_that_does_not_load_and_was_not_asked_for():
    done = run(textwrap.dedent(BROKEN) + textwrap.dedent(FIT), SKNN_OPT_KERNELS="")
    assert "RuntimeWarning: numba is installed but cannot be imported" in done.stderr


FIT_BOTH = """
    import sys, warnings
    import numpy as np
    from sklearn.datasets import load_digits
    from sknn_opt import MLPClassifier, MLPRegressor
    warnings.simplefilter("ignore")
    X, y = load_digits(return_X_y=True)
    for parameters in (
        {}, {"dropout": 0.2, "batch_norm": True, "activation": "tanh"}, {"solver": "sgd"},
        {"solver": "rmsprop", "activation": "logistic", "label_smoothing": 0.1},
    ):
        net = MLPClassifier((20, 10), max_iter=3, dtype="float64", random_state=0, **parameters)
        np.save(sys.stdout.buffer, net.fit(X / 16, y).theta_)
    np.save(sys.stdout.buffer, MLPClassifier((9,), max_iter=3, dtype="float64", random_state=0)
            .fit(X / 16, y > 4).theta_)
"""


def test_both_train_the_same_networks():
    found = []
    for kernels in ("numpy", "numba"):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(FIT_BOTH)],
            env=os.environ | {"SKNN_OPT_KERNELS": kernels},
            capture_output=True,
            check=True,
        )
        stream = io.BytesIO(done.stdout)
        found.append([np.load(stream) for _ in range(5)])
    for with_numpy_s, with_numba_s in zip(*found, strict=True):
        np.testing.assert_allclose(with_numba_s, with_numpy_s, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("dtype", [">f4", ">f8", "f2", "g"])
def test_other_floats_stay_with_numpy(dtype):
    assert fastest(with_numpy.adam, np.dtype(dtype)) is with_numpy.adam
    X = np.random.default_rng(0).normal(3, 2, (50, 4))
    if dtype != "g":
        normalizer = InputNormalizer().fit(X.astype(dtype))
        np.testing.assert_allclose(normalizer.mean_, X.astype(dtype).astype(float).mean(axis=0))
        short = np.dtype(dtype).itemsize <= 4
        assert normalizer.transform(X.astype(dtype)).dtype == (np.float32 if short else np.float64)
    optimizer, theta = Adam(0.1), np.ones(4, dtype)
    optimizer.step(theta, theta.copy(), optimizer.init(theta))
    np.testing.assert_allclose(theta.astype(float), 0.9, rtol=1e-3)


def test_long_sums_keep_their_digits():
    x = (np.random.default_rng(0).normal(size=(250_000, 1)) * 100 + 1e6).astype(np.float32)
    w = np.full(len(x), 2.0)
    d = x.astype(np.float64) - 1e6
    expected = [w.sum(), 2 * math.fsum(d.ravel()), 2 * math.fsum((d * d).ravel())]
    got = with_numba.TWINS[with_numpy.shifted_sums](x, w, np.array([1e6]))[:3, 0]
    np.testing.assert_allclose(got, expected, rtol=1e-14)
