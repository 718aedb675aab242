"""The picture of a normalizer."""

import sys

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_digits, load_wine
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_opt import InputNormalizer, MLPClassifier, NormalizationDisplay, check_shift

plt = pytest.importorskip("matplotlib.pyplot")
X, Y = load_wine(return_X_y=True, as_frame=True)
NORMALIZER = InputNormalizer().fit(X)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def medians(ax):
    return {line.get_label(): line.get_data() for line in ax.lines}


def test_quantiles_before_and_after():
    display = NormalizationDisplay.from_estimator(NORMALIZER, X)
    before, after = display.ax_
    assert display.figure_ is before.figure is after.figure
    x, rows = medians(before)["training data"]
    np.testing.assert_allclose(x, X.median())
    np.testing.assert_array_equal(rows, np.arange(13))
    x, _ = medians(after)["training data"]
    np.testing.assert_allclose(x, ((X - X.mean()) / X.std(ddof=0)).median())
    np.testing.assert_allclose(display.before["training data"][4], X.quantile(0.99))
    assert [label.get_text() for label in before.get_yticklabels()] == list(X.columns)
    assert before.get_xscale() == "log"
    assert after.get_xscale() == "linear"
    assert after.get_legend() is None


def test_new_data_lie_below_and_shifted_features_stand_out():
    old, new = X[Y < 2], X[Y == 2]
    normalizer = InputNormalizer().fit(old)
    display = NormalizationDisplay.from_estimator(normalizer, old, X_new=new)
    assert display.report.shifted == check_shift(normalizer, new).shifted
    for label in display.ax_[0].get_yticklabels():
        shifted = label.get_text().removeprefix("→ ") in display.report.shifted
        assert label.get_text().startswith("→") == shifted
        assert (label.get_fontweight() == "bold") == shifted
    train, fresh = (line for line in display.ax_[1].lines)
    assert (fresh.get_ydata() > train.get_ydata()).all()
    assert fresh.get_marker() != train.get_marker()
    assert fresh.get_markerfacecolor() != fresh.get_color()
    texts = [text.get_text() for text in display.ax_[1].get_legend().get_texts()]
    assert texts == ["training data", "new data"]


def test_features_by_name_and_number():
    display = NormalizationDisplay.from_estimator(NORMALIZER, X, features=["hue", -1])
    assert display.names == ["hue", "proline"]
    assert display.ax_[0].get_title() == "Before: 2 of 13 features"
    assert NormalizationDisplay.from_estimator(NORMALIZER, X, features="ash").names == ["ash"]
    for features, message in (
        (["color"], "no feature 'color'; there are alcohol"),
        ([13], "no feature 13; X has 13 features"),
        ([], "features is empty"),
    ):
        with pytest.raises(ValueError, match=message):
            NormalizationDisplay.from_estimator(NORMALIZER, X, features=features)


def test_many_features_are_cut_to_twenty():
    digits = load_digits().data
    display = NormalizationDisplay.from_estimator(InputNormalizer().fit(digits), digits)
    assert display.ax_[0].get_title() == "Before: 20 of 64 features"


def test_axes_of_the_user():
    display = NormalizationDisplay.from_estimator(NORMALIZER, X, features=[0, 1])
    _, pair = plt.subplots(1, 2)
    assert list(display.plot(pair).ax_) == list(pair)
    figure, ax = plt.subplots()
    assert display.plot(ax).figure_ is figure
    assert all(axes.get_position().x1 <= ax.get_position().x1 for axes in display.ax_)
    assert not ax.axison


def test_other_normalizers():
    pipe = make_pipeline(InputNormalizer(clip=2.0), MLPClassifier((), solver="lbfgs")).fit(X, Y)
    display = NormalizationDisplay.from_estimator(pipe, X, X_new=X[:40])
    assert np.abs(display.after["training data"]).max() < 2
    scaler = StandardScaler().set_output(transform="pandas").fit(X)
    theirs = NormalizationDisplay.from_estimator(scaler, X)
    ours = NormalizationDisplay.from_estimator(NORMALIZER, X)
    np.testing.assert_allclose(theirs.after["training data"], ours.after["training data"])
    plain = InputNormalizer(with_mean=False).fit(X.to_numpy())
    stored = NormalizationDisplay.from_estimator(plain, sparse.csr_array(X.to_numpy()))
    np.testing.assert_allclose(stored.before["training data"], ours.before["training data"])


def test_negative_values_missing_values_and_equal_sizes():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(200, 3)) * [1, 1000, 5]
    table[rng.random(table.shape) < 0.2] = np.nan
    table[:, 2] = np.nan
    normalizer = InputNormalizer().fit(table)
    display = NormalizationDisplay.from_estimator(normalizer, table)
    assert display.ax_[0].get_xscale() == "symlog"
    np.testing.assert_allclose(
        display.before["training data"][2], np.append(np.nanmedian(table[:, :2], axis=0), np.nan)
    )
    alike = NormalizationDisplay.from_estimator(normalizer, table, features=[0])
    assert alike.ax_[0].get_xscale() == "linear"


def test_one_row_zeros_and_bad_input():
    display = NormalizationDisplay.from_estimator(NORMALIZER, X, X_new=X[:1])
    assert "one row has no variance" in str(display.report)
    NormalizationDisplay.from_estimator(NORMALIZER, X * 0, X_new=X * 0)
    with pytest.raises(NotFittedError):
        NormalizationDisplay.from_estimator(InputNormalizer(), X)
    with pytest.raises(TypeError, match="NormalizationDisplay needs.*got LogisticRegression"):
        NormalizationDisplay.from_estimator(LogisticRegression(), X)
    with pytest.raises(ValueError, match="feature names should match"):
        NormalizationDisplay.from_estimator(NORMALIZER, X.iloc[:, :3])
    with pytest.raises(ValueError, match="infinity"):
        NormalizationDisplay.from_estimator(NORMALIZER, X + np.inf)


def test_without_matplotlib_the_message_names_the_extra(monkeypatch):
    display = NormalizationDisplay.from_estimator(NORMALIZER, X)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"NormalizationDisplay.plot needs.*sknn_opt\[plots\]"):
        display.plot()
