"""Distributions against scipy's, closed forms, and the searches that draw from them."""

import copy
import math
import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingRandomSearchCV, ParameterSampler, RandomizedSearchCV
from sklearn.tree import DecisionTreeClassifier

from sknn_opt.optim import SGD, Adam
from sknn_opt.search import (
    Choice,
    Distribution,
    LogUniform,
    LogUniformInt,
    OneMinusLogUniform,
    Quantiles,
    Uniform,
    UniformInt,
    ZeroOr,
    as_distribution,
)
from sknn_opt.search.families import log_uniform_int, one_minus_log

CONTINUOUS = (LogUniform(1e-4, 0.1), OneMinusLogUniform(0.9, 0.999), Uniform(-1, 3.5))
INTEGERS = (LogUniformInt(4, 512), LogUniformInt(1, 3), UniformInt(-2, 5), UniformInt(7, 7))
ORDERED = CONTINUOUS + INTEGERS
ALL = (
    *ORDERED,
    Choice(["relu", None, (50, 50), [1, 2]], [1, 2, 3, 4]),
    Choice([True, 1, 1.0]),
    ZeroOr(LogUniform(1e-3, 1)),
    ZeroOr(LogUniformInt(1, 9), 0.2),
    Quantiles(stats.norm(0, 2)),
    Quantiles(stats.poisson(mu=3), 0.1, 0.8),
)
SHARES = st.floats(0, 1)


def ids(distribution):
    return repr(distribution)


def two_bounds(low, high):
    return st.tuples(st.floats(low, high), st.floats(low, high)).map(sorted)


# Against scipy and closed forms -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (LogUniform(1e-4, 0.1), stats.loguniform(1e-4, 0.1)),
        (Uniform(-1, 3), stats.uniform(-1, 4)),
        (Uniform(2, 3), stats.uniform(2, 1)),
    ],
)
def test_continuous_ones_are_scipys(ours, theirs):
    x = np.linspace(*theirs.support(), 50)
    q = np.linspace(0, 1, 50)
    np.testing.assert_allclose(ours.cdf(x), theirs.cdf(x))
    np.testing.assert_allclose(ours.pdf(x), theirs.pdf(x))
    np.testing.assert_allclose(ours.ppf(q), theirs.ppf(q))
    assert ours.mean() == pytest.approx(theirs.mean())
    assert ours.interval(0.9) == pytest.approx(theirs.interval(0.9))
    assert stats.kstest(ours.rvs(2000, random_state=0), theirs.cdf).pvalue > 0.01


def test_integers_are_scipys():
    k = np.arange(-4, 8)
    np.testing.assert_allclose(UniformInt(-2, 5).pmf(k), stats.randint(-2, 6).pmf(k))
    np.testing.assert_allclose(UniformInt(-2, 5).cdf(k), stats.randint(-2, 6).cdf(k))


def test_one_minus_beta_is_log_uniform():
    betas = OneMinusLogUniform(0.9, 0.999)
    x = np.linspace(0.9, 0.999, 40)
    mirrored = stats.loguniform(1 - 0.999, 1 - 0.9)
    np.testing.assert_allclose(betas.cdf(x), 1 - mirrored.cdf(1 - x), atol=1e-12)
    np.testing.assert_allclose(betas.pdf(x), mirrored.pdf(1 - x))
    np.testing.assert_allclose(betas.pdf(x), 1 / ((1 - x) * math.log(100)))
    assert betas.ppf(0.5) == pytest.approx(0.99)
    assert betas.mean() == pytest.approx(1 - (0.1 - 0.001) / math.log(100))
    draws = betas.rvs(3000, random_state=0)
    assert stats.kstest(1 - draws, mirrored.cdf).pvalue > 0.01


