"""Classes that turn up later in a stream: the network takes them in, and forgets nothing."""

import pickle

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import load_iris

from sknn_opt import InputNormalizer, Loss, MLPClassifier, check_gradients

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
X = InputNormalizer().fit_transform(X)
NAMES = np.array(["b", "d", "f"])[Y]
ALL = ["b", "d", "f"]


def classifier(**parameters):
    defaults = {"hidden_layer_sizes": (10,), "learning_rate_init": 0.02, "random_state": 0}
    return MLPClassifier(**defaults | parameters)


def stream(net, n_calls, rows, y=NAMES, **first):
    for _ in range(n_calls):
        net.partial_fit(X[rows], y[rows], **first)
        first = {}
    return net


def grown(net, classes):
    """A copy that took in classes, and did not train yet."""
    net = pickle.loads(pickle.dumps(net))
    known, net.classes_ = net.classes_, np.array(classes)
    net._take_in(known, np.zeros((1, 1), int) if len(classes) == 2 else np.zeros(1, int))
    return net


@pytest.mark.parametrize("late", ALL)
def test_two_classes_become_three_and_predictions_do_not_jump(late):
    old = late != NAMES
    net = stream(classifier(), 40, old, classes=np.unique(NAMES[old]))
    before, n = net.predict_proba(X), net._training.n_seen
    after = grown(net, ALL).predict_proba(X)
    new = ALL.index(late)
    odds = np.delete(after, new, axis=1) / (1 - after[:, [new]])
    np.testing.assert_allclose(odds, before, rtol=1e-5, atol=1e-12)
    assert after[:, new].max() <= 1 / (n + 1) * (1 + 1e-6)


@pytest.mark.parametrize("classes", [["b", "d", "f", "g"], ["a", *ALL], ["b", "c", "d", "e", "f"]])
def test_three_classes_become_more(classes):
    net = stream(classifier(), 40, slice(None), classes=ALL)
    before = net.predict_proba(X)
    after = grown(net, classes).predict_proba(X)
    places = np.searchsorted(classes, ALL)
    known = after[:, places] / after[:, places].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(known, before, rtol=1e-5, atol=1e-12)


def test_one_class_becomes_two_and_then_three():
    net = classifier(random_state=1).partial_fit(X[:9], ["d"] * 9, classes=["d"])
    np.testing.assert_allclose(grown(net, ["b", "d"]).predict_proba(X)[:, 0], 1 / 11, rtol=1e-5)
    np.testing.assert_allclose(grown(net, ["d", "f"]).predict_proba(X)[:, 1], 1 / 11, rtol=1e-5)
    stream(net, 60, Y < 2, classes=["b", "d"])
    assert net.score(X[Y < 2], NAMES[Y < 2]) > 0.9
    stream(net, 60, slice(None), classes=ALL)
    assert net.score(X, NAMES) > 0.9


WAYS = {
    "adam": {},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.1},
    "rmsprop": {"solver": "rmsprop"},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 50},
    "early stopping by accuracy": {"early_stopping": True, "scoring": None},
    "average": {"average": 0.9, "batch_norm": True},
    "balanced": {"class_weight": "balanced"},
    "class weights": {"class_weight": {"b": 2.0, "d": 1.0, "f": 1.0}},
    "float64": {"dtype": "float64", "label_smoothing": 0.1},
    "dropout": {"dropout": 0.1, "hidden_layer_sizes": (20, 10)},
    "no hidden layer": {"hidden_layer_sizes": (), "learning_rate_init": 0.1},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("late", ["b", "d"])
def test_a_new_class_is_learned(late, way):
    old = late != NAMES
    net = stream(classifier(**WAYS[way]), 30, old, classes=np.unique(NAMES[old]))
    history = len(net.history_)
    stream(net, 1, slice(None), classes=ALL)
    assert net.classes_.tolist() == ALL
    assert net.n_outputs_ == net.predict_proba(X).shape[1] == 3
    assert net.out_activation_ == "softmax"
    assert len(net.theta_) == max(block.slice.stop for block in net.blocks_.values())
    assert len(net.history_) == history + 1
    again = pickle.loads(pickle.dumps(net))
    for each in (net, again):
        stream(each, 80, slice(None))
    np.testing.assert_array_equal(net.predict_proba(X), again.predict_proba(X))
    assert net.score(X, NAMES) > 0.9
    if "dropout" not in way:
        assert check_gradients(net, X[::10], NAMES[::10]).passed
    net.set_params(warm_start=True, max_iter=3).fit(csr_array(X), NAMES)
    assert net.score(X, NAMES) > 0.9


