"""The picture of signals on their way through networks."""

import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits

from sknn_opt import MLPClassifier, SignalPropagationDisplay, check_gradients, check_signals

plt = pytest.importorskip("matplotlib.pyplot")
X, Y = load_digits(return_X_y=True)
X, Y = (X[:200] - 5) / 6, Y[:200]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def net(depth=10, **parameters):
    return MLPClassifier((40,) * depth, **{"random_state": 0} | parameters)


NETS = {init: net(activation="logistic", init=init) for init in ("xavier", "auto")}


def test_several_networks_side_by_side():
    display = SignalPropagationDisplay.from_estimator(NETS, X, Y)
    assert display.ax_.shape == (2, 2)
    assert [ax.get_title() for ax in display.ax_[0]] == ["xavier: vanishing", "auto: healthy"]
    assert display.ax_[0, 0].get_ylim() == display.ax_[0, 1].get_ylim()
    assert display.ax_[1, 0].get_ylim() == display.ax_[1, 1].get_ylim()
    assert display.ax_[0, 0].get_yscale() == "log"
    assert display.figure_ is display.ax_[0, 0].figure
    display.figure_.draw_without_rendering()


def test_the_gains_are_those_of_the_report():
    report = check_signals(NETS["xavier"], X, Y)
    display = SignalPropagationDisplay.from_report(report)
    hidden = report.layers[:-1]
    _, forward, backward = display.ax_[0, 0].lines
    np.testing.assert_array_equal(forward.get_xdata(), np.arange(1, 11))
    np.testing.assert_array_equal(forward.get_ydata(), [layer.forward_gain for layer in hidden])
    np.testing.assert_array_equal(backward.get_xdata(), np.arange(2, 11))
    np.testing.assert_array_equal(
        backward.get_ydata(), [layer.backward_gain for layer in hidden[1:]]
    )
    assert display.ax_[0, 0].get_title() == "Vanishing"


def test_lines_differ_without_color():
    display = SignalPropagationDisplay.from_estimator(net(), X, Y)
    _, forward, backward = display.ax_[0, 0].lines
    assert forward.get_linestyle() != backward.get_linestyle()
    assert forward.get_marker() != backward.get_marker()


def test_the_shades_are_histograms():
    report = check_signals(net(2, activation="tanh"), X, Y)
    display = SignalPropagationDisplay.from_report([report])
    (mesh,) = display.ax_[1, 0].collections
    shades = np.asarray(mesh.get_array())
    assert shades.shape == (60, 2)
    assert shades.max(axis=0) == pytest.approx([1, 1])
    edges = mesh.get_coordinates()[:, 0, 1]
    for layer, column in zip(report.layers, shades.T, strict=False):
        counts = np.histogram(np.clip(layer.sample, edges[0], edges[-1]), edges)[0]
        np.testing.assert_allclose(column, np.log1p(counts) / np.log1p(counts.max()))


def test_fitted_weights():
    model = net(2, max_iter=2, n_iter_no_change=3)
    with pytest.warns(UserWarning, match="Training stopped"):
        model.fit(X, Y)
    report = check_signals(model, X, Y)
    for point in (0, -1):
        display = SignalPropagationDisplay.from_report({"net": report}, point=point)
        gain = display.ax_[0, 0].lines[1].get_ydata()[0]
        assert gain == report.points[point].layers[0].forward_gain
    display = SignalPropagationDisplay.from_estimator(model, X, point=-1)
    assert display.ax_[0, 0].lines[1].get_ydata()[0] == gain


@pytest.mark.parametrize("scale", [0.0, 1e-3, 1.5, 1e40])
def test_nets_far_out_of_range(scale):
    def eye(shape, rng, gain):
        return scale * np.eye(*shape)

    models = [net(30, activation="identity", init=eye), net(30)]
    display = SignalPropagationDisplay.from_estimator(models, X, Y)
    assert display.ax_[0, 1].get_title().startswith("network 2: ")
    low, high = display.ax_[1, 0].get_ylim()
    assert -20 < low <= 0 < high < 20
    display.figure_.draw_without_rendering()


def test_one_hidden_layer():
    display = SignalPropagationDisplay.from_estimator(net(1), X, Y)
    display.figure_.draw_without_rendering()


def test_axes_of_the_user():
    figure, axes = plt.subplots(1, 2)
    display = SignalPropagationDisplay.from_estimator(net(2), X, Y, ax=axes[1])
    assert display.figure_ is figure
    left = axes[0].get_position().x1
    assert all(ax.get_position().x0 > left for ax in display.ax_.ravel())


def test_other_reports_are_refused():
    report = check_gradients(net(1), X[:20], Y[:20])
    with pytest.raises(TypeError, match="check_signals returned, one or several; got GradientRep"):
        SignalPropagationDisplay.from_report(report)


def test_without_matplotlib(monkeypatch):
    display = SignalPropagationDisplay.from_estimator(net(1), X, Y)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"Display\.plot needs matplotlib; .*sknn_opt\[plots\]"):
        display.plot()