def test_the_families_are_real_scipy_distributions():
    betas = one_minus_log(0.9, 0.999)
    assert betas.dist.expect(lambda x: 1, args=(0.9, 0.999)) == pytest.approx(1)
    moments = [betas.dist.expect(lambda x, k=k: x**k, args=(0.9, 0.999)) for k in (1, 2)]
    assert betas.mean() == pytest.approx(moments[0])
    assert betas.var() == pytest.approx(moments[1] - moments[0] ** 2, rel=1e-6)
    skewness, kurtosis = betas.stats("sk")
    z = (betas.ppf((np.arange(100_000) + 0.5) / 100_000) - betas.mean()) / betas.std()
    assert skewness == pytest.approx(np.mean(z**3), rel=1e-3)
    assert kurtosis == pytest.approx(np.mean(z**4) - 3, rel=1e-3)
    assert betas.median() == pytest.approx(0.99)
    assert np.isnan(one_minus_log(0.9, 1.1).cdf(0.95))
    assert np.isnan(log_uniform_int(0, 4).pmf(2))
    units = log_uniform_int(3, 40)
    k = np.arange(3, 41)
    assert units.pmf(k).sum() == pytest.approx(1)
    np.testing.assert_allclose(units.pmf(k).cumsum(), units.cdf(k))
    assert units.mean() == pytest.approx((k * units.pmf(k)).sum())
    assert units.cdf(10.7) == units.cdf(10)


def test_log_uniform_integers_are_rounded_log_uniform_numbers():
    k = np.arange(4, 33)
    plain = stats.loguniform(3.5, 32.5)
    np.testing.assert_allclose(LogUniformInt(4, 32).pmf(k), plain.cdf(k + 0.5) - plain.cdf(k - 0.5))
    counts = np.bincount(LogUniformInt(4, 32).rvs(20_000, random_state=1))[4:]
    expected = 20_000 * LogUniformInt(4, 32).pmf(k)
    assert stats.chisquare(counts, expected).pvalue > 0.01


# Quantiles and zoom -----------------------------------------------------------------------------


@settings(deadline=None)
@given(bounds=two_bounds(1e-8, 1e4), q=SHARES)
def test_floats_stay_within_bounds_and_go_back(bounds, q):
    low, high = bounds
    if high < 1.001 * low:
        return
    one_minus = OneMinusLogUniform(1 - 2 * high, 1 - low)
    for d in (LogUniform(low, high), Uniform(low, high), one_minus):
        x = d.ppf(q)
        assert type(x) is float
        assert d.low <= x <= d.high
        assert d.cdf(x) == pytest.approx(q, abs=1e-6)
        assert (d.cdf(d.low), d.cdf(d.high)) == pytest.approx((0, 1), abs=1e-9)


@settings(deadline=None)
@given(low=st.integers(1, 500), width=st.integers(0, 10_000), q=SHARES, k=st.integers(0, 10_000))
def test_integers_stay_within_bounds_and_go_back(low, width, q, k):
    for d in (LogUniformInt(low, low + width), UniformInt(low, low + width)):
        x = d.ppf(q)
        assert type(x) is int
        assert d.low <= x <= d.high
        assert d.cdf(x) >= q - 1e-12
        assert x == d.low or d.cdf(x - 1) < q + 1e-12
        inside = min(low + k, d.high)
        assert d.ppf(d.cdf(inside)) == inside


@pytest.mark.parametrize("distribution", CONTINUOUS, ids=ids)
@pytest.mark.parametrize(("q_low", "q_high"), [(0, 1), (0.2, 0.7), (0.9, 1), (0, 0.05)])
def test_zoomed_is_the_restriction(distribution, q_low, q_high):
    zoomed = distribution.zoomed(q_low, q_high)
    assert type(zoomed) is type(distribution)
    assert distribution.low <= zoomed.low < zoomed.high <= distribution.high
    draws = zoomed.rvs(2000, random_state=0)

    def restricted(x):
        return np.clip((distribution.cdf(x) - q_low) / (q_high - q_low), 0, 1)

    assert stats.kstest(draws, restricted).pvalue > 0.01


@pytest.mark.parametrize("distribution", INTEGERS, ids=ids)
@settings(deadline=None)
@given(shares=st.tuples(SHARES, SHARES).filter(lambda s: s[0] != s[1]).map(sorted))
def test_zoomed_integers_are_the_restriction(distribution, shares):
    zoomed = distribution.zoomed(*shares)
    assert type(zoomed) is type(distribution)
    assert distribution.low <= zoomed.low <= zoomed.high <= distribution.high
    k = np.arange(zoomed.low, zoomed.high + 1)
    expected = distribution.pmf(k) / distribution.pmf(k).sum()
    np.testing.assert_allclose(zoomed.pmf(k), expected, rtol=1e-9)


