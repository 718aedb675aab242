"""``clip_predictions``: no prediction outside of the range of the training targets."""

import pickle

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.model_selection import GridSearchCV

from sknn_opt import InputNormalizer, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_diabetes(return_X_y=True)
X = InputNormalizer().fit_transform(X)
FAR = 100 * X


def network(**parameters):
    defaults = {"max_iter": 5, "batch_size": 100, "learning_rate_init": 0.01, "random_state": 0}
    return MLPRegressor((10,), **defaults | {"clip_predictions": True} | parameters)


def free(net, X):
    """What it predicts without."""
    net = pickle.loads(pickle.dumps(net))
    return net.set_params(clip_predictions=False).predict(X)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"loss": "poisson"},
        {"loss": "absolute_error"},
        {"normalize_target": False},
        {"solver": "lbfgs"},
        {"batch_norm": True, "dropout": 0.1},
        {"dtype": "float64"},
        {"average": 0.9},
    ],
    ids=str,
)
@pytest.mark.parametrize("convert", [np.asarray, csr_array])
def test_the_extremes_are_those_of_the_targets(parameters, convert):
    net = network(**parameters).fit(convert(X), Y)
    found, expected = net.predict(convert(FAR)), free(net, convert(FAR))
    assert np.array_equal(found, np.clip(expected, Y.min(), Y.max()))
    assert expected.max() > Y.max()
    assert found.max() == Y.max()  # exactly


def test_it_changes_no_training():
    theta = [network(clip_predictions=c).fit(X, Y).theta_ for c in (False, True)]
    assert np.array_equal(*theta)


def test_float32_inputs():
    y = Y.astype(np.float32) / 7
    found = network().fit(X.astype(np.float32), y).predict(FAR.astype(np.float32))
    assert found.dtype == np.float32
    assert found.max() == y.max()


def test_each_output_has_its_own_range_and_gaps_have_none():
    y = np.column_stack([Y, -3 * Y + 7])
    y[::3, 0] = np.nan
    net = network().fit(X, y)
    found = net.predict(FAR)
    expected = np.clip(free(net, FAR), np.nanmin(y, axis=0), np.nanmax(y, axis=0))
    assert np.array_equal(found, expected)


def test_an_output_without_targets_so_far_is_free():
    y = np.column_stack([Y, np.full_like(Y, np.nan)])
    net = network().partial_fit(X, y)
    assert np.isfinite(net.predict(FAR)).all()
    assert np.array_equal(net.predict(FAR)[:, 1], free(net, FAR)[:, 1])
    net.partial_fit(X, np.column_stack([Y, Y]))
    assert net.predict(FAR)[:, 1].max() <= Y.max()


def test_several_quantiles_share_the_range():
    net = network(loss="quantile", quantile=[0.1, 0.5, 0.9]).fit(X, Y)
    found = net.predict(FAR)
    assert np.array_equal(found, np.clip(free(net, FAR), Y.min(), Y.max()))
    assert (np.diff(found, axis=1) >= 0).all()


def test_rows_of_weight_0_do_not_count():
    weight = np.where(np.median(Y) > Y, 1.0, 0.0)
    found = network().fit(X, Y, weight).predict(FAR)
    assert found.max() == Y[weight > 0].max()


def test_a_stream_has_the_range_of_all_so_far_and_a_fit_its_own():
    order = np.argsort(Y)
    net = network().partial_fit(X[order[:50]], Y[order[:50]])
    assert net.predict(FAR).max() <= Y[order[49]]
    net.partial_fit(X[order[200:250]], Y[order[200:250]])
    first = pickle.loads(pickle.dumps(net))
    assert np.array_equal(net.predict(FAR), np.clip(free(net, FAR), Y.min(), Y[order[249]]))
    net.set_params(warm_start=True).fit(X[order[100:]], Y[order[100:]])
    expected = np.clip(free(net, FAR), Y[order[100]], Y.max())
    assert np.array_equal(net.predict(FAR), expected)
    assert np.array_equal(first.predict(FAR), np.clip(free(first, FAR), Y.min(), Y[order[249]]))


def test_a_copy_keeps_its_range_when_the_other_goes_on():
    net = network().fit(X, Y)
    before = net.predict(FAR)
    pickle.loads(pickle.dumps(net)).partial_fit(X, 10 * Y)
    assert np.array_equal(net.predict(FAR), before)


def test_scorers_see_it():
    seen = []

    def scorer(estimator, X, y):
        seen.append(estimator.predict(FAR).max())
        return -len(seen)

    network(early_stopping=True, scoring=scorer).fit(X, Y)
    assert max(seen) <= Y.max()


def test_clones_and_searches():
    assert clone(network()).clip_predictions
    search = GridSearchCV(network(), {"clip_predictions": [False, True]}, cv=2).fit(X, Y)
    assert search.best_params_["clip_predictions"] in (False, True)
    with pytest.raises(ValueError, match="'clip_predictions' parameter of MLPRegressor"):
        network().set_params(clip_predictions="yes").fit(X, Y)
