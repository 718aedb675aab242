"""The picture of a gradient check."""

import sys

import numpy as np
import pytest
from planted_bugs import BUGS
from sklearn.datasets import load_iris

from sknn_opt import GradientCheckDisplay, MLPClassifier, check_gradients

plt = pytest.importorskip("matplotlib.pyplot")
X, Y = load_iris(return_X_y=True)
X, Y = ((X - X.mean(axis=0)) / X.std(axis=0))[::9], Y[::9]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def points(display):
    """label -> (numeric, analytic) as drawn."""
    return {line.get_label(): line.get_data() for line in display.ax_.lines}


def test_correct_derivatives_lie_on_the_diagonal():
    report = check_gradients(MLPClassifier((5,), activation="tanh", random_state=0), X, Y)
    display = GradientCheckDisplay.from_report(report)
    drawn = points(display)
    for block in ("W[1]", "W[2]", "b[1]", "b[2]"):
        numeric, analytic = drawn[block]
        np.testing.assert_allclose(analytic, numeric, rtol=1e-8)
    (check,) = (check for check in report.blocks if check.block == "W[1]")
    assert len(drawn["W[1]"][0]) == check.n_parameters
    assert display.ax_.get_xscale() == display.ax_.get_yscale() == "log"
    assert "OK" in display.ax_.get_title()
    assert "opposite sign" not in drawn
    assert display.figure_ is display.ax_.figure


def test_wrong_signs_are_ringed_and_wrong_blocks_named():
    (bug,) = (bug for bug in BUGS if bug.name == "dW of the wrong sign")
    with bug.planted(1):
        report = check_gradients(MLPClassifier((5,), activation="tanh", random_state=0), X, Y)
    _, ax = plt.subplots()
    display = GradientCheckDisplay.from_report(report, ax=ax)
    assert display.ax_ is ax
    drawn = points(display)
    assert len(drawn["opposite sign"][0]) == len(drawn["W[1]: WRONG"][0]) == 20
    assert "b[1]" in drawn


def test_no_two_blocks_look_the_same():
    net = MLPClassifier((3,) * 5, activation="tanh", batch_norm=True, random_state=0)
    display = GradientCheckDisplay.from_report(check_gradients(net, X, Y))
    looks = [(line.get_color(), line.get_marker()) for line in display.ax_.lines[1:]]
    assert len(set(looks)) == len(looks) == 17


def test_zeros_lie_on_the_edge():
    (bug,) = (bug for bug in BUGS if bug.name == "db zero")
    with bug.planted(1):
        report = check_gradients(MLPClassifier((5,), activation="tanh", random_state=0), X, Y)
    display = GradientCheckDisplay.from_report(report)
    _, analytic = points(display)["b[1]: WRONG"]
    assert set(analytic) == {display.ax_.get_ylim()[0]}


def test_the_band_is_as_wide_as_the_resolution():
    def noisy(x):
        return float(np.float32(np.sum(np.sin(x))))

    report = check_gradients(noisy, np.cos, np.linspace(0.1, 1, 20))
    display = GradientCheckDisplay.from_report(report)
    (band,) = display.ax_.collections
    top = band.get_paths()[0].vertices[:, 1].max()
    width = report.blocks[0].resolution * np.linalg.norm(np.cos(np.linspace(0.1, 1, 20)))
    assert top == pytest.approx(display.ax_.get_xlim()[1] + width, rel=0.5)


def test_many_points_are_thinned_to_the_worst_and_a_sample():
    report = check_gradients(MLPClassifier((900,), random_state=0), X, Y, method="elements")
    display = GradientCheckDisplay.from_report(report)
    (check,) = (check for check in report.blocks if check.block == "W[1]")
    numeric, _ = points(display)["W[1]"]
    assert check.n_parameters == 3600
    assert 1000 < len(numeric) <= 2200


def test_without_matplotlib_the_message_says_what_to_install(monkeypatch):
    report = check_gradients(MLPClassifier((5,), random_state=0), X, Y)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install 'sknn_opt\[plots\]'"):
        GradientCheckDisplay.from_report(report)
