"""The picture of a training."""

import sys

import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sknn_opt import InputNormalizer, LossCurveDisplay, MLPClassifier

plt = pytest.importorskip("matplotlib.pyplot")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = load_iris(return_X_y=True)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def network(**parameters):
    return MLPClassifier((8,), max_iter=20, random_state=0, **parameters)


def drawn(display):
    return {line.get_label(): line.get_data() for line in display.ax_.lines}


def test_without_validation_there_is_the_training_loss_alone():
    net = network().fit(X, Y)
    display = LossCurveDisplay.from_estimator(net)
    (label,) = drawn(display)
    assert label == "training loss"
    x, y = drawn(display)[label]
    assert list(x) == list(range(1, 21))
    assert list(y) == [row["loss"] for row in net.history_]
    assert display.score_ax_ is None
    assert display.figure_ is display.ax_.figure


def test_early_stopping_by_loss_marks_the_epoch_whose_weights_are_kept():
    net = network(early_stopping=True, learning_rate_init=0.3, n_iter_no_change=4).fit(X, Y)
    display = LossCurveDisplay.from_estimator(net)
    curves = drawn(display)
    x, y = curves["validation loss"]
    assert list(y) == net.validation_loss_curve_
    assert curves[f"best: epoch {display.best_epoch}"][0][0] == display.best_epoch
    assert y[list(x).index(display.best_epoch)] == min(y)
    assert display.score_ax_ is None


@pytest.mark.parametrize(
    ("scoring", "name"),
    [
        ("roc_auc_ovr", "roc_auc_ovr"),
        (None, "score"),
        (lambda clf, X, y: clf.score(X, y), "<lambda>"),
    ],
)
def test_another_score_has_its_own_axis(scoring, name):
    net = network(early_stopping=True, scoring=scoring).fit(X, Y)
    display = LossCurveDisplay.from_estimator(net)
    (line,) = display.score_ax_.lines
    assert list(line.get_ydata()) == net.validation_scores_
    assert display.score_ax_.get_ylabel() == name
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts == [
        "training loss",
        "validation loss",
        name,
        f"best: epoch {display.best_epoch}",
    ]


def test_a_watched_validation_set_marks_nothing():
    net = network().fit(X[::2], Y[::2], X_val=X[1::2], y_val=Y[1::2])
    assert list(drawn(LossCurveDisplay.from_estimator(net))) == [
        "training loss",
        "validation loss",
    ]


def test_pipeline_search_and_axes_of_the_user():
    pipe = make_pipeline(InputNormalizer(), network())
    search = GridSearchCV(pipe, {"mlpclassifier__alpha": [1e-3, 1e-2]}, cv=2).fit(X, Y)
    _, ax = plt.subplots()
    display = LossCurveDisplay.from_estimator(search, ax=ax)
    assert display.ax_ is ax
    best = search.best_estimator_[-1]
    assert list(drawn(display)["training loss"][1]) == [row["loss"] for row in best.history_]


def test_decades_are_drawn_on_a_logarithmic_axis():
    history = [{"epoch": k, "loss": 10.0**-k, "validation_loss": None} for k in range(4)]
    assert LossCurveDisplay(history).plot().ax_.get_yscale() == "log"
    assert LossCurveDisplay(history[:1]).plot().ax_.get_yscale() == "linear"


def test_what_has_no_curve_says_so():
    with pytest.raises(TypeError, match="got LogisticRegression"):
        LossCurveDisplay.from_estimator(LogisticRegression())
    with pytest.raises(NotFittedError, match="call fit first"):
        LossCurveDisplay.from_estimator(network())


def test_without_matplotlib_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(
        ImportError, match=r"LossCurveDisplay.plot needs.*pip install 'sknn_opt\[plots\]'"
    ):
        LossCurveDisplay([]).plot()


def test_the_epoch_whose_weights_are_kept_after_a_second_fit():
    """The first fit was better, and by another score; its weights are gone."""
    net = network(early_stopping=True, warm_start=True, scoring=None).fit(X, Y)
    net.set_params(scoring="loss", learning_rate_init=1.0, max_iter=3).fit(X, Y)
    best = LossCurveDisplay.from_estimator(net).best_epoch
    assert best > 20
    assert net.history_[best - 1]["score"] == net.best_validation_score_
    assert net.best_validation_score_ == max(net.validation_scores_[20:])


def test_no_two_curves_look_the_same():
    net = network(early_stopping=True, scoring=None).fit(X, Y)
    display = LossCurveDisplay.from_estimator(net)
    lines = [*display.ax_.lines[:2], *display.score_ax_.lines]
    for look in ("get_color", "get_linestyle", "get_marker"):
        assert len({getattr(line, look)() for line in lines}) == 3


def rows(losses, **happened):
    """A history of such losses: e3={"back_to": 1} is what happened after epoch 3."""
    return [
        {"epoch": k, "loss": loss, "validation_loss": None, "learning_rate": 0.1}
        | happened.get(f"e{k}", {})
        for k, loss in enumerate(losses, 1)
    ]


STEERED = rows(
    [8, 7, 9, 8.5, 6, 5, 7.5, 4],
    e2={"new_rate": 0.5},
    e4={"back_to": 2, "new_rate": 0.1},
    e7={"back_to": 3},
    e8={"stopped": True},
)


def test_epochs_that_were_given_up_are_pale():
    lines = LossCurveDisplay(STEERED).plot().ax_.lines
    drawn = {line.get_label(): line.get_xydata().tolist() for line in lines}
    # epoch 8 comes from 3, which had been given up for 5, 6 and 7
    assert drawn["training loss"] == [[1, 8], [2, 7], [3, 9], [8, 4]]
    pale = [line.get_xydata()[:, 0].tolist() for line in lines if line.get_alpha()]
    assert pale == [[3, 4], [2, 5, 6, 7]]


def test_before_the_first_epoch_there_is_no_point():
    history = rows([3, 9, 2], e2={"back_to": 0})
    first, main, *_ = LossCurveDisplay(history).plot().ax_.lines
    assert first.get_xydata().tolist() == [[1, 3], [2, 9]]
    assert main.get_xydata().tolist() == [[3, 2]]


def test_interventions_are_marked_and_named():
    display = LossCurveDisplay(STEERED, show_rate=True).plot()
    named = {text.get_text(): text.xy[0] for text in display.ax_.texts}
    assert named == {
        "rate 0.5": 2.5,
        "back to 2, rate 0.1": 4.5,
        "back to 3": 7.5,
        "stopped": 8.5,
    }
    for ax in (display.ax_, display.rate_ax_):
        dotted = [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == ":"]
        assert dotted == list(named.values())


def test_what_was_given_up_does_not_set_the_height():
    history = rows([3, 2, 1e9, 1], e3={"back_to": 2})
    assert LossCurveDisplay(history).plot().ax_.get_ylim()[1] == 60


def test_the_learning_rate_is_drawn_below_if_asked_for():
    net = network(learning_rate="cosine", early_stopping=True, scoring=None).fit(X, Y)
    display = LossCurveDisplay.from_estimator(net, show_rate=True)
    (line,) = display.rate_ax_.lines
    assert list(line.get_ydata()) == [row["learning_rate"] for row in net.history_]
    assert display.rate_ax_.get_ylabel() == "learning rate"
    assert LossCurveDisplay.from_estimator(net).rate_ax_ is None
    net = MLPClassifier(solver="lbfgs", max_iter=5, random_state=0).fit(X, Y)
    assert not len(
        LossCurveDisplay.from_estimator(net, show_rate=True).rate_ax_.lines[0].get_xdata()
    )
