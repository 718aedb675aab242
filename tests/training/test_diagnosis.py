"""A network that learned nothing is told why, and never what to do that is done already."""

import re
import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.preprocessing import StandardScaler

from sknn_opt import MLPClassifier, MLPRegressor
from sknn_opt.nn.network import Weights
from sknn_opt.optim import SGD, Adam, AdamW
from sknn_opt.training.diagnosis import Case
from sknn_opt.training.remedies import (
    CLIP_GRADIENT,
    FASTER,
    FEWER_LAYERS,
    INIT,
    NORMALIZE,
    SLOWER,
    Traits,
)
from sknn_opt.training.rows import Rows
from sknn_opt.training.settings import Settings


def scaled(load):
    X, y = load(return_X_y=True)
    return StandardScaler().fit_transform(X), y


CANCER, IRIS, DIABETES = map(scaled, (load_breast_cancer, load_iris, load_diabetes))
RNG = np.random.default_rng(0)
NOISE = RNG.normal(size=(6000, 5))
RANDOM_LABELS, RANDOM_TARGETS = RNG.integers(0, 2, 6000), RNG.normal(size=6000)
NOTHING = NOISE[:300], RANDOM_TARGETS[:300]  # which no initial weights predict by chance


def classifier(*sizes, **parameters):
    return MLPClassifier(sizes or (20,), **{"max_iter": 30, "random_state": 0} | parameters)


def regressor(*sizes, **parameters):
    return MLPRegressor(sizes or (20,), **{"max_iter": 30, "random_state": 0} | parameters)


