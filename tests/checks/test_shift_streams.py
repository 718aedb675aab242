"""`ShiftMonitor`: windows and stretches are judged as tables are, and the level is divided."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sknn_opt import InputNormalizer, ShiftMonitor, TableEncoder, check_shift
from sknn_opt.checks.shift.check import N_LENGTHS

RNG = np.random.default_rng(0)
NORMALIZER = InputNormalizer().fit(RNG.normal(size=(5000, 4)))


def fed(monitor, X, batch):
    """The reports of a monitor that gets so many rows at a time."""
    return [monitor.update(X[i : i + batch]) for i in range(0, len(X), batch)]


def assert_same_measures(one, other):
    assert (one.n_new, one.n_training) == (other.n_new, other.n_training)
    for a, b in zip(one.features, other.features, strict=True):
        assert a.name == b.name
        for field in ("mean_difference", "variance_ratio", "outside", "missing"):
            assert getattr(a, field) == pytest.approx(getattr(b, field), abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("batch", [1, 7, 200, 1000])
def test_a_window_is_judged_as_a_table_of_its_rows(batch):
    X = np.random.default_rng(1).normal(size=(2000, 4))
    X[::9, 1] = np.nan
    monitor = ShiftMonitor(NORMALIZER, window=200)
    reports = fed(monitor, X, batch)
    assert monitor.n_rows == 2000
    done = [(i, r) for i, r in enumerate(reports) if r is not None]
    per_window = -(-200 // batch)  # calls
    assert [i for i, _ in done] == [*range(per_window - 1, len(reports), per_window)]
    for i, report in done:
        rows = slice((i + 1 - per_window) * batch, (i + 1) * batch)
        assert_same_measures(report, check_shift(NORMALIZER, X[rows]))


def test_stretches_hold_all_of_their_windows():
    X = np.random.default_rng(2).normal(size=(800, 4)) + [0, 0, 0.35, 0]
    monitor = ShiftMonitor(NORMALIZER, window=50, false_alarms=0.01)
    fed(monitor, X, 50)
    stretch = monitor.alarm
    assert stretch.n_new in (100, 200, 400, 800)  # 50 rows are too few
    assert stretch.shifted == ["x2"]
    assert_same_measures(stretch, check_shift(NORMALIZER, X[: stretch.n_new]))
    assert not check_shift(NORMALIZER, X).passed


def test_the_parts_of_the_level_sum_to_no_more_than_all(monkeypatch):
    seen = []
    monitor = ShiftMonitor(NORMALIZER, window=2, false_alarms=0.2)
    first = monitor.update(np.zeros((2, 4)))
    level = stats.norm.sf(first.sees_above / np.sqrt(1 / 2 + 1 / 5000))
    assert level == pytest.approx(0.2 / (8 * 4) * 6 / np.pi**2 / 2)
    real = monitor._observer.judged
    monkeypatch.setattr(
        monitor._observer, "judged", lambda tally, level: seen.append(level) or real(tally, level)
    )
    X = np.zeros((2, 4))
    for _ in range(500):
        monitor.update(X)
    total = (sum(seen) + level) * 8 * 4
    assert 0.18 < total < 0.2
    assert len(seen) > 950  # a window, and every second a stretch, and so on


KINDS = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "lognormal": lambda rng, shape: rng.lognormal(sigma=2, size=shape),
    "rare": lambda rng, shape: (rng.random(shape) < 0.01).astype(float),
    "zeros": lambda rng, shape: np.where(rng.random(shape) < 0.9, 0, rng.pareto(2, shape)),
}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("n_training", [60, 3000])
def test_streams_without_a_shift_raise_no_alarm(name, n_training):
    """At a rate of 0.05 for a stream of 30 windows: of 12 streams a few may raise alarms."""
    rng, draw, alarms = np.random.default_rng(3), KINDS[name], 0
    for _ in range(12):
        normalizer = InputNormalizer().fit(draw(rng, (n_training, 10)))
        monitor = ShiftMonitor(normalizer, window=50, false_alarms=0.05)
        fed(monitor, draw(rng, (1500, 10)), 50)
        alarms += not monitor.passed
    assert alarms <= 3  # more come by chance once in 400 times


def test_a_shift_that_begins_later_is_found_and_stays_known():
    rng = np.random.default_rng(4)
    monitor = ShiftMonitor(NORMALIZER)
    fed(monitor, rng.normal(size=(20_000, 4)), 100)
    assert monitor.passed
    monitor.raise_if_shifted()
    shifted = rng.normal(size=(1000, 4)) + [0, 0, 0, 0.5]
    fed(monitor, shifted, 100)
    assert not monitor.passed
    assert monitor.alarm.shifted == ["x3"]
    fed(monitor, rng.normal(size=(1000, 4)), 100)
    assert not monitor.passed  # whatever comes later
    with pytest.raises(AssertionError, match="x3 +SHIFTED"):
        monitor.raise_if_shifted()
    monitor.reset()
    assert (monitor.n_rows, monitor.report, monitor.alarm) == (0, None, None)


def test_memory_stays_constant_and_a_pickle_goes_on():
    rng = np.random.default_rng(5)
    monitor, X = ShiftMonitor(NORMALIZER, window=10), rng.normal(size=(5120, 4))
    fed(monitor, X[:1280], 5)
    before = len(pickle.dumps(monitor))
    fed(monitor, X[1280:], 5)
    assert len(pickle.dumps(monitor)) < before + 4 * 1000  # two stretches are longer
    copy = pickle.loads(pickle.dumps(monitor))
    for _ in range(20):
        rows = rng.normal(size=(5, 4))
        one, other = monitor.update(rows), copy.update(rows)
        assert str(one) == str(other)
    assert max(monitor._n_judged) > monitor._n_judged[N_LENGTHS - 1]


def test_tables_pipelines_frames_and_sparse_rows():
    rng = np.random.default_rng(6)

    def table(n, share=0.5):
        age, sex = rng.normal(40, 10, n), np.where(rng.random(n) < share, "f", "m")
        return pd.DataFrame({"age": age, "sex": sex})

    encoder = TableEncoder(random_state=0).fit(table(2000), rng.normal(size=2000))
    monitor, new = ShiftMonitor(encoder, window=100), table(300, 0.9)
    parts = [monitor.update(new[i : i + 30]) for i in range(0, 300, 30)]
    assert monitor.alarm.shifted == ["sex"]
    assert_same_measures(parts[3], check_shift(encoder, new[:120]))
    assert parts[3]["sex"].note == check_shift(encoder, new[:120])["sex"].note

    frame = pd.DataFrame(rng.lognormal(size=(500, 2)), columns=["a", "b"])
    pipe = make_pipeline(FunctionTransformer(np.log), InputNormalizer()).fit(frame)
    report = ShiftMonitor(pipe, window=50).update(frame[:50])
    assert_same_measures(report, check_shift(pipe, frame[:50]))

    rows = sparse.random_array((600, 3), density=0.2, rng=0, format="csr")
    normalizer = InputNormalizer(with_mean=False).fit(rows)
    monitor = ShiftMonitor(normalizer, window=100)
    assert [monitor.update(rows[i : i + 50]) for i in (0, 50)][0] is None
    assert_same_measures(monitor.report, check_shift(normalizer, rows[:100]))


def test_rows_that_are_refused_count_as_not_seen():
    monitor = ShiftMonitor(NORMALIZER, window=10)
    monitor.update(np.zeros((4, 4)))
    for bad in (np.full((1, 4), np.inf), np.ones((2, 3)), np.empty((0, 4))):
        with pytest.raises(ValueError, match="infinity|3 features|no rows"):
            monitor.update(bad)
    assert monitor.n_rows == 4
    assert monitor.update(np.zeros((6, 4))).n_new == 10


def test_sentences_on_bad_input():
    for window in (1, 2.5, "10"):
        with pytest.raises(ValueError, match="window=.*an integer from 2 on"):
            ShiftMonitor(NORMALIZER, window=window)
    for rate in (0, 1, "often"):
        with pytest.raises(ValueError, match="false_alarms=.*between 0 and 1"):
            ShiftMonitor(NORMALIZER, false_alarms=rate)
    with pytest.raises(NotFittedError):
        ShiftMonitor(InputNormalizer())
    with pytest.raises(TypeError, match="ShiftMonitor needs a fitted InputNormalizer"):
        ShiftMonitor(3)
