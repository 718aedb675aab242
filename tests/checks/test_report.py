"""The report: its numbers, table, frame and page."""

import builtins
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted_bugs import BUGS
from scipy.optimize import check_grad
from sklearn.datasets import load_iris

from sknn_opt import MLPClassifier, check_gradients
from sknn_opt.checks.gradients.numeric import ratio
from sknn_opt.checks.gradients.report import band

X, Y = load_iris(return_X_y=True)
X, Y = ((X - X.mean(axis=0)) / X.std(axis=0))[::9], Y[::9]


@pytest.fixture(scope="module")
def correct():
    return check_gradients(MLPClassifier((5,), activation="tanh", random_state=0), X, Y)


@pytest.fixture(scope="module")
def wrong():
    (bug,) = (bug for bug in BUGS if bug.name == "dW of the wrong sign")
    with bug.planted(2):
        net = MLPClassifier((5,), activation="tanh", random_state=0)
        return check_gradients(net, X, Y)


def test_the_ratio_of_the_course():
    a, n = np.array([3.0, 4.0]), np.array([3.0, 3.0])
    assert ratio(a, n) == pytest.approx(1 / (5 + np.sqrt(18)))
    assert ratio(np.zeros(3), np.zeros(3)) == 0
    assert ratio(a, np.zeros(2)) == 1
    assert np.isnan(ratio(np.array([np.nan]), np.ones(1)))


@given(st.integers(-300, 300))
def test_the_ratio_does_not_depend_on_the_unit(exponent):
    a, n = np.array([3.0, 4.0]), np.array([3.0, 3.0])
    unit = 10.0**exponent
    assert ratio(a * unit, n * unit) == pytest.approx(ratio(a, n), rel=1e-12)


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (1e-16, "great"),
        (1e-6, "worth a look"),
        (1e-4, "worrying"),
        (1.0, "worrying"),
        (np.nan, "worrying"),
    ],
)
def test_bands(value, word):
    assert band(value) == word


def test_a_correct_report(correct):
    assert correct.verdict == "OK"
    assert correct.passed
    assert correct.relative_error < 1e-14
    assert correct.first_bad_layer is None
    assert correct.fault is None
    assert correct.hints == []
    assert correct.n_evaluations > 0
    correct.raise_if_failed()
    assert str(correct).splitlines()[0].startswith("OK: relative error")
    assert str(correct).splitlines()[0].endswith("(great)")


def test_a_wrong_report(wrong):
    assert wrong.verdict == "WRONG"
    assert not wrong.passed
    assert wrong.relative_error > 0.1
    assert wrong.first_bad_layer == 2
    with pytest.raises(AssertionError) as caught:
        wrong.raise_if_failed()
    assert str(caught.value) == str(wrong)


def test_the_table(wrong):
    *said, blank, title, head, rule = (lines := str(wrong).splitlines())[:7]
    assert said == [
        f"WRONG: relative error {wrong.relative_error:.1e}, 1.0e+00 in W[2] (worrying)",
        "first at fault: layer 2: Dense, dW[2]",
        "hint: W[2] is -1 times the right one: the sign is wrong",
    ]
    assert title == "at the initial weights, by complex step, every element"
    assert head.split("  ")[0] == "block"
    assert head.endswith("sees above  worst at       analytic        numeric")
    assert (blank, set(rule)) == ("", {"-"})
    assert [line.split()[:2] for line in lines[7:13]] == [
        *(["W[2]", "WRONG"], ["all", "WRONG"]),
        *(["W[1]", "OK"], ["b[1]", "OK"], ["b[2]", "OK"], ["L2", "OK"]),
    ]
    assert lines[13:] == [
        "not shown: 1 column; all: report.full()",
        "what the columns mean: report.explain()",
    ]
    full = wrong.full().splitlines()
    assert "size" in full[5]
    assert [line.split()[0] for line in full[7:13]] == ["W[1]", "W[2]", "b[1]", "b[2]", "L2", "all"]


def test_worst_elements(wrong):
    worst = wrong.worst(3)
    assert len(worst) == 3
    errors = [abs(each["error"]) for each in worst]
    assert errors == sorted(errors, reverse=True)
    (block,) = (check for check in wrong.blocks if check.block == "W[2]")
    analytic, numeric = (side.reshape(block.shape) for side in block.samples)
    for each in worst:
        assert each["block"] == "W[2]"
        assert each["analytic"] == analytic[each["index"]]
        assert each["numeric"] == numeric[each["index"]]
    assert worst[0]["index"] == block.index
    assert abs(worst[0]["error"]) == np.abs(analytic - numeric).max()


def test_scipy_check_grad_is_computed_once_when_asked_for(correct):
    net = MLPClassifier((5,), activation="tanh", random_state=0)
    objective = net.objective(X, Y)
    expected = check_grad(objective.value, objective.gradient, objective.theta)
    report = check_gradients(net, X, Y)
    assert "scipy_check_grad" not in vars(report)
    assert report.scipy_check_grad == expected < 1e-5
    assert "scipy_check_grad" in vars(report)
    as_dict = check_gradients(
        lambda p: np.sum(p["a"] ** 2), lambda p: {"a": 2 * p["a"]}, {"a": np.ones((2, 2))}
    )
    assert as_dict.scipy_check_grad < 1e-6


def test_scipy_check_grad_sees_the_same_error(wrong):
    assert wrong.scipy_check_grad > 0.1


def test_frame(wrong):
    pandas = pytest.importorskip("pandas")
    frame = wrong.to_frame()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.columns)[:4] == ["point", "block", "layer", "n_parameters"]
    assert len(frame) == len(wrong.blocks)
    (row,) = frame[frame.block == "W[2]"].to_dict("records")
    assert row["verdict"] == "WRONG"
    assert row["layer"] == 2
    assert row["analytic"] == -row["numeric"] or row["analytic"] == pytest.approx(-row["numeric"])


def test_frame_without_pandas(monkeypatch, correct):
    original = builtins.__import__

    def no_pandas(name, *args, **kwargs):
        if name == "pandas":
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", no_pandas)
    with pytest.raises(ImportError, match="pip install pandas"):
        correct.to_frame()


def test_page(wrong):
    page = wrong._repr_html_()
    assert page.count("<table>") == page.count("</table>") == 1
    assert page.count("<tr>") == page.count("</tr>") == 7
    assert "is -1 times the right one: the sign is wrong" in page
    escaped = check_gradients(
        lambda p: np.sum(p["<b>"] ** 2), lambda p: {"<b>": 2 * p["<b>"]}, {"<b>": np.ones(4)}
    )._repr_html_()
    assert "<td>&lt;b&gt;</td>" in escaped


def test_a_report_of_a_network_can_be_pickled(wrong):
    copy = pickle.loads(pickle.dumps(wrong))
    assert str(copy) == str(wrong)


def test_nan_is_the_worst_of_all():
    report = check_gradients(
        lambda x: np.sum(x**2), lambda x: np.array([2 * x[0], np.nan]), np.ones(2)
    )
    assert report.verdict == "WRONG"
    assert np.isnan(report.relative_error)
    assert "not finite" in report.hints[0]
    assert report.worst(1)[0]["index"] == (1,)