def said(model, X, y, **fit):
    """The one warning of a fit, or ""."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y, **fit)
    assert len(caught) <= 1
    return "".join(str(w.message) for w in caught)


def weights_of(draw):
    return lambda shape, rng, gain: draw(rng, shape)


logistic = {"activation": "logistic", "init": "glorot_uniform"}
zeros = weights_of(lambda rng, shape: np.zeros(shape))
huge = weights_of(lambda rng, shape: rng.normal(0, 100, shape))
negative = weights_of(lambda rng, shape: -abs(rng.normal(size=shape)))

KINDS = {
    # what was done: (network, data, the cause, what to try)
    "vanishing": (
        classifier(*(30,) * 12, **logistic),
        CANCER,
        "initial weights its signals are vanishing: layer . gradients are multiplied by 0.2",
        "init='auto', batch_norm=True, activation='relu', or fewer layers",
    ),
    "vanishing, lbfgs": (
        classifier(*(30,) * 12, solver="lbfgs", **logistic),
        CANCER,
        "its signals are vanishing",
        "init='auto', batch_norm=True",
    ),
    "vanishing in a regressor": (
        regressor(*(30,) * 12, **logistic),
        DIABETES,
        "its signals are vanishing",
        "init='auto', batch_norm=True",
    ),
    "exploding": (
        classifier(*(30,) * 20, init=weights_of(lambda rng, shape: rng.normal(size=shape))),
        CANCER,
        "its signals are exploding",
        "init='auto', batch_norm=True, or fewer layers",
    ),
    "saturated": (
        classifier(30, 30, activation="tanh", init=huge),
        CANCER,
        "its signals are saturated",
        "init='auto', batch_norm=True, or activation='relu'",
    ),
    "dead": (
        classifier(20, 20, init=negative),
        (abs(CANCER[0]), CANCER[1]),
        "its signals are dead",
        "init='auto', activation='leaky_relu', or batch_norm=True",
    ),
    "zero weights": (classifier(init=zeros), CANCER, "its signals are dead", "init='auto'"),
    "rate too high": (
        regressor(learning_rate_init=10),
        DIABETES,
        "the steps are too large: a weight matrix moved by ",
        "a lower learning_rate_init, or max_grad_norm=1",
    ),
    "rate too high, and clipped": (
        regressor(learning_rate_init=10, max_grad_norm=1),
        DIABETES,
        "the steps are too large",
        r"a lower learning_rate_init\.$",
    ),
    "rate too low": (
        regressor(learning_rate_init=1e-8),
        NOTHING,
        r"the steps are too small \(n_iter_=\d+\)",
        r"a higher learning_rate_init\.$",
    ),
    "rate too low, few epochs": (
        regressor(learning_rate_init=1e-8, max_iter=2),
        NOTHING,
        "the steps are too small",
        r"a higher learning_rate_init\.$",
    ),
    "rate of the optimizer too low": (
        regressor(solver=SGD(1e-7)),
        NOTHING,
        "the steps are too small",
        r"a higher learning_rate of the solver\.$",
    ),
    "too short": (
        regressor(100, max_iter=1),
        NOTHING,
        r"training was too short \(n_iter_=1\)",
        "more max_iter, or a higher learning_rate_init",
    ),
    "penalty": (
        classifier(100, alpha=1e4),
        CANCER,
        "alpha=10000 makes the penalty of the initial weights ",
        r"a lower alpha\.$",
    ),
    "penalty, lbfgs": (regressor(alpha=1e4, solver="lbfgs"), DIABETES, "alpha=10000", "alpha"),
    "decay": (
        classifier(solver=AdamW(weight_decay=900.0), max_iter=60),
        CANCER,
        "weight_decay=900 shrinks the weights",
        r"a lower weight_decay\.$",
    ),
    "dropout": (
        regressor(20, 20, dropout=0.95),
        NOTHING,
        "dropout leaves out 95% of the units",
        r"a lower dropout\.$",
    ),
    "unscaled": (
        regressor(solver="rmsprop"),
        (DIABETES[0] * 1e6, DIABETES[1]),
        "unscaled inputs, as said above",
        "",
    ),
    "unscaled targets": (
        regressor(normalize_target=False),
        (DIABETES[0], DIABETES[1] * 1e4),
        "unscaled targets, as said above",
        "",
    ),
    "equal rows": (
        classifier(),
        (np.ones((100, 3)), np.arange(100) % 3 // 2),
        "rows that are equal, as said above",
        "",
    ),
    "random labels": (
        classifier(3, max_iter=200),
        (NOISE, RANDOM_LABELS),
        "y may not depend on X",
        "more rows, other features or more hidden units may show it",
    ),
    "random targets": (
        regressor(3, max_iter=200),
        (NOISE, RANDOM_TARGETS),
        "y may not depend on X",
        "",
    ),
    "random labels, early stopping": (
        classifier(3, early_stopping=True, max_iter=200),
        (NOISE, RANDOM_LABELS),
        "y may not depend on X",
        "",
    ),
}
ALL_REMEDIES = r"InputNormalizer|init=|batch_norm|activation=|alpha\.|learning_rate|layers"


@pytest.mark.parametrize("kind", KINDS)
def test_the_cause_and_what_helps(kind):
    model, (X, y), cause, remedy = KINDS[kind]
    text = said(model, X, y)
    found = re.search("Likely cause: (.*)", text)
    assert found, text
    assert re.search(cause.replace("layer .", r"layer \d+:"), found[1])
    assert re.search(remedy, found[1])
    if not remedy:  # none is named, but what was said above
        assert not re.search(ALL_REMEDIES, found[1])
    assert "Raise max_iter" not in text
    assert "scal" not in text or "unscaled" in kind


def test_the_remedy_works():
    model = classifier(*(30,) * 12, **logistic, learning_rate_init=0.003, max_iter=60)
    assert "vanishing" in said(model, *CANCER)
    assert "Likely cause" not in said(model.set_params(init="auto"), *CANCER)
    assert model.score(*CANCER) > 0.9


@pytest.mark.parametrize("rate", [1, 10])
def test_a_rate_too_high_with_a_high_accuracy(rate):
    model = classifier(100, learning_rate_init=rate, max_iter=15, tol=0)
    text = said(model, *CANCER)
    assert model.score(*CANCER) > 0.95
    assert "learned nothing" not in text
    assert re.search("predicts 9.*% of the training rows correctly, but.*too large", text)
    assert "a lower learning_rate_init" in text


def case(losses, reason, **state):
    """A fit on noise with these losses, whose weights moved as much as they should."""
    model = regressor(max_iter=1)
    said(model, *NOTHING)
    known = replace(model._training, n_epochs=len(losses), **state)
    known.history = [{"loss": loss} for loss in losses]
    start = Weights(model.theta_ * 0.5, model.statistics_)
    best = Weights(model.theta_, model.statistics_)
    settings = Settings(0.0, 100, 1e-4, Adam(), traits=lambda: Traits("relu"))
    rows = Rows(NOTHING[0], NOTHING[1][:, np.newaxis])
    return Case(known, start, best, rows, settings, len(losses), reason)


@pytest.mark.parametrize(
    ("losses", "reason", "by_score", "cause"),
    [
        ([0.9, 0.8, 0.7, 0.6], "max_iter", False, "still fell .* Try more max_iter, or a higher"),
        ([0.9, 0.8, 0.7, 0.6], "converged", False, "too slowly to go on. Try a higher learning"),
        ([0.9, 0.8, 0.7, 0.6], "converged", True, "too slowly to go on. Try a higher learning"),
        ([0.5, 0.4, 0.3, 0.2], "converged", True, "training rows fell to 0.2, but .* in epoch 1"),
        ([0.5, 0.5, 0.5, 0.5], "converged", True, "y may not depend on X"),
        ([0.505, 0.501, 0.499, 0.499], "max_iter", False, "y may not depend on X"),
        ([0.5], "max_iter", False, "y may not depend on X"),
        ([2.0, 1.9, 1.8, 1.7], "max_iter", False, "still fell .* Try more max_iter, or a higher"),
        ([2.0, 1.9, 1.8, 1.7], "converged", False, "y may not depend on X"),
    ],
)
def test_what_the_history_tells(losses, reason, by_score, cause):
    found = case(losses, reason, by_score=by_score, best_epoch=1).likely_cause(0.5)
    assert re.search(cause, found)


def test_constant_targets_are_learned_in_silence():
    assert said(regressor(tol=1e-2), NOISE[:200], np.full(200, 3.0)) == ""
    assert said(classifier(), NOISE[:200], np.zeros(200, int)) == ""


def test_sparse_inputs_are_told_of_a_normalizer_that_takes_them():
    X = csr_array(np.where(NOISE > 1, NOISE, 0) * [1, 1, 1, 1, 1e6])
    for solver in ("adam", "lbfgs", "sgd"):
        text = said(classifier(solver=solver), X, (NOISE[:, 0] > 1).astype(int))
        assert "InputNormalizer(with_mean=False)" in text
        assert "InputNormalizer()" not in text


def test_initial_weights_that_overflow_are_not_the_learning_rates_fault():
    far = weights_of(lambda rng, shape: rng.normal(0, 1e15, shape))
    for solver in ("adam", "lbfgs"):
        text = said(regressor(20, 20, 20, init=far, solver=solver, dtype="float32"), *DIABETES)
        assert "the initial weights are too large. Try init='auto', batch_norm=True" in text
        assert "learning" not in text


def test_a_warm_start_is_told_of_unscaled_inputs_in_full():
    model = regressor(warm_start=True, max_iter=5, solver="rmsprop")
    said(model, *DIABETES)
    assert "put InputNormalizer() before the network" in said(model, DIABETES[0] * 1e6, DIABETES[1])


# Remedies ---------------------------------------------------------------------------------------


def test_what_is_so_already_is_left_out():
    remedies = NORMALIZE, SLOWER, INIT, CLIP_GRADIENT, FEWER_LAYERS
    traits = Traits("relu", init="orthogonal", n_hidden=3)
    assert traits.choose(remedies[:1] + remedies[1:2]) == f"{NORMALIZE}, or {SLOWER}"
    assert "init=" not in Traits("relu", init="auto").choose(remedies)
    assert "max_grad_norm" not in Traits("relu", max_grad_norm=2.0).choose(remedies)
    assert "layers" not in Traits("relu").choose(remedies)
    assert "InputNormalizer" not in Traits("relu", scaled=True).choose(remedies)
    assert "with_mean=False" in Traits("relu", sparse=True).choose(remedies)


def test_lbfgs_has_no_learning_rate():
    traits = Traits("relu", solver="lbfgs", init="xavier", n_hidden=2)
    assert traits.choose((SLOWER, CLIP_GRADIENT, INIT)) == INIT
    assert traits.choose((FASTER,)) == "a lower tol"


def test_something_is_always_left():
    assert Traits("relu", n_hidden=2).choose((INIT,)) == "fewer layers"
    assert Traits("relu", n_hidden=1).choose((INIT,)) == "other initial weights"