@pytest.mark.parametrize(
    "inner", [stats.norm(1, 3), stats.gamma(2.0, scale=3), stats.poisson(4), stats.binom(9, 0.4)]
)
@pytest.mark.parametrize(("q_low", "q_high"), [(0, 1), (0.25, 0.6), (0.5, 1)])
def test_those_of_scipy_zoom(inner, q_low, q_high):
    zoomed = as_distribution(inner).zoomed(q_low, q_high)
    assert isinstance(zoomed, Quantiles)
    draws = zoomed.rvs(4000, random_state=0)
    low, high = zoomed.support()
    assert (draws >= low).all()
    assert (draws <= high).all()
    assert zoomed.mean() == pytest.approx(draws.mean(), rel=0.1)
    if hasattr(inner, "pmf"):
        assert draws.dtype.kind == "i"
        assert type(zoomed.rvs(random_state=0)) is int
        k = np.arange(draws.max() + 1)
        np.testing.assert_allclose(zoomed.pdf(k).cumsum(), zoomed.cdf(k), atol=1e-12)
        shares = np.bincount(draws) / 4000
        np.testing.assert_allclose(shares, zoomed.pdf(k), atol=0.04)
    else:
        assert stats.kstest(draws, zoomed.cdf).pvalue > 0.01
        x = np.linspace(*zoomed.interval(0.98), 4001)
        assert integrate.trapezoid(zoomed.pdf(x), x) == pytest.approx(0.98, abs=1e-3)
        assert zoomed.pdf(low - 1) == 0


def test_zoom_twice_is_one_zoom():
    once = as_distribution(stats.norm()).zoomed(0.2, 0.8).zoomed(0.5, 1)
    assert (once.q_low, once.q_high) == pytest.approx((0.5, 0.8))
    rates = LogUniform(1e-4, 1).zoomed(0, 0.5).zoomed(0.5, 1)
    assert (rates.low, rates.high) == pytest.approx((1e-3, 1e-2))


def test_a_zoom_between_two_neighboring_floats_stays():
    tiny = Uniform(1.0, np.nextafter(1.0, 2))
    assert tiny.zoomed(0.1, 0.2) == tiny


# Zero or another --------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0, 0.3, 1])
def test_zero_or(p):
    inner = LogUniform(1e-3, 1)
    d = ZeroOr(inner, p)
    draws = d.rvs(4000, random_state=0)
    assert np.mean(draws == 0) == pytest.approx(p, abs=0.02)
    assert d.mean() == pytest.approx(draws.mean(), rel=0.1)
    assert d.cdf(0) == p
    assert d.cdf(-1) == 0
    assert d.cdf(1) == 1
    np.testing.assert_allclose(d.pdf([0.01, 0.1]), (1 - p) * inner.pdf([0.01, 0.1]))
    if p < 1:
        assert stats.kstest(draws[draws > 0], inner.cdf).pvalue > 0.01
    assert type(d.ppf(0.2)) is type(d.rvs(random_state=3)) is float
    assert d.axis_scale == "log"
    low, high = d.support()
    assert d.ppf(0) == low
    assert d.ppf(1) == high


@settings(deadline=None)
@given(p=SHARES, q=SHARES, shares=st.tuples(SHARES, SHARES).map(sorted))
def test_zero_or_zooms_as_a_whole(p, q, shares):
    q_low, q_high = shares
    if q_high - q_low < 1e-3 or 0 < 1 - p < 1e-3:
        return
    d = ZeroOr(LogUniform(1e-3, 1), p)
    zoomed = d.zoomed(q_low, q_high)
    whole = d.ppf(min(1.0, q_low + q * (q_high - q_low)))
    # The two may take a quantile that is at the jump to either side of it.
    if abs(q - zoomed.p_zero) > 1e-9:
        assert zoomed.ppf(q) == pytest.approx(whole, rel=1e-6)


