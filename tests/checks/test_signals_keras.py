"""Signals of Keras models, whatever the backend."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from sknn_opt import InputNormalizer, MLPClassifier, check_signals

keras = pytest.importorskip("keras")
layers = keras.layers
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras's own

X = InputNormalizer().fit_transform(load_digits().data)[:200].astype("float32")
NAMES = {"relu": "relu", "tanh": "tanh", "logistic": "sigmoid", "selu": "selu"}


def model(depth, activation, init="glorot_uniform", norm=False, n_outputs=10):
    parts = [layers.Input((64,))]
    for _ in range(depth):
        inside = None if norm else activation
        parts.append(layers.Dense(50, activation=inside, kernel_initializer=init))
        if norm:
            parts += [layers.BatchNormalization(epsilon=1e-12), layers.Activation(activation)]
    return keras.Sequential([*parts, layers.Dense(n_outputs)])


def normal(deviation):
    return keras.initializers.RandomNormal(stddev=deviation, seed=0)


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("activation", NAMES)
def test_the_same_network_has_the_same_signals(activation, norm):
    mlp = MLPClassifier(
        (50, 50), activation=activation, init="lecun_normal", batch_norm=norm, random_state=0
    )
    objective = mlp.objective(X, np.arange(200) % 10)
    other = model(2, NAMES[activation], norm=norm)
    dense = [layer for layer in other.layers if isinstance(layer, layers.Dense)]
    for number, layer in enumerate(dense, 1):
        W = objective.blocks[f"W[{number}]"].of(objective.theta)
        layer.set_weights([W, np.zeros(W.shape[1])])
    report = check_signals(mlp, X, np.arange(200) % 10)
    for one, twin in zip(report.layers, check_signals(other, X).layers, strict=True):
        for name in ("z_rms", "a_rms", "forward_gain", "saturated", "effective_rank"):
            expected = pytest.approx(getattr(one, name), rel=1e-2, nan_ok=True)
            assert getattr(twin, name) == expected, name
        assert np.isnan(twin.backward_gain)


@pytest.mark.parametrize(
    ("built", "verdict", "remedy"),
    [
        (lambda: model(2, "relu"), "healthy", None),
        (lambda: model(20, "relu", normal(0.01)), "vanishing", "1.41 / √n_in"),
        (lambda: model(20, "relu", normal(0.01), norm=True), "healthy", None),
        (lambda: model(20, "sigmoid"), "collapsed", "4.56 / √n_in"),
        (lambda: model(3, "tanh", normal(3.0)), "saturated", "activation='relu'"),
        (lambda: model(40, "relu", "he_normal"), "collapsed", "BatchNormalization"),
        (lambda: model(3, "tanh", "zeros"), "vanishing", "weights that fit the activation"),
    ],
)
def test_verdicts_on_models(built, verdict, remedy):
    keras.utils.set_random_seed(0)
    report = check_signals(built(), X)
    assert report.verdict == verdict, report
    assert remedy is None or remedy in report.findings[0].remedy
    assert "nan" not in str(report)
    if remedy == "BatchNormalization":  # the weights fit relu
        assert "initial weights" not in report.findings[0].remedy


def test_a_model_is_left_as_it_was():
    keras.utils.set_random_seed(0)
    conv = keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10),
        ]
    )
    images = X.reshape(-1, 8, 8, 1)
    before, weights = conv.predict(images, verbose=0), conv.get_weights()
    report = check_signals(conv, images)
    assert [layer.n_units for layer in report.layers] == [8, 10]
    assert all(map(np.array_equal, weights, conv.get_weights()))
    np.testing.assert_array_equal(conv.predict(images, verbose=0), before)
    assert not any("call" in vars(layer) for layer in conv.layers)


def test_models_that_are_refused():
    with pytest.raises(ValueError, match="called 1 layers with a kernel: a network without"):
        check_signals(model(0, "relu"), X)
    with pytest.raises(ValueError, match="is not built; call it on some rows first"):
        check_signals(keras.Sequential([layers.Dense(3), layers.Dense(3)]), X)
    inputs = layers.Input((64,))
    hidden = layers.Dense(5)(inputs)
    several = keras.Model(inputs, [layers.Dense(1)(hidden), layers.Dense(2)(hidden)])
    with pytest.raises(TypeError, match="has several outputs; check_signals needs a model"):
        check_signals(several, X)
