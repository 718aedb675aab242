"""k members are k single networks, in fits with folds and in streams, from the same weights."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_wine
from sklearn.preprocessing import scale

from sknn_opt import MLPClassifier, MLPRegressor
from sknn_opt.nn import members
from sknn_opt.nn.network import lay_out
from sknn_opt.optim import AdamW, FadeOut

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_wine(return_X_y=True)
ORDER = np.random.default_rng(0).permutation(176)
X, Y = scale(X)[ORDER], Y[ORDER]
X_REG, Y_REG = load_diabetes(return_X_y=True)
X_REG, Y_REG = scale(X_REG)[:440], Y_REG[:440]
K = 3


class Drawn:
    """An initializer whose matrices depend on their number alone, from `start` on."""

    def __init__(self, start=0):
        self.number = start

    def __call__(self, shape, rng, gain):
        self.number += 1
        return np.random.default_rng(self.number).normal(0, shape[0] ** -0.5, shape)

    def __deepcopy__(self, memo):
        return self


def make(kind, member=None, **options):
    """The packed network, or one of the single ones."""
    defaults = {"hidden_layer_sizes": (6,), "dtype": "float64", "shuffle": False, "random_state": 0}
    several = {"n_members": K} if member is None else {}
    return kind(init=Drawn(2 * (member or 0)), **defaults | several | options)


def assert_same(packed, singles, tol=1e-9):
    for i, single in enumerate(singles):
        own = packed._weights.of_member(packed._training.architecture, i)
        np.testing.assert_allclose(own.theta, single.theta_, rtol=tol, atol=tol)
        np.testing.assert_allclose(own.statistics, single.statistics_, rtol=tol, atol=tol)
        for name in ("loss", "score"):
            rows = zip(packed.history_, single.history_, strict=True)
            each = [(one.get(f"{name}[{i + 1}]"), other[name]) for one, other in rows]
            assert all(a == b or a == pytest.approx(b, rel=1e-6, abs=1e-9) for a, b in each)


OPTIONS = {
    "plain": {},
    "batches": {"batch_size": 7},
    "batch norm": {"batch_norm": True, "batch_size": 9},
    "average": {"average": 0.9, "batch_size": 10},
    "alpha": {"alpha": 10.0},
    "clipped": {"max_grad_norm": 0.1, "batch_size": 10},
    "early stopping": {"early_stopping": True, "validation_fraction": 0.3, "batch_size": 30},
    "balanced": {"class_weight": "balanced"},
    "factors": {"input_scale": [0.5, 0.0, *range(11)]},
    "rates": {"solver": AdamW(0.02, layer_rates={"W": "fan_in"}, weight_decay=FadeOut(0.3))},
}
WEIGHTS = {
    "none": lambda call, n: None,
    "heavier from call to call": lambda call, n: np.full(n, float(call)),
    "now and then": lambda call, n: None if call % 2 else np.linspace(0.1, call, n),
    "some 0": lambda call, n: np.arange(n) % 3.0,
}


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("weights", WEIGHTS)
def test_streams(name, weights):
    nets = [make(MLPClassifier, i, **OPTIONS[name]) for i in (None, *range(K))]
    for net in nets:
        for call, rows in enumerate(np.array_split(np.arange(len(X)), 6), 1):
            weight = WEIGHTS[weights](call, len(rows))
            net.partial_fit(X[rows], Y[rows], weight, classes=[0, 1, 2] if call == 1 else None)
    assert_same(*nets[:1], nets[1:])


@pytest.mark.parametrize("loss", ["squared_error", "poisson", "huber"])
def test_streams_whose_targets_change_their_scale(loss):
    y = np.concatenate([Y_REG[:200], Y_REG[200:] * 50 + 1000])
    nets = [make(MLPRegressor, i, loss=loss) for i in (None, *range(K))]
    for net in nets:
        for call, rows in enumerate(np.array_split(np.arange(len(y)), 6), 1):
            net.partial_fit(X_REG[rows], y[rows], np.full(len(rows), float(call)))
    assert_same(*nets[:1], nets[1:], tol=1e-7)


def with_folds(options, X, y, weight=None, groups=None):
    """The packed network, and the rows that each member trains on and holds out."""
    seen = []

    class Spy(MLPClassifier):
        def _to_network(self, state, rows, learn, advice):
            seen.append(rows)
            return super()._to_network(state, rows, learn, advice)

    packed = make(Spy, **options).fit(X, y, weight, groups=groups)
    return packed, [
        tuple(seen[0].of_member(i, held_out=side).that_count() for side in (False, True))
        for i in range(K)
    ]


def as_given(net, rows):
    """X, y and weights of these rows, as a user gives them."""
    return rows.of(rows.X), net._decode(rows.of(rows.y)), rows.of(rows.weight)


FOLDS = {"early_stopping": True, "n_iter_no_change": np.inf, "max_iter": 12, "alpha": 0.0}


@pytest.mark.parametrize("name", sorted(OPTIONS.keys() - {"balanced", "alpha"}))
@pytest.mark.parametrize("weighted", [False, True])
def test_folds(name, weighted):
    weight = np.linspace(0.2, 3, len(X)) if weighted else None
    options = OPTIONS[name] | FOLDS | {"validation_fraction": 0.25}
    y = np.zeros(len(X), int)  # one stratum: the members' parts have one size
    y[::2] = 1
    packed, parts = with_folds(options, X, y, weight)
    assert {train.n_rows for train, _ in parts} == {132} or weighted
    if weighted:  # shorter members are filled up, which other batches would show
        options |= {"batch_size": 1000}
        packed, parts = with_folds(options, X, y, weight)
    singles = []
    for i, (train, held) in enumerate(parts):
        single = make(MLPClassifier, i, **options)
        given, (X_val, y_val, w_val) = (as_given(packed, part) for part in (train, held))
        singles.append(single.fit(*given, X_val=X_val, y_val=y_val, sample_weight_val=w_val))
    assert_same(packed, singles)
    epochs = [each.best_epoch for each in packed._training.members]
    assert epochs == [single._training.best_epoch for single in singles]


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_the_penalty_is_that_of_the_rows_that_a_member_trains_on(solver):
    """A table of cells, of each of which a member has the half: a set of half the size."""
    X_cells, y_cells = np.repeat(X[:30], 6, axis=0), np.tile(np.arange(2), 90)
    options = FOLDS | {"alpha": 30.0, "solver": solver, "validation_fraction": 1 / 3}
    packed, parts = with_folds(options, X_cells, y_cells)
    totals = {train.total_weight() for train, _ in parts}
    assert totals == {120}
    for i, (train, held) in enumerate(parts):
        single = make(MLPClassifier, i, **options)
        X_val, y_val, _ = as_given(packed, held)
        single.fit(*as_given(packed, train), X_val=X_val, y_val=y_val)
        first = packed.history_[0][f"loss[{i + 1}]"], single.history_[0]["loss"]
        assert first[0] == pytest.approx(first[1], abs=1e-9 if solver == "adam" else 0.05)
        if solver == "adam":
            own = packed._weights.of_member(packed._training.architecture, i)
            np.testing.assert_allclose(own.theta, single.theta_, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_batch_norm_where_a_member_has_batches_without_rows(size):
    """Of uneven groups: batches that only others fill move nothing of a member."""
    groups = np.minimum(np.arange(len(X)) // 60, 2)
    options = FOLDS | {"batch_norm": True, "batch_size": size, "learning_rate_init": 1e-300}
    options |= {"solver": "sgd", "momentum": 0.0, "batch_norm_momentum": 0.999999999}
    packed, parts = with_folds(options, X, Y, groups=groups)
    assert len({train.n_rows for train, _ in parts}) > 1
    assert len(packed.history_) == 12
    blocks, statistics = packed._training.architecture.statistics, packed.statistics_
    for i, (train, _) in enumerate(parts):
        z = train.of(train.X) @ np.random.default_rng(2 * i + 1).normal(0, 13**-0.5, (13, 6))
        # The mean over all batches of those of its rows.
        found = blocks["mean[1]"].of(statistics)[i]
        np.testing.assert_allclose(found, z.mean(axis=0), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("n", [200, 210, 260])
def test_least_steps_are_those_of_the_rows_that_a_member_trains_on(n):
    options = FOLDS | {"max_iter": 2, "min_steps": 30, "validation_fraction": 0.25}
    packed = make(MLPRegressor, **options).fit(X_REG[:n], Y_REG[:n])
    assert packed._training.moments["step"] == 30 == packed.n_iter_


@pytest.mark.parametrize(("n", "fraction"), [(49, 2 / 49), (98, 1.001 / 98), (161, 0.1)])
def test_scores_count_each_row_that_was_merged(n, fraction):
    """k of n occurrences are k rows to a scorer, though k / n · n is not k for all."""
    sizes = []

    def scoring(estimator, X, y):
        sizes.append(len(y))
        return 0.0

    X_cells, y_cells = np.repeat(X[:8], n, axis=0), np.repeat(np.arange(8) % 2, n)
    options = FOLDS | {"validation_fraction": fraction, "scoring": scoring, "max_iter": 1}
    _, parts = with_folds(options | {"batch_size": 10_000}, X_cells, y_cells)
    assert sizes == [round(held.total_weight()) for _, held in parts]


def test_a_score_that_fails_for_one_member_costs_no_other_its_best():
    calls = [0]

    def fails_at_first(estimator, X, y):
        calls[0] += 1
        if calls[0] == 2:
            raise ValueError("not now")
        return -float(calls[0])

    net = make(MLPClassifier, early_stopping=True, validation_fraction=0.3, scoring=fails_at_first)
    net.partial_fit(X, Y, classes=[0, 1, 2])
    before = net.member_predictions(X)
    net.partial_fit(X, Y)
    np.testing.assert_array_equal(net.member_predictions(X)[0], before[0])


PREDICTIONS = {
    "values": {},
    "amounts": {"loss": "poisson"},
    "quantiles": {"loss": "quantile", "quantile": [0.9, 0.1, 0.5]},
    "clipped": {"clip_predictions": True},
    "clipped quantiles": {"loss": "quantile", "quantile": [0.4, 0.6], "clip_predictions": True},
}


@pytest.mark.parametrize("name", PREDICTIONS)
@pytest.mark.parametrize("several", [False, True])
def test_predictions_are_the_mean_of_those_of_the_members(name, several):
    y = Y_REG if "quantiles" in name or not several else np.column_stack([Y_REG, -X_REG[:, 0]])
    y = np.abs(y) if name == "amounts" else y
    net = MLPRegressor((6,), n_members=K, max_iter=9, random_state=0, **PREDICTIONS[name])
    net.set_params(learning_rate_init=0.05).fit(X_REG, y)
    far = np.tile(X_REG * 5, (20, 1))  # several blocks of rows
    each, (mean, std) = net.member_predictions(far), net.predict(far, return_std=True)
    assert each.shape == (K, *mean.shape)
    np.testing.assert_allclose(mean, each.mean(axis=0), rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(std, each.std(axis=0, ddof=1), rtol=1e-5, atol=1e-4)
    np.testing.assert_array_equal(net.predict(far), mean)
    architecture = net._training.architecture
    for i in range(K):
        alone = clone(net).set_params(n_members=1)
        vars(alone).update(net._attributes(net._training.of_member(i), net._weights, 0, 0))
        alone._weights = net._weights.of_member(architecture, i)
        alone.n_features_in_ = net.n_features_in_
        np.testing.assert_allclose(alone.predict(far), each[i], rtol=1e-4, atol=1e-3)


def test_norms_of_huge_numbers():
    """A gradient of 1e200 is shortened, not lost."""
    blocks = lay_out({"W[1]": (2, 3, 1), "b[1]": (2, 1)})
    vector = np.zeros(8)
    members.put(blocks, vector, 0, np.array([3e200, 0, 0, 4e200]))
    np.testing.assert_allclose(members.norms(blocks, vector), [5e200, 0])


class OneClassEach:
    """Two splits, each with one class to train on, and both to validate on."""

    def split(self, X, y, groups=None):
        parts = [np.array_split(np.flatnonzero(y == c), 2) for c in (0, 1)]
        for c in (0, 1):
            yield parts[c][0], np.concatenate([parts[c][1], parts[1 - c][0]])

    def get_n_splits(self, X=None, y=None, groups=None):
        return 2


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("batch_size", [20, 1000])
@pytest.mark.parametrize("without", [0, 1])
def test_class_weights_that_leave_a_member_nothing(solver, batch_size, without):
    net = MLPClassifier((4,), n_members=2, early_stopping=True, validation_fraction=OneClassEach())
    net.set_params(solver=solver, batch_size=batch_size, class_weight={without: 0, 1 - without: 1})
    with pytest.raises(ValueError, match="leaves no row of the training set"):
        net.fit(X, (Y == 0).astype(int))


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("member", range(K))
@pytest.mark.parametrize("size", [1e6, 1e300])
def test_a_member_that_diverges_ends_the_training(member, size, early_stopping):
    """In the first batch or later: the others keep their best, and it is said."""

    class Huge(Drawn):
        def __call__(self, shape, rng, gain):
            drawn = super().__call__(shape, rng, gain)
            return drawn * (size if self.number == 2 * member + 1 else 1)

    net = MLPRegressor((6,), n_members=K, init=Huge(), solver="sgd", early_stopping=early_stopping)
    with pytest.warns(match="Training diverged in epoch"):
        net.set_params(random_state=0, dtype="float64", batch_size=20).fit(X_REG, Y_REG)
    assert len(net.history_) == net.n_iter_
    assert np.isfinite(net.theta_).all()
    assert np.isfinite(net.predict(X_REG)).all()