def test_zero_or_integers():
    d = ZeroOr(LogUniformInt(1, 9), 0.5)
    assert {type(d.rvs(random_state=seed)) for seed in range(9)} == {int}
    assert d.pdf(3) == LogUniformInt(1, 9).pmf(3) / 2
    assert d.rvs(5, random_state=0).dtype.kind == "i"


# Choices ----------------------------------------------------------------------------------------


def test_choice_draws_by_weight():
    d = Choice(["a", "b", "c"], [1, 0, 3])
    draws = d.rvs(4000, random_state=0)
    assert draws.count("a") / 4000 == pytest.approx(0.25, abs=0.03)
    assert draws.count("b") == 0
    assert (d.pmf("a"), d.cdf("b"), d.cdf("c")) == (0.25, 0.25, 1)
    assert (d.ppf(0.1), d.ppf(0.9), d.ppf(1)) == ("a", "c", "c")
    assert d.support() == ("a", "b", "c")
    assert np.shape(d.rvs((2, 3), random_state=0)) == (2, 3)


@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.1] * 10, [3, 1, 0], [1, 0]])
def test_choice_never_draws_what_has_no_weight(shares):
    d = Choice(range(len(shares)), shares)
    allowed = {i for i, share in enumerate(shares) if share}
    assert set(d.ppf(np.linspace(0, 1, 101))) <= allowed
    assert set(d.rvs(500, random_state=0)) == allowed


def test_choice_keeps_values_as_they_are():
    solver = Adam(beta_1=0.8)
    d = Choice([solver, np.float64(0.5), None, np.array([1, 2])])
    assert d.values[0] is solver
    assert type(d.values[1]) is float
    assert d.pmf(np.array([1, 2])) == d.pmf(Adam(beta_1=0.8)) == 0.25
    assert Choice([True, 1, 1.0]).cdf(1) == pytest.approx(2 / 3)
    assert Choice(np.array([1, 2])).values == (1, 2)
    assert type(Choice(np.array([1, 2])).rvs(random_state=0)) is int
    assert Choice([1, 2, 6]).mean() == 3


def test_choice_is_equal_by_kind():
    assert Choice([1, 2]) == Choice((1, 2))
    assert hash(Choice([[1], [2]])) == hash(Choice([[1], [2]]))
    assert Choice([1, 2]) != Choice([1.0, 2.0])
    assert Choice([1, 2]) != Choice([1, 2, 3])
    assert Choice([1, 2]) != Choice([1, 2], [1, 2])
    assert Choice([1, 2]) == Choice([1, 2], [4, 4])
    assert Choice([1]) != [1]


def test_reweighted():
    d = Choice(["a", "b"], [1, 3])
    assert d.reweighted(["a", "a", "b", "a"], 0.5).shares == (0.5, 0.5)
    assert d.reweighted(["a"], 1).shares == (1, 0)
    assert d.reweighted([], 1) is d
    assert d.reweighted(["b"], 0) == d
    with pytest.raises(ValueError, match="'x' is none of the values of Choice"):
        d.reweighted(["x"], 0.5)
    with pytest.raises(ValueError, match="share of reweighted must be"):
        d.reweighted(["a"], 2)
    with pytest.raises(TypeError, match="no scale to zoom into; use reweighted"):
        d.zoomed(0, 0.5)
    with pytest.raises(TypeError, match="has no mean"):
        d.mean()


# As objects -------------------------------------------------------------------------------------


@pytest.mark.parametrize("distribution", ALL, ids=ids)
def test_copies_are_equal(distribution):
    for other in (
        clone(distribution, safe=False),
        copy.deepcopy(distribution),
        pickle.loads(pickle.dumps(distribution)),
    ):
        assert other == distribution
        assert hash(other) == hash(distribution)
        assert repr(other) == repr(distribution)
        assert other.rvs(random_state=3) == distribution.rvs(random_state=3)
    assert [d == distribution for d in ALL].count(True) == 1
    assert isinstance(distribution, Distribution)
    assert distribution.axis_scale in ("log", "one minus log", "linear", "category")