def test_balanced_counts_are_kept():
    net = stream(classifier(class_weight="balanced"), 1, Y != 1, classes=["b", "f"])
    stream(net, 1, Y < 2, classes=ALL)
    np.testing.assert_array_equal(net._training.class_totals, [[100, 50, 50]])


def test_the_same_classes_again_change_nothing():
    one = stream(classifier(), 5, slice(None), classes=ALL)
    other = classifier()
    for _ in range(5):
        other.partial_fit(X, NAMES, classes=ALL[::-1])
    np.testing.assert_array_equal(one.theta_, other.theta_)


def test_after_fit():
    net = classifier(max_iter=100).fit(X[Y < 2], NAMES[Y < 2])
    stream(net, 100, slice(None), classes=ALL)
    assert net.score(X, NAMES) > 0.9


def test_early_stopping_that_had_ended_goes_on():
    net = classifier(early_stopping=True, validation_fraction=0.3, n_iter_no_change=1)
    stream(net, 200, Y < 2, classes=ALL[:2])
    assert net._training.n_stalled > 1
    stream(net, 1, slice(None), classes=ALL)
    assert net._training.n_stalled <= 1


class Softmax(Loss):
    link = "softmax"

    def __call__(self, z, y):
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        rows = np.arange(len(z))
        losses = -np.log(p[rows, y])
        p[rows, y] -= 1
        return losses, p


class Logistic(Loss):
    link = "logistic"

    def __call__(self, z, y):
        return (np.log1p(np.exp(z)) - y * z).sum(axis=1), 1 / (1 + np.exp(-z)) - y


def test_losses_of_ones_own():
    net = stream(classifier(loss=Softmax()), 40, Y < 2, classes=ALL[:2])
    before = net.predict_proba(X)
    after = grown(net, ALL).predict_proba(X)[:, :2]
    np.testing.assert_allclose(after / after.sum(axis=1, keepdims=True), before, atol=1e-6)
    binary = stream(classifier(loss=Logistic()), 1, Y < 2, classes=ALL[:2])
    refuses(binary, NAMES, ALL, "need 'softmax'")


def refuses(net, y, classes, message):
    before = vars(net).copy(), net.predict_proba(X)
    with pytest.raises(ValueError, match=message):
        net.partial_fit(X, y, classes=classes)
    assert vars(net) == before[0]
    np.testing.assert_array_equal(net.predict_proba(X), before[1])


def test_errors():
    net = stream(classifier(), 2, slice(None), classes=ALL)
    refuses(net, NAMES, ["b", "d", "g"], r"lacks \['f'\], which the network knows")
    refuses(net, Y, [0, 1, 2], r"lacks \['b', 'd', 'f'\]")
    numbers = np.where(Y == 2, "z", NAMES)
    refuses(net, numbers, None, r"classes \['z'\], which are not among.*names the known ones, too")
    refuses(net, numbers, [*ALL, "y"], r"classes \['z'\], which are not among")
    codes = stream(classifier(), 2, slice(None), y=Y, classes=[0, 1, 2])
    refuses(codes, Y, ["0", "1", "2", "3"], r"lacks \[0, 1, 2\]")
    refuses(codes, Y, [0, 1, 2, np.nan], r"classes=\[0.0, 1.0, 2.0, nan\] holds NaN")


def test_labels_take_no_classes():
    labels = np.column_stack([Y == 0, Y == 2, Y > 0]).astype(int)
    net = stream(classifier(), 2, slice(None), y=labels)
    net.partial_fit(X, labels, classes=[0, 1, 2])
    assert net.n_outputs_ == 3
    refuses(net, labels, [0, 1, 2, 3], "a network for several labels.*has no classes to add")
    refuses(net, Y, [0, 1, 2, 3], "a network for several labels.*has no classes to add")
    one = stream(classifier(), 2, slice(None), y=Y, classes=[0, 1, 2])
    refuses(one, labels, [0, 1, 2, 3], "a network for several labels.*has no classes to add")
