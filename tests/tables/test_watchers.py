"""A fit that ends in time, and a line that shows its way. No clock runs here but one of our own."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.exceptions import ConvergenceWarning

from sknn_opt import TabularMLPClassifier, TabularMLPRegressor
from sknn_opt.tables import base, watchers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(150, 3))
Y = X[:, 0] + X[:, 1] ** 2
EPOCHS = 20
PARAMS = {"min_steps": 0, "max_iter": EPOCHS, "n_iter_no_change": EPOCHS}


class FakeClock:
    """Seconds that pass while an epoch, or anything else, is watched.

    The clock is read once before a fit, once before its first epoch, and once after each.
    """

    def __init__(self, *seconds):
        self.now, self._seconds = 100.0, list(seconds)

    def __call__(self):
        now = self.now
        self.now += self._seconds.pop(0) if len(self._seconds) > 1 else self._seconds[0]
        return now


def fitted(monkeypatch, max_time, *seconds, kind=TabularMLPRegressor, y=Y, **options):
    """An estimator for which reading the clock takes so many seconds, the last again and again."""
    clock = FakeClock(*seconds)
    for module in (base, watchers):
        monkeypatch.setattr(module, "perf_counter", clock)
    model = kind("fast", random_state=0, max_time=max_time, network_params=PARAMS, **options)
    return model.fit(X, y)


def rates(model):
    """The learning rate at the end of each epoch, as shares of the first."""
    rates = np.array([row["learning_rate"] for row in model.history_])
    return rates / rates[0]


def test_ample_time_changes_nothing(monkeypatch):
    free, limited = fitted(monkeypatch, None, 1.0), fitted(monkeypatch, 1e6, 1.0)
    assert_array_equal(limited.predict(X), free.predict(X))
    assert_array_equal(limited.feature_importances_, free.feature_importances_)
    assert limited.n_iter_ == EPOCHS


def test_the_plan_is_cut_to_what_the_time_allows(monkeypatch):
    # 1 s to encode, then 1 s an epoch: of 10 s a tenth is for what follows the training.
    model = fitted(monkeypatch, 10, 1.0)
    assert model.n_iter_ == 8
    assert rates(model)[-1] < 0.05
    assert model.score(X, Y) > 0


def test_time_before_the_training_counts(monkeypatch):
    assert fitted(monkeypatch, 20, 15.0, 1.0).n_iter_ == 3


@pytest.mark.filterwarnings("ignore:.*learned nothing:sklearn.exceptions.ConvergenceWarning")
def test_a_slow_epoch_cuts_the_plan_and_a_fast_one_restores_it(monkeypatch):
    slow = fitted(monkeypatch, 30, 1.0, 10.0, 1.0)  # the first epoch: 10 s, and then 1 s
    assert slow.n_iter_ > 10
    assert rates(slow)[-1] < 0.1
    slower = fitted(monkeypatch, 30, 1.0, *[1.0] * 5, 9.0)  # from the sixth on: 9 s
    assert 6 <= slower.n_iter_ <= 8


@pytest.mark.parametrize("kind", [TabularMLPRegressor, TabularMLPClassifier])
def test_too_little_time_is_one_epoch_and_said(monkeypatch, kind):
    y = Y if kind is TabularMLPRegressor else Y > 1
    with pytest.warns(ConvergenceWarning, match="was up after the first of 20 epochs") as caught:
        model = fitted(monkeypatch, 1.5, 1.0, kind=kind, y=y)
    assert caught[0].filename == __file__
    assert str(caught[0].message).startswith("max_time=1.5 was up")
    assert model.n_iter_ == 1
    assert np.isfinite(model.feature_importances_).all()
    assert len(model.predict(X)) == len(X)


def test_few_importances_in_little_time():
    from sknn_opt.tables.importances import SHARE, WORK, work_in

    assert work_in(None) == work_in(1 / SHARE) == WORK
    assert work_in(1) == pytest.approx(WORK * SHARE)


# The line -----------------------------------------------------------------------------------------


def test_one_line_is_written_over_and_over(capsys):
    model = TabularMLPRegressor("fast", random_state=0, verbose=True, network_params=PARAMS)
    model.fit(X, Y)
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert said.endswith("\n")
    lines = said.strip("\n").split("\r")[1:]
    assert len(lines) == EPOCHS
    assert len({len(line) for line in lines}) == 1  # so that nothing of a longer one stays
    last = model.history_[-1]["validation_loss"]
    assert lines[-1].rstrip() == f"[{'#' * 20}] epoch 20/20, loss {last:.4g}, 0 s left"
    assert lines[9].startswith(f"[{'#' * 10}{' ' * 10}] epoch 10/20, loss ")


def test_the_line_ends_where_the_fit_does(capsys, monkeypatch):
    fitted(monkeypatch, 10, 1.0, verbose=True)  # cut short
    assert capsys.readouterr().out.endswith("\n")
    params = PARAMS | {"n_iter_no_change": 1, "early_stopping": False}
    model = TabularMLPRegressor("fast", random_state=0, verbose=True, network_params=params)
    model.fit(X, Y)
    said = capsys.readouterr().out
    assert said.endswith("\n")
    assert f"loss {model.history_[0]['loss']:.4g}" in said


def test_silent_by_default(capsys):
    TabularMLPRegressor("fast", network_params=PARAMS).fit(X, Y)
    assert not any(capsys.readouterr())


def test_the_watchers_leave_no_trace():
    model = TabularMLPRegressor("fast", max_time=1e6, network_params=PARAMS).fit(X, Y)
    assert not hasattr(model.network_, "_listeners")
