"""Several members in one network: each is trained as it would be alone, and together they predict.

The oracle is the single network: a member that starts from the same weights and sees the same
batches must go the same way.
"""

import pickle
import re

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, TimeSeriesSplit
from sklearn.preprocessing import scale

from sknn_opt import MLPClassifier, MLPRegressor, check_gradients, check_signals
from sknn_opt.nn import members
from sknn_opt.nn.members import PackedDense
from sknn_opt.optim import AdamW, FadeOut
from sknn_opt.training.batches import Minibatches
from sknn_opt.training.rows import Rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_wine(return_X_y=True)
X = scale(X)
X_REG, Y_REG = load_diabetes(return_X_y=True)
X_REG = scale(X_REG)
LABELS = np.column_stack([Y == 0, X[:, 0] > 0]).astype(int)
K = 3
RATES = {"W": "fan_in", "b": 0.1, "scale": 6.0}


def member_of(estimator, i):
    """θ and statistics of one member."""
    return estimator._weights.of_member(estimator._training.architecture, i)


def start_singles(packed, make, X, y, **options):
    """Networks of their own, at the weights of the members; both forget what they were before."""
    packed.theta_ = packed.theta_
    singles = []
    for i in range(K):
        single = make().partial_fit(X, y, **options)
        own = member_of(packed, i)
        single.theta_ = own.theta
        if own.statistics.size:
            single.statistics_ = own.statistics
        singles.append(single)
    if packed.statistics_.size:
        packed.statistics_ = packed.statistics_
    return singles


