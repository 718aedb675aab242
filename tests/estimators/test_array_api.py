"""Arrays of other libraries under array API dispatch: as NumPy's, in their library and dtype.

Run with SCIPY_ARRAY_API=1, which scikit-learn asks for.
"""

import os

import numpy as np
import pytest
from sklearn import config_context
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

from sknn_opt import InputNormalizer, MLPClassifier, MLPRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(5, 3, (200, 4))
X[RNG.random(X.shape) < 0.05] = np.nan
X[3, 0], X[4, 1] = 999999, -1e5
WEIGHTS = RNG.exponential(size=200)
PARAMETERS = [
    {},
    {"with_mean": False},
    {"with_std": False},
    {"with_mean": False, "with_std": False, "clip": 2.0},
    {"clip": 3.0},
    {"clip": 1e-3, "center": "mean", "scale": "std"},
    {"center": "median", "scale": "iqr"},
]


@pytest.fixture
def dispatch():
    """What needs scikit-learn to dispatch."""
    if os.environ.get("SCIPY_ARRAY_API") != "1" or not get_tags(StandardScaler()).array_api_support:
        pytest.skip("SCIPY_ARRAY_API is not set, or scikit-learn's scalers do not dispatch yet")


@pytest.fixture(params=["torch", "array_api_strict"])
def xp(request, dispatch):
    library = pytest.importorskip(request.param)
    with config_context(array_api_dispatch=True):
        yield library


def numpy_of(array):
    return np.asarray(array)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("params", PARAMETERS, ids=str)
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_as_with_numpy(xp, params, dtype, weights):
    table = X.astype(dtype)
    expected = InputNormalizer(**params).fit(table, sample_weight=weights)
    given = xp.asarray(table)
    own_weights = None if weights is None else xp.asarray(weights)
    ours = InputNormalizer(**params).fit(given, sample_weight=own_weights)
    for name in ("mean_", "var_", "center_", "scale_", "data_min_", "data_missing_"):
        value, numpys = getattr(ours, name), getattr(expected, name)
        assert (value is None) == (numpys is None)
        if value is not None:
            assert isinstance(value, type(given))
            assert value.dtype == xp.float64
            np.testing.assert_array_equal(numpy_of(value), numpys)
    Z = ours.transform(given)
    assert isinstance(Z, type(given))
    assert Z.dtype == given.dtype
    assert Z.device == given.device
    rtol = 1e-12 if dtype == "float64" else 2e-5
    np.testing.assert_allclose(numpy_of(Z), expected.transform(table), rtol=rtol, atol=rtol)
    back = ours.inverse_transform(Z)
    assert back.dtype == given.dtype
    if "clip" not in params:
        np.testing.assert_allclose(numpy_of(back), table, rtol=10 * rtol, atol=100 * rtol)
    if params.get("clip") == 3.0:  # NumPy's inverse, of the same clipped values
        near = np.abs(numpy_of(Z)) < 2.9
        np.testing.assert_allclose(numpy_of(back)[near], table[near], rtol=1000 * rtol)
        assert np.nanmax(np.abs(numpy_of(Z))) < 3
    np.testing.assert_array_equal(numpy_of(given), table)


def test_a_stream(xp):
    expected = InputNormalizer(clip=2.0).partial_fit(X[:90]).partial_fit(X[90:], None, WEIGHTS[90:])
    ours = InputNormalizer(clip=2.0).partial_fit(xp.asarray(X[:90]))
    ours.partial_fit(xp.asarray(X[90:]), None, xp.asarray(WEIGHTS[90:]))
    np.testing.assert_array_equal(numpy_of(ours.scale_), expected.scale_)
    np.testing.assert_array_equal(numpy_of(ours.n_samples_seen_), expected.n_samples_seen_)


def test_integers_become_floats(xp):
    whole = np.arange(12).reshape(6, 2)
    ours = InputNormalizer()
    Z = ours.fit_transform(xp.asarray(whole))
    assert Z.dtype == xp.float64
    np.testing.assert_allclose(numpy_of(Z), StandardScaler().fit_transform(whole))
    assert ours.n_samples_seen_ == 6


def test_half_precision_becomes_single(dispatch):
    torch = pytest.importorskip("torch")
    half = X[10:].astype(np.float16)
    for params in PARAMETERS:
        expected = InputNormalizer(**params).fit(half)
        with config_context(array_api_dispatch=True):
            ours = InputNormalizer(**params).fit(torch.asarray(half))
            Z = ours.transform(torch.asarray(half))
            back = ours.inverse_transform(Z)
        assert Z.dtype == back.dtype == torch.float32
        np.testing.assert_allclose(Z.numpy(), expected.transform(half), rtol=2e-5, atol=2e-5)


def test_dispatch_that_was_switched_off(xp):
    fitted = InputNormalizer().fit(xp.asarray(X))
    with config_context(array_api_dispatch=False):
        for call in (fitted.transform, fitted.inverse_transform):
            with pytest.raises(ValueError, match="dispatch, which is off: call Input.*_api_disp"):
                call(X)


def test_values_that_no_table_holds(xp):
    fitted = InputNormalizer().fit(xp.asarray(X))
    for value, message in ((np.inf, "Input X contains infinity"), (1e306, r"1e\+306 in column 2")):
        bad = X.copy()
        bad[7, 2] = value
        for call in (InputNormalizer().fit, fitted.transform, fitted.inverse_transform):
            with pytest.raises(ValueError, match=message):
                call(xp.asarray(bad))


def test_another_library_than_that_of_fit(xp):
    fitted = InputNormalizer().fit(xp.asarray(X))
    for call in (fitted.transform, fitted.inverse_transform):
        with pytest.raises(ValueError, match="must use the same namespace.*of NumPy, and that of"):
            call(X)
    with pytest.raises(ValueError, match="must use the same namespace.*was of NumPy"):
        InputNormalizer().fit(X).transform(xp.asarray(X))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("Net", [MLPClassifier, MLPRegressor])
def test_networks_say_that_they_compute_in_numpy(xp, Net):
    table, y = np.nan_to_num(X[:20, 2:]), np.arange(20) % 2
    net = Net((2,), max_iter=1).fit(table, y)
    library = xp.__name__.partition(".")[0]
    calls = {
        "X": lambda: net.fit(xp.asarray(table), y),
        "y": lambda: net.fit(table, xp.asarray(y)),
        "both": lambda: make_pipeline(InputNormalizer(), net).fit(xp.asarray(table), xp.asarray(y)),
        "predict": lambda: net.predict(xp.asarray(table)),
    }
    for call in calls.values():
        with pytest.raises(TypeError, match=rf"computes in NumPy.*keeps {library} from"):
            call()
    assert net.predict(table).shape == (20,)


def test_without_dispatch_tensors_are_converted():
    torch = pytest.importorskip("torch")
    Z = InputNormalizer().fit_transform(torch.asarray(X))
    assert isinstance(Z, np.ndarray)