@pytest.mark.parametrize("distribution", [d for d in ALL if not isinstance(d, Quantiles)], ids=ids)
def test_the_repr_makes_the_same(distribution):
    assert eval(repr(distribution)) == distribution


@pytest.mark.parametrize("distribution", ALL, ids=ids)
def test_draws(distribution):
    one = distribution.rvs(random_state=0)
    assert not isinstance(one, np.generic | np.ndarray)
    state = np.random.RandomState(0)
    assert distribution.rvs(random_state=state) == one
    assert len(distribution.rvs(3, random_state=0)) == 3
    assert len(distribution.rvs(0, random_state=0)) == 0
    np.random.seed(1)  # noqa: NPY002
    first = [distribution.rvs() for _ in range(5)]
    np.random.seed(1)  # noqa: NPY002
    assert [distribution.rvs() for _ in range(5)] == first


def test_bounds_cannot_be_set():
    with pytest.raises(FrozenInstanceError):
        LogUniform(1, 2).low = 3


def test_bounds_are_plain_numbers():
    assert repr(LogUniform(np.float32(0.5), np.int64(2))) == "LogUniform(0.5, 2.0)"
    assert repr(UniformInt(np.int8(1), np.int64(2))) == "UniformInt(1, 2)"
    assert repr(OneMinusLogUniform(0.9, 0.999)) == "OneMinusLogUniform(0.9, 0.999)"
    assert repr(Quantiles(stats.norm(0, scale=2))) == "Quantiles(norm(0, scale=2), 0.0, 1.0)"


def test_what_becomes_what():
    assert as_distribution(LogUniform(1, 2)) == LogUniform(1, 2)
    assert as_distribution(stats.loguniform(0.1, 2)) == LogUniform(0.1, 2)
    assert as_distribution(stats.reciprocal(0.1, 2)) == LogUniform(0.1, 2)
    assert as_distribution(stats.loguniform(1, 2, scale=10)) == LogUniform(10, 20)
    assert as_distribution(stats.uniform(1, 2)) == Uniform(1, 3)
    assert as_distribution(stats.randint(1, 4)) == UniformInt(1, 3)
    assert as_distribution((1, 2)) == as_distribution(np.array([1, 2])) == Choice([1, 2])
    shifted = as_distribution(stats.loguniform(1, 100, loc=1))
    assert isinstance(shifted, Quantiles)
    assert shifted.axis_scale == "linear"
    assert as_distribution(stats.lognorm(3)).axis_scale == "log"
    assert as_distribution(stats.norm()).axis_scale == "linear"
    assert as_distribution(one_minus_log(0.9, 0.99)).support() == pytest.approx((0.9, 0.99))


# In searches ------------------------------------------------------------------------------------

SPACE = {
    "ccp_alpha": ZeroOr(LogUniform(1e-5, 1e-2)),
    "max_depth": LogUniformInt(2, 30),
    "criterion": Choice(["gini", "entropy"], [3, 1]),
    "max_features": OneMinusLogUniform(0.2, 0.9),
    "min_samples_split": [2, 4],
}


def check_plain(params):
    kinds = {name: type(value) for name, value in params.items()}
    assert kinds == {
        "ccp_alpha": float,
        "max_depth": int,
        "criterion": str,
        "max_features": float,
        "min_samples_split": int,
    }


def test_parameter_sampler_draws_plain_values():
    draws = list(ParameterSampler(SPACE, 8, random_state=0))
    for params in draws:
        check_plain(params)
    assert draws == list(ParameterSampler(SPACE, 8, random_state=0))
    assert len({params["max_features"] for params in draws}) == 8


def test_randomized_search():
    search = RandomizedSearchCV(
        DecisionTreeClassifier(random_state=0), SPACE, n_iter=4, cv=2, random_state=0
    )
    search = clone(search).fit(*load_iris(return_X_y=True))
    for params in search.cv_results_["params"]:
        check_plain(params)
    assert search.best_score_ > 0.9


def test_halving_search():
    search = HalvingRandomSearchCV(
        DecisionTreeClassifier(random_state=0), SPACE, cv=2, random_state=0
    )
    search.fit(*load_iris(return_X_y=True))
    for params in search.cv_results_["params"]:
        check_plain(params)