CASES = {
    "plain": {},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.05},
    "adamw": {"solver": "adamw", "weight_decay": 0.5},
    "rmsprop": {"solver": "rmsprop"},
    "alpha": {"alpha": 10.0},
    "clipped": {"max_grad_norm": 0.05},
    "batch_norm": {"batch_norm": True},
    "two layers": {"hidden_layer_sizes": (7, 5), "activation": "silu"},
    "no hidden layer": {"hidden_layer_sizes": ()},
    "cosine": {"learning_rate": "cosine"},
    "input scale": {"input_scale": True},
    "layer rates": {"solver": AdamW(layer_rates={"W": "fan_in", "b": 0.1}), "input_scale": True},
    "fading decay": {"solver": "adamw", "weight_decay": FadeOut(0.5)},
    "the recipe without dropout": {
        "hidden_layer_sizes": (7, 5),
        "activation": "silu",
        "init": "data",
        "input_scale": True,
        "solver": AdamW(beta_2=0.95, weight_decay=FadeOut(0.3), layer_rates=RATES),
        "learning_rate": "cosine",
    },
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("weighted", [False, True])
def test_members_go_the_way_of_single_networks(name, weighted):
    options = {"hidden_layer_sizes": (6,), "dtype": "float64", "batch_size": 500} | CASES[name]
    options |= {"shuffle": False}
    w = np.random.default_rng(0).integers(1, 4, len(X)).astype(float) if weighted else None
    call = {"classes": [0, 1, 2], "sample_weight": w}
    packed = MLPClassifier(n_members=K, random_state=1, **options).partial_fit(X, Y, **call)
    singles = start_singles(packed, lambda: MLPClassifier(random_state=1, **options), X, Y, **call)
    for _ in range(5):
        for each in (packed, *singles):
            each.partial_fit(X, Y, w)
    for i, single in enumerate(singles):
        own = member_of(packed, i)
        np.testing.assert_allclose(own.theta, single.theta_, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(own.statistics, single.statistics_, rtol=1e-9, atol=1e-12)
        assert packed.history_[-1][f"loss[{i + 1}]"] == pytest.approx(single.history_[-1]["loss"])
    losses = [single.history_[-1]["loss"] for single in singles]
    penalties = [single.history_[-1]["penalty"] for single in singles]
    assert packed.history_[-1]["loss"] == pytest.approx(np.mean(losses))
    assert packed.history_[-1]["penalty"] == pytest.approx(np.mean(penalties))
    together = np.mean([single.predict_proba(X) for single in singles], axis=0)
    np.testing.assert_allclose(packed.predict_proba(X), together, rtol=1e-9, atol=1e-12)


def test_regression_goes_the_way_of_single_networks():
    options = {"hidden_layer_sizes": (6,), "dtype": "float64", "batch_size": 500}
    packed = MLPRegressor(n_members=K, random_state=1, **options).partial_fit(X_REG, Y_REG)
    singles = start_singles(packed, lambda: MLPRegressor(random_state=1, **options), X_REG, Y_REG)
    for _ in range(5):
        for each in (packed, *singles):
            each.partial_fit(X_REG, Y_REG)
    each = np.array([single.predict(X_REG) for single in singles])
    np.testing.assert_allclose(packed.member_predictions(X_REG), each, rtol=1e-9)
    y, std = packed.predict(X_REG, return_std=True)
    np.testing.assert_allclose(y, each.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(std, each.std(axis=0, ddof=1), rtol=1e-7)


def test_members_are_clipped_one_by_one():
    """Outside of the targets' range each single network stays in it, and so does their mean."""
    options = {"hidden_layer_sizes": (6,), "dtype": "float64", "batch_size": 500}
    options |= {"clip_predictions": True, "learning_rate_init": 0.05}
    packed = MLPRegressor(n_members=K, random_state=1, **options).partial_fit(X_REG, Y_REG)
    singles = start_singles(packed, lambda: MLPRegressor(random_state=1, **options), X_REG, Y_REG)
    far = X_REG * 30
    each = np.array([single.predict(far) for single in singles])
    np.testing.assert_allclose(packed.member_predictions(far), each, rtol=1e-9)
    assert packed.predict(far).min() >= Y_REG.min()
    assert packed.predict(far).max() <= Y_REG.max()
    y, std = packed.predict(far, return_std=True)
    np.testing.assert_allclose(y, each.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(std, each.std(axis=0, ddof=1), rtol=1e-7, atol=1e-9)


def test_least_steps_count_the_batches_of_one_member():
    single, packed = (
        MLPClassifier((5,), n_members=k, batch_size=50, max_iter=2, min_steps=30, random_state=0)
        for k in (1, K)
    )
    n_batches = -(-len(X) // 50)
    assert single.fit(X, Y).n_iter_ == packed.fit(X, Y).n_iter_ == -(-30 // n_batches)


@pytest.mark.parametrize("sparse", [False, True])
def test_folded_scales_predict_what_is_trained(sparse):
    net = MLPClassifier((6,), n_members=K, input_scale=True, max_iter=30, random_state=0)
    net.set_params(learning_rate_init=0.05)
    data = csr_array(X * (np.abs(X) > 0.5)) if sparse else X
    net.fit(data, Y)
    dense = data.toarray() if sparse else data
    scale_ = net.blocks_["scale[1]"].of(net.theta_)
    assert scale_.shape == (K, X.shape[1])
    assert np.ptp(scale_, axis=0).max() > 0.01  # each member learns its own
    W, b = (net.blocks_[f"{name}[1]"].of(net.theta_) for name in "Wb")
    (V, c) = (net.blocks_[f"{name}[2]"].of(net.theta_) for name in "Wb")
    for i, proba in enumerate(net.member_predictions(data)):
        z = np.maximum(dense * scale_[i] @ W[i] + b[i], 0) @ V[i] + c[i]
        np.testing.assert_allclose(proba, np.exp(z) / np.exp(z).sum(1, keepdims=True), rtol=1e-4)


def test_the_first_member_is_the_single_network():
    """Members draw one after the other: one batch, no masks, so nothing else is random."""
    options = {"batch_size": 500, "max_iter": 20, "dtype": "float64", "random_state": 3}
    single = MLPClassifier((8,), **options).fit(X, Y)
    packed = MLPClassifier((8,), n_members=K, **options).fit(X, Y)
    np.testing.assert_allclose(member_of(packed, 0).theta, single.theta_, rtol=1e-9)
    assert not np.allclose(member_of(packed, 1).theta, single.theta_)


def test_each_member_has_its_own_order():
    rows = Rows(np.arange(10.0)[:, np.newaxis], np.arange(10))
    batches = Minibatches(rows, 4, np.float64, 1.0, K)
    seen = [[], [], []]
    for X_batch, y, weight in batches.epoch(np.random.default_rng(0)):
        assert weight is None
        np.testing.assert_array_equal(X_batch.ravel(), y)
        for own, part in zip(seen, y.reshape(K, -1), strict=True):
            own.extend(part.tolist())
    assert [sorted(own) for own in seen] == [list(range(10))] * K
    assert seen[0] != seen[1] != seen[2]


def test_each_member_trains_on_its_rows_alone():
    """Shorter ones are filled up with rows that weigh nothing, and have the mean of their own."""
    train = np.array([[1, 1, 1, 1, 0], [0, 1, 1, 1, 1], [0, 0, 0, 0.5, 1.0]])
    weight = np.array([1.0, 2.0, 1.0, 2.0, 4.0])
    rows = Rows(np.arange(5.0)[:, np.newaxis], np.arange(5), weight, parts=(train, 1 - train))
    numbers, weights, mean = rows.of_members(3, 2.0)
    assert mean == pytest.approx(np.mean((train * weight).sum(axis=1) / 4))
    weights = weights.reshape(3, 5)
    for i in range(3):
        own = weights[i, numbers[i]]
        assert own.mean() == pytest.approx(1)
        np.testing.assert_allclose(
            weights[i] / weights[i].max(), train[i] * weight / (train[i] * weight).max()
        )
        assert len(set(numbers[i])) == numbers.shape[1] == 4


# Folds --------------------------------------------------------------------------------------------


def parts_of(estimator, X, y, groups=None, weight=None):
    """The rows that each member trains on, and holds out, of the rows in their order."""
    seen = {}

    class Spy(type(estimator)):
        def _to_network(self, state, rows, learn, advice):
            seen["rows"] = rows
            return super()._to_network(state, rows, learn, advice)

    spy = Spy(**estimator.get_params())
    spy.fit(X, y, weight, groups=groups)
    return seen["rows"]


@pytest.mark.parametrize("k", [2, 4, 7])
def test_folds_lose_no_row(k):
    X, y = load_breast_cancer(return_X_y=True)
    net = MLPClassifier((2,), n_members=k, early_stopping=True, validation_fraction=0.9)
    rows = parts_of(net.set_params(max_iter=1, random_state=0), scale(X), y)
    train, held = rows.parts
    np.testing.assert_array_equal(held.sum(axis=0), 1)  # 0.9 is more than 1 / k: all are validated
    np.testing.assert_array_equal(train, 1 - held)
    for c in (0, 1):  # of each class its share
        counts = held[:, rows.y.ravel() == c].sum(axis=1)
        assert counts.max() - counts.min() <= 2


def test_folds_have_the_share_that_was_asked_for():
    net = MLPClassifier((2,), n_members=4, early_stopping=True, max_iter=1, random_state=0)
    _, held = parts_of(net, X, Y).parts
    assert held.sum(axis=0).max() == 1
    np.testing.assert_allclose(held.mean(axis=1), 0.1, atol=0.01)


def test_groups_are_held_out_as_a_whole():
    groups = np.arange(len(X)) // 10
    net = MLPClassifier((2,), n_members=4, early_stopping=True, validation_fraction=0.25)
    _, held = parts_of(net.set_params(max_iter=1, random_state=0), X, Y, groups).parts
    np.testing.assert_array_equal(held.sum(axis=0), 1)
    for group in np.unique(groups):
        assert len(np.unique(held[:, groups == group], axis=1).T) == 1


@pytest.mark.parametrize("n_groups", [2, 3, 4])
@pytest.mark.parametrize("fraction", [0.1, 0.5])
def test_few_groups_are_held_out_in_turns(n_groups, fraction):
    groups = np.arange(len(X)) % n_groups
    net = MLPClassifier((2,), n_members=5, early_stopping=True, max_iter=1, random_state=0)
    net.set_params(validation_fraction=fraction)
    train, held = parts_of(net, X, Y, groups).parts
    np.testing.assert_array_equal(train, 1 - held)
    of_groups = np.array([held[:, groups == group].mean(axis=1) for group in range(n_groups)])
    assert set(of_groups.ravel()) == {0, 1}
    of_members = of_groups.sum(axis=0)
    np.testing.assert_array_equal(of_members[:-1], 1)
    assert 1 <= of_members[-1] < n_groups  # what is left
    assert np.ptp(of_groups.sum(axis=1)) <= 1  # each has its turns


@pytest.mark.parametrize("splitter", [KFold(3), TimeSeriesSplit(5), "last"])
def test_splitters(splitter):
    net = MLPClassifier((2,), n_members=3, early_stopping=True, validation_fraction=splitter)
    train, held = parts_of(net.set_params(max_iter=1, random_state=0), X, Y).parts
    if splitter == "last":
        last = np.arange(len(X)) >= len(X) - 18
        expected = [(~last, last)] * 3
    else:
        expected = []
        for sides in [*splitter.split(X, Y)][-3:]:
            expected.append([np.isin(np.arange(len(X)), side) for side in sides])
    for i, (trained, out) in enumerate(expected):
        np.testing.assert_array_equal(train[i], trained)
        np.testing.assert_array_equal(held[i], out)


def test_a_splitter_with_groups_and_fewer_splits_than_members():
    groups = np.arange(len(X)) % 6
    net = MLPClassifier((2,), n_members=3, early_stopping=True, validation_fraction=GroupKFold(2))
    _, held = parts_of(net.set_params(max_iter=1, random_state=0), X, Y, groups).parts
    np.testing.assert_array_equal(held[0], held[2])
    np.testing.assert_array_equal(held[0], 1 - held[1])


@pytest.mark.parametrize("scoring", ["loss", None])
def test_each_member_keeps_its_best_epoch(scoring):
    net = MLPRegressor((10,), n_members=K, early_stopping=True, scoring=scoring, max_iter=15)
    net.set_params(random_state=0, learning_rate_init=0.02, n_iter_no_change=20, batch_size=50)
    net._path = []
    net.fit(X_REG, Y_REG)
    architecture, best = net._training.architecture, []
    for i in range(K):
        scores = [row[f"score[{i + 1}]"] for row in net.history_]
        at = len(scores) - 1 - int(np.argmax(scores[::-1]))
        best.append(at)
        of_epoch = members.one_of(architecture.blocks, net._path[at + 1], i)
        np.testing.assert_array_equal(member_of(net, i).theta, of_epoch)
    assert len(set(best)) > 1
    mean = np.mean([net.history_[at][f"score[{i + 1}]"] for i, at in enumerate(best)])
    assert net.best_validation_score_ == pytest.approx(mean)
    assert net.history_[0]["score"] == pytest.approx(
        np.mean([net.history_[0][f"score[{i}]"] for i in (1, 2, 3)])
    )


def test_each_member_keeps_its_lowest_training_loss():
    net = MLPClassifier((10,), n_members=K, max_iter=12, learning_rate_init=0.3, random_state=1)
    net._path = []
    net.set_params(batch_size=30, n_iter_no_change=50, alpha=0).fit(X, Y)
    blocks = net._training.architecture.blocks
    for i in range(K):
        at = int(np.argmin([row[f"loss[{i + 1}]"] for row in net.history_]))
        np.testing.assert_array_equal(
            member_of(net, i).theta, members.one_of(blocks, net._path[at + 1], i)
        )


def test_scores_are_those_of_the_held_out_rows():
    net = MLPClassifier((6,), n_members=2, early_stopping=True, validation_fraction=0.5)
    net.set_params(max_iter=1, random_state=0, scoring="accuracy")
    rows = parts_of(net, X, Y)
    net.fit(X, Y)
    each = net.member_predictions(rows.X).argmax(axis=2)
    for i in range(2):
        held = rows.parts[1][i] > 0
        accuracy = np.mean(each[i][held] == rows.y[held])
        assert net.history_[0][f"score[{i + 1}]"] == pytest.approx(accuracy)


def test_a_validation_set_is_the_same_for_all():
    net = MLPClassifier((6,), n_members=2, early_stopping=True, max_iter=3, random_state=0)
    net.fit(X[::2], Y[::2], X_val=X[1::2], y_val=Y[1::2])
    each = net.member_predictions(X[1::2])
    losses = -np.log(each[:, np.arange(len(X) // 2), Y[1::2]]).mean(axis=1)
    last = net.history_[-1]
    np.testing.assert_allclose(
        [last["validation_loss[1]"], last["validation_loss[2]"]], losses, rtol=1e-5
    )


# Together -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("y", [Y, (Y == 1).astype(int), LABELS], ids=["three", "two", "labels"])
def test_probabilities_are_averaged(y):
    net = MLPClassifier((5,), n_members=K, max_iter=5, random_state=0).fit(X, y)
    each, proba = net.member_predictions(X), net.predict_proba(X)
    assert each.shape == (K, *proba.shape)
    np.testing.assert_allclose(proba, each.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(np.exp(net.predict_log_proba(X)), proba, rtol=1e-4)
    if y.ndim == 1:
        np.testing.assert_array_equal(net.predict(X), net.classes_[proba.argmax(axis=1)])
    else:
        np.testing.assert_array_equal(net.predict(X), proba > 0.5)


@pytest.mark.parametrize("loss", ["squared_error", "poisson", "quantile"])
def test_amounts_are_averaged(loss):
    quantile = [0.1, 0.5, 0.9] if loss == "quantile" else None
    net = MLPRegressor((5,), n_members=K, loss=loss, quantile=quantile, max_iter=5, random_state=0)
    net.fit(X_REG, Y_REG)
    each = net.member_predictions(X_REG)
    if loss != "quantile":  # the quantiles of the mean may be in another order
        np.testing.assert_allclose(net.predict(X_REG), each.mean(axis=0), rtol=1e-4)
    y, std = net.predict(X_REG, return_std=True)
    assert y.shape == std.shape == each.shape[1:]
    np.testing.assert_allclose(std, each.std(axis=0, ddof=1), rtol=1e-4, atol=1e-6)


def test_saturated_members_stay_inside_of_0_and_1():
    net = MLPClassifier((5,), n_members=K, max_iter=5, random_state=0).fit(X, Y == 1)
    net.theta_ = net.theta_ * 1e6
    proba = net.predict_proba(X)
    assert proba.min() > 0
    assert proba.max() < 1
    assert np.isfinite(net.predict_log_proba(X)).all()
    assert np.isfinite(net.decision_function(X)).all()


def test_huge_inputs_stay_finite():
    net = MLPRegressor((5,), n_members=K, max_iter=5, random_state=0).fit(X_REG, Y_REG)
    assert np.isfinite(net.predict(X_REG * 1e37)).all()


# With the other features --------------------------------------------------------------------------

PAIRS = {
    "dropout": {"dropout": 0.3, "input_dropout": 0.1},
    "batch norm": {"batch_norm": True, "batch_size": 20},
    "average": {"average": 0.9},
    "class weight": {"class_weight": "balanced"},
    "early stopping": {"early_stopping": True},
    "early stopping by accuracy": {"early_stopping": True, "scoring": "accuracy"},
    "one batch": {"batch_size": 500, "early_stopping": True},
    "lbfgs": {"solver": "lbfgs"},
    "lbfgs and early stopping": {"solver": "lbfgs", "early_stopping": True},
    "adaptive": {"learning_rate": "adaptive"},
    "float64": {"dtype": "float64"},
    "input scale": {"input_scale": True},
    "init from data": {"init": "data", "activation": "silu"},
    "fading dropout by layer": {
        "hidden_layer_sizes": (12, 8),
        "dropout": [FadeOut(0.3), 0.1],
        "input_dropout": FadeOut(0.1),
    },
    "layer rates": {"solver": AdamW(layer_rates={"W": "fan_in", "b": 0.1})},
    "least steps": {"max_iter": 2, "min_steps": 60},
    "the recipe": {
        "hidden_layer_sizes": (12, 8),
        "activation": "silu",
        "init": "data",
        "input_scale": True,
        "dropout": FadeOut(0.15),
        "solver": AdamW(beta_2=0.95, weight_decay=FadeOut(0.3), layer_rates=RATES),
        "learning_rate": "cosine",
        "batch_size": 32,
        "early_stopping": True,
        "validation_fraction": 1 / 8,
        "n_iter_no_change": np.inf,
        "alpha": 0.0,
    },
}


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("sparse", [False, True])
def test_pairs(name, sparse):
    data = csr_array(X * (np.abs(X) > 0.5)) if sparse else X
    net = MLPClassifier((8,), n_members=K, max_iter=40, learning_rate_init=0.02, random_state=0)
    net.set_params(**PAIRS[name]).fit(data, Y)
    assert net.score(data, Y) > 0.9
    again = clone(net).fit(data, Y)
    np.testing.assert_array_equal(net.theta_, again.theta_)
    loaded = pickle.loads(pickle.dumps(net))
    np.testing.assert_array_equal(loaded.predict_proba(data), net.predict_proba(data))
    dense = data.toarray() if sparse else csr_array(data)
    np.testing.assert_allclose(net.predict_proba(dense), net.predict_proba(data), atol=1e-5)
    for each in (net, loaded):
        each.set_params(warm_start=True, max_iter=2).fit(data, Y)
    np.testing.assert_array_equal(net.theta_, loaded.theta_)
    if net.solver != "lbfgs":
        for each in (net, loaded):
            each.partial_fit(data, Y)
        np.testing.assert_array_equal(net.theta_, loaded.theta_)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_weights_count_like_repetition(early_stopping):
    w = np.random.default_rng(0).integers(0, 3, len(X))
    options = {"batch_size": 1000, "max_iter": 20, "early_stopping": early_stopping}
    net = MLPClassifier((6,), n_members=K, random_state=0, dtype="float64", **options)
    repeated = clone(net).fit(np.repeat(X, w, axis=0), np.repeat(Y, w))
    np.testing.assert_allclose(net.fit(X, Y, w).theta_, repeated.theta_, rtol=1e-7, atol=1e-9)


def test_streams():
    net = MLPClassifier((8,), n_members=K, early_stopping=True, random_state=0, batch_size=20)
    net.set_params(learning_rate_init=0.02)
    order = np.random.default_rng(0).permutation(len(X))
    for _ in range(15):
        for rows in np.array_split(order, 4):
            net.partial_fit(X[rows], Y[rows], classes=[0, 1, 2])
    assert net.score(X, Y) > 0.9
    assert net.history_[-1]["score[2]"] is not None


@pytest.mark.parametrize("n", [1, 2, 5, 30])
def test_a_stream_whose_first_calls_hold_out_nothing(n):
    net = MLPRegressor((4,), n_members=K, early_stopping=True, random_state=0)
    for start in range(0, 60, n):
        rows = slice(start, start + n)
        net.partial_fit(X_REG[rows], Y_REG[rows])
        assert np.isfinite(net.predict(X_REG)).all()
    assert net.history_[0].get("score[1]") is None or n > 1
    assert net.history_[-1]["loss[3]"] > 0


def test_classes_that_come_late():
    net = MLPClassifier((8,), n_members=K, random_state=0, learning_rate_init=0.02)
    for _ in range(20):
        net.partial_fit(X[Y < 2], Y[Y < 2], classes=[0, 1])
    before = net.member_predictions(X)
    net.partial_fit(X, Y, classes=[0, 1, 2])
    assert net.member_predictions(X).shape == (K, len(X), 3)
    assert before.shape == (K, len(X), 2)
    for _ in range(60):
        net.partial_fit(X, Y)
    assert net.score(X, Y) > 0.9


def test_targets_in_other_units_keep_the_predictions():
    net = MLPRegressor((8,), n_members=K, random_state=0).partial_fit(X_REG, Y_REG)
    state = net._training
    before = net.member_predictions(X_REG)
    net.partial_fit(X_REG[:1], Y_REG[:1])
    assert state is not net._training
    np.testing.assert_allclose(net.member_predictions(X_REG), before, rtol=0.1, atol=5)


def test_hidden_features_stand_beside_each_other():
    net = MLPClassifier((8, 5), n_members=K, max_iter=2, random_state=0).fit(X, Y)
    assert net.transform(X).shape == (len(X), K * 5) == (len(X), len(net.get_feature_names_out()))
    assert net.activations(X, 0).shape == (len(X), K * 8)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_coefs_are_what_predicts(batch_norm):
    net = MLPClassifier((8,), n_members=K, max_iter=3, random_state=0, batch_norm=batch_norm)
    net.fit(X, Y)
    (W1, W2), (b1, b2) = net.coefs_, net.intercepts_
    assert W1.shape == (K, 13, 8)
    z = np.maximum(X @ W1 + b1[:, np.newaxis], 0) @ W2 + b2[:, np.newaxis]
    proba = np.exp(z) / np.exp(z).sum(axis=2, keepdims=True)
    np.testing.assert_allclose(net.predict_proba(X), proba.mean(axis=0), rtol=1e-4)
    net.coefs_ = [W1 * 2, W2]
    np.testing.assert_allclose(net.coefs_[0], W1 * 2, rtol=1e-5)


def test_search_over_the_number():
    search = GridSearchCV(MLPClassifier((4,), max_iter=20, random_state=0), {"n_members": [1, 3]})
    assert search.fit(X, Y).best_estimator_.n_members in (1, 3)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"batch_norm": True, "dropout": 0.2},
        {"input_scale": True, "input_dropout": 0.2},
        {"input_scale": True, "init": "data", "activation": "silu", "dropout": FadeOut(0.2)},
        {"input_scale": True, "batch_norm": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("sparse", [False, True])
def test_gradients_of_each_member(options, sparse):
    net = MLPClassifier((5, 4), n_members=2, activation="tanh", alpha=1.0, random_state=0)
    data = csr_array(X[::6] * (np.abs(X[::6]) > 0.5)) if sparse else X[::6]
    report = check_gradients(net.set_params(**options), data, Y[::6])
    assert report.passed
    assert ("scale[1]" in {check.block for check in report.blocks}) == ("input_scale" in options)
    assert [point.name for point in report.points][:2] == [
        "initial weights, member 1",
        "initial weights, member 2",
    ]


def test_a_bug_in_the_packed_backprop_is_named(monkeypatch):
    backward = PackedDense.backward

    def wrong(self, delta):
        delta_in = backward(self, delta)
        if self.W.shape[1:] == (5, 4):
            self.dW[1] *= 2
        return delta_in

    monkeypatch.setattr(PackedDense, "backward", wrong)
    net = MLPClassifier((5, 4), n_members=2, activation="tanh", random_state=0)
    report = check_gradients(net, X[::6], Y[::6])
    assert not report.passed
    wrong = {(c.point, c.block) for c in report.blocks if c.verdict == "WRONG" and c.block != "all"}
    assert wrong == {("initial weights, member 2", "W[2]")}


def test_signals_of_each_member():
    net = MLPClassifier((8, 8), n_members=2, max_iter=20, random_state=0).fit(X, Y)
    report = check_signals(net, X, Y)
    assert report.verdict == "healthy"
    assert [point.name for point in report.points][2:] == [
        "fitted weights, member 1",
        "fitted weights, member 2",
    ]


def test_a_member_that_learned_nothing_is_named():
    net = MLPClassifier((8,), n_members=2, max_iter=30, learning_rate_init=0.02, random_state=0)
    net.set_params(solver="sgd", warm_start=True).fit(X, Y)
    theta = net.theta_.copy()
    blocks = net._training.architecture.blocks
    members.put(blocks, theta, 1, np.full(len(theta) // 2, 0.0))
    blocks["b[1]"].of(theta)[1] = -100  # no unit of the second one is open
    net.theta_ = theta
    with pytest.warns(ConvergenceWarning, match="Member 2 of 2: "):
        net.fit(X, Y)


def test_members_of_one_cause_are_named_together():
    net = MLPRegressor((50,), n_members=3, max_iter=5, learning_rate_init=1e-9, random_state=1)
    with pytest.warns(ConvergenceWarning) as caught:
        net.set_params(n_iter_no_change=50, activation="tanh").fit(X_REG, Y_REG)
    said = str(caught[0].message)
    assert said.count("learned nothing") == 1
    assert re.search(r"Member \d of 3 \(.* likewise\): The network learned nothing", said)


# Bad input ----------------------------------------------------------------------------------------


def test_numbers_of_members_that_are_none():
    for n in (0, -1, 2.5):
        with pytest.raises(ValueError, match="n_members"):
            MLPClassifier(n_members=n).fit(X, Y)


def test_more_members_than_rows():
    net = MLPRegressor(n_members=20, early_stopping=True)
    with pytest.raises(ValueError, match=r"n_members=20, each of which\s+holds out 2 or more"):
        net.fit(X_REG[:30], Y_REG[:30])
    MLPRegressor(n_members=20, max_iter=2).fit(X_REG[:5], Y_REG[:5])


def test_another_number_in_a_warm_start():
    net = MLPClassifier(n_members=2, warm_start=True, max_iter=2).fit(X, Y)
    with pytest.raises(ValueError, match="n_members was 2 and is now 3"):
        net.set_params(n_members=3).fit(X, Y)


def test_the_spread_of_one_network():
    net = MLPRegressor(max_iter=2).fit(X_REG, Y_REG)
    with pytest.raises(ValueError, match="return_std=True needs several members"):
        net.predict(X_REG, return_std=True)
    assert net.member_predictions(X_REG).shape == (1, len(X_REG))


def test_a_class_of_a_single_row_is_trained_by_all():
    X_iris, y = load_iris(return_X_y=True)
    y = y.copy()
    y[0] = 7
    net = MLPClassifier((5,), n_members=3, early_stopping=True, validation_fraction=0.5)
    rows = parts_of(net.set_params(max_iter=2, random_state=0), scale(X_iris), y)
    assert rows.parts[1][:, rows.y == 3].sum() == 0