# Bad input --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LogUniform(0.1, 0.001), r"wrong way around.*LogUniform\(0.001, 0.1\)"),
        (lambda: UniformInt(3, 1), r"wrong way around.*UniformInt\(1, 3\)"),
        (lambda: Uniform(1, 1), "empty range: low must be below high"),
        (lambda: LogUniform(0, 1), "begins at 0.0, which has no logarithm.*ZeroOr"),
        (lambda: LogUniform(-1, 1), "has no logarithm"),
        (lambda: LogUniformInt(0, 5), "begins at 0, which has no logarithm"),
        (lambda: LogUniformInt(1.5, 5), "must be whole numbers; got 1.5 and 5"),
        (lambda: UniformInt(1, 5.0), "must be whole numbers; got 1 and 5.0"),
        (lambda: UniformInt(False, True), "must be whole numbers"),
        (lambda: Uniform(0, np.inf), "must be finite numbers; got 0 and inf"),
        (lambda: Uniform("0", 1), "must be finite numbers; got '0' and 1"),
        (lambda: Uniform(-1.7e308, 1.7e308), "too wide a range"),
        (lambda: Uniform(np.nan, 1), "must be finite numbers"),
        (lambda: OneMinusLogUniform(0.9, 1), "reaches 1, where 1 - x has no logarithm"),
        (lambda: Choice([]), "Choice has no values"),
        (lambda: Choice("relu"), "Choice needs a list of values.*got 'relu'"),
        (lambda: Choice(5), "Choice needs a list of values"),
        (lambda: Choice([1, 2], [1]), "weights of Choice must be 2 numbers >= 0"),
        (lambda: Choice([1, 2], [0, 0]), "not all 0"),
        (lambda: Choice([1, 2], [-1, 2]), "numbers >= 0"),
        (lambda: Choice([1, 2], [np.nan, 2]), "numbers >= 0"),
        (lambda: Choice([1, 2]).pmf(3), "3 is none of the values"),
        (lambda: ZeroOr(Uniform(0, 1)), "must draw numbers above 0"),
        (lambda: ZeroOr([1, 2]), "must draw numbers above 0"),
        (lambda: ZeroOr(ZeroOr(LogUniform(1, 2))), "must draw numbers above 0"),
        (lambda: ZeroOr(LogUniform(1, 2), 1.5), "p_zero of ZeroOr must be"),
        (lambda: ZeroOr(LogUniform(1, 2), True), "p_zero of ZeroOr must be"),
        (lambda: LogUniform(1, 2).zoomed(0.5, 0.5), "0 <= q_low < q_high <= 1; got 0.5 and 0.5"),
        (lambda: LogUniform(1, 2).zoomed(-1, 0.5), "q_low and q_high must be shares"),
        (lambda: UniformInt(1, 2).zoomed(0, 1.5), "q_low and q_high must be shares"),
        (lambda: ZeroOr(LogUniform(1, 2)).zoomed(1, 0), "q_low and q_high must be shares"),
        (lambda: Quantiles(stats.norm(), 1, 0), "q_low and q_high must be shares"),
        (lambda: LogUniform(1, 2).ppf(1.5), r"q of ppf must be a share in \[0, 1\]; got 1.5"),
        (lambda: LogUniform(1, 2).ppf(np.nan), "q of ppf must be a share"),
        (lambda: as_distribution([]), "Choice has no values"),
    ],
)
def test_bad_values(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0.1, r"A range must be.*got 0.1; for this one value.*give \[0.1\]"),
        ("relu", r"got 'relu'; for this one value"),
        (None, "got None"),
        (SGD(), r"got SGD\(.*for this one value"),
        (LogUniform, "A range must be"),
    ],
)
def test_no_range_at_all(value, message):
    with pytest.raises(TypeError, match=message):
        as_distribution(value)


def test_a_search_refuses_generators_as_scikit_learn_does():
    with pytest.raises(ValueError, match="cannot be used to seed"):
        LogUniform(1, 2).rvs(random_state=np.random.default_rng(0))
