"""A hidden layer's activations as features: values, names, containers, and other estimators."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.special import expit
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectFromModel
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline

from sknn_opt import InputNormalizer, MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
FUNCTIONS = {"relu": lambda z: np.maximum(z, 0), "tanh": np.tanh, "logistic": expit}
RNG = np.random.default_rng(0)


def classifier(**parameters):
    return MLPClassifier(
        **{"hidden_layer_sizes": (7, 5), "max_iter": 4, "random_state": 0} | parameters
    )


def fitted(**parameters):
    return classifier(**parameters).fit(X, Y)


def by_hand(net, X, layer):
    for W, b in zip(net.coefs_[: layer + 1], net.intercepts_, strict=False):
        X = FUNCTIONS[net.activation](X @ W.astype(float) + b)
    return X


class TestValues:
    @pytest.mark.parametrize("activation", FUNCTIONS)
    @pytest.mark.parametrize(
        "parameters",
        [{}, {"batch_norm": True, "dropout": 0.3}, {"solver": "lbfgs"}, {"early_stopping": True}],
        ids=str,
    )
    def test_by_hand(self, parameters, activation):
        net = fitted(activation=activation, **parameters)
        for layer, other in ((0, -2), (1, -1)):
            a = net.activations(X, layer)
            np.testing.assert_allclose(a, by_hand(net, X, layer), rtol=1e-9, atol=1e-9)
            assert a.shape == (len(X), net.hidden_layer_sizes[layer])
            assert np.array_equal(net.activations(X, other), a)
            sparse = net.activations(csr_array(X), layer)
            np.testing.assert_allclose(sparse, a, rtol=1e-9, atol=1e-9)
        assert np.array_equal(net.transform(X), net.activations(X))

    @pytest.mark.parametrize("batch_norm", [False, True])
    def test_the_last_layer_reads_them(self, batch_norm):
        net = fitted(batch_norm=batch_norm)
        z = net.transform(X) @ net.coefs_[-1] + net.intercepts_[-1]
        np.testing.assert_allclose(net.decision_function(X), z, rtol=1e-9)

    @pytest.mark.parametrize(
        ("given", "of_network", "expected"),
        [("f4", "auto", "f4"), ("f8", "auto", "f8"), ("f4", "float64", "f8"), ("i4", "auto", "f8")],
    )
    def test_dtype(self, given, of_network, expected):
        net = fitted(dtype=of_network)
        assert net.transform(X.astype(given)).dtype == expected
        assert classifier(dtype=of_network).fit_transform(X.astype(given), Y).dtype == expected

    def test_many_rows_in_blocks(self):
        net, many = fitted(), RNG.normal(size=(100_000, 4))
        a = net.transform(many)
        np.testing.assert_allclose(a, by_hand(net, many, 1), rtol=1e-9, atol=1e-9)

    def test_sums_that_overflow_single_precision(self):
        net = fitted()
        net.coefs_ = [W * 1e20 for W in net.coefs_]
        a = net.transform(np.float32(1e15) * X.astype(np.float32))
        assert a.dtype == np.float32
        assert np.isfinite(a).all()
        assert a.max() == np.finfo(np.float32).max

    def test_they_follow_the_weights_that_are_set(self):
        net = fitted()
        net.intercepts_[-2] = np.arange(5.0)
        net.coefs_[-2] = np.zeros((7, 5))
        assert np.array_equal(net.transform(X[:1]), [[0, 1, 2, 3, 4]])

    def test_a_regressor_has_them_too(self):
        table, y = load_diabetes(return_X_y=True)
        net = MLPRegressor((6,), normalize_target=False, max_iter=3, random_state=0)
        a = net.fit_transform(table, y)
        assert a.shape == (len(table), 6)
        z = a @ net.coefs_[1] + net.intercepts_[1]
        np.testing.assert_allclose(net.predict(table), z.ravel(), rtol=1e-5)


class TestConventions:
    def test_names(self):
        assert fitted().get_feature_names_out().tolist() == [f"mlpclassifier{i}" for i in range(5)]

    @pytest.mark.parametrize("library", ["pandas", "polars"])
    def test_containers(self, library):
        frames = pytest.importorskip(library)
        net = classifier().set_output(transform=library).fit(X, Y)
        for frame in (net.transform(X), clone(net).fit_transform(X, Y)):
            assert isinstance(frame, frames.DataFrame)
            assert list(frame.columns) == net.get_feature_names_out().tolist()
            assert np.array_equal(frame.to_numpy(), net.activations(X))

    def test_containers_leave_predictions_and_rows_alone(self):
        pandas = pytest.importorskip("pandas")
        plain, net = fitted(), classifier().set_output(transform="pandas").fit(X, Y)
        for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
            with config_context(transform_output="pandas"):
                found = getattr(net, method)(X)
            assert type(found) is np.ndarray
            assert np.array_equal(found, getattr(plain, method)(X))
        table = pandas.DataFrame(X, index=np.arange(len(X))[::-1])
        assert net.transform(table).index.equals(table.index)

    def test_fit_transform_takes_what_fit_takes(self):
        weight, validation = RNG.uniform(size=len(X)), {"X_val": X[::3], "y_val": Y[::3]}
        net = classifier(early_stopping=True)
        a = net.fit_transform(X, Y, sample_weight=weight, **validation)
        other = classifier(early_stopping=True).fit(X, Y, weight, **validation)
        assert np.array_equal(a, other.transform(X))

    def test_before_fit(self):
        for call in (classifier().transform, classifier().activations):
            with pytest.raises(NotFittedError, match="MLPClassifier instance is not fitted yet"):
                call(X)
        with pytest.raises(NotFittedError):
            classifier().get_feature_names_out()

    def test_without_a_hidden_layer(self):
        for net in (classifier(hidden_layer_sizes=()), fitted(hidden_layer_sizes=[])):
            for name in ("transform", "fit_transform", "get_feature_names_out", "set_output"):
                assert not hasattr(net, name)
            with pytest.raises(AttributeError) as error:
                net.transform(X)
            assert "transform needs a hidden layer" in str(error.value.__cause__)
        with pytest.raises(
            ValueError, match=r"^layer=-1 is no hidden layer of this network.*_sizes, \(\)\.$"
        ):
            net.activations(X)
        with pytest.raises(TypeError, match="should be transformers"):
            make_pipeline(classifier(hidden_layer_sizes=()), LogisticRegression()).fit(X, Y)

    @pytest.mark.parametrize("layer", [2, -3, 0.5, "last", None])
    def test_no_such_layer(self, layer):
        with pytest.raises(ValueError, match=r"is no hidden layer of this network.*\(7, 5\)\.$"):
            fitted().activations(X, layer)

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [(X[:, :2], "X has 2 features"), (X * np.nan, "NaN"), (X * 1e101, "beyond 1e\\+100")],
    )
    def test_wrong_rows(self, wrong, message):
        with pytest.raises(ValueError, match=message):
            fitted().transform(wrong)


class TestInOtherEstimators:
    def extractor(self, **parameters):
        return make_pipeline(InputNormalizer(), classifier(**parameters), LogisticRegression())

    def test_a_pipeline(self):
        pipe = self.extractor(max_iter=100).fit(X, Y)
        assert pipe.score(X, Y) > 0.9
        assert pipe[-1].n_features_in_ == 5
        assert pipe[:-1].get_feature_names_out().tolist() == [f"mlpclassifier{i}" for i in range(5)]
        assert np.array_equal(pipe[:-1].transform(X), pipe[1].transform(pipe[0].transform(X)))
        assert cross_val_score(self.extractor(max_iter=100), X, Y).mean() > 0.9
        assert "MLPClassifier" in pipe._repr_html_()

    def test_fit_parameters_reach_the_network(self):
        weight = RNG.uniform(size=len(X))
        pipe = self.extractor().fit(X, Y, mlpclassifier__sample_weight=weight)
        net = classifier().fit(pipe[0].transform(X), Y, weight)
        assert np.array_equal(pipe[1].theta_, net.theta_)

    def test_metadata_routing(self):
        weight = RNG.uniform(size=len(X))
        with config_context(enable_metadata_routing=True):
            net = classifier().set_fit_request(sample_weight=True)
            head = LogisticRegression().set_fit_request(sample_weight=False)
            pipe = make_pipeline(net, head).fit(X, Y, sample_weight=weight)
        assert np.array_equal(pipe[0].theta_, classifier().fit(X, Y, weight).theta_)

    def test_a_pipeline_that_ends_with_a_network(self):
        pipe = make_pipeline(InputNormalizer(), classifier())
        assert np.array_equal(pipe.fit_transform(X, Y), pipe.transform(X))
        assert pipe.predict(X).shape == (len(X),)

    def test_a_network_on_the_features_of_another(self):
        pipe = make_pipeline(classifier(), classifier(hidden_layer_sizes=(3,))).fit(X, Y)
        assert pipe.transform(X).shape == (len(X), 3)

    def test_a_search(self):
        grid = {"mlpclassifier__hidden_layer_sizes": [3, (4, 6)]}
        search = GridSearchCV(self.extractor(), grid, cv=2).fit(X, Y)
        assert search.best_estimator_[-1].n_features_in_ in (3, 6)

    def test_columns_and_unions(self):
        columns = ColumnTransformer([("net", classifier(), [0, 1]), ("rest", "passthrough", [2])])
        assert columns.fit_transform(X, Y).shape == (len(X), 6)
        assert columns.get_feature_names_out().tolist()[4:] == ["net__mlpclassifier4", "rest__x2"]
        union = FeatureUnion([("raw", InputNormalizer()), ("net", classifier())])
        assert union.fit_transform(X, Y).shape == (len(X), 9)

    def test_a_pretrained_network(self):
        net = fitted()
        pipe = make_pipeline(FrozenEstimator(net), Ridge()).fit(X, X[:, 0])
        assert pipe[-1].n_features_in_ == 5
        assert pipe[0].estimator is net

    def test_ensembles_still_ask_for_predictions(self):
        nets = [("a", classifier()), ("b", classifier(hidden_layer_sizes=3))]
        stack = StackingClassifier(nets, cv=2).fit(X, Y)
        assert stack.transform(X).shape == (len(X), 6)
        vote = VotingClassifier(nets, voting="soft").fit(X, Y)
        proba = np.mean([net.predict_proba(X) for net in vote.estimators_], axis=0)
        np.testing.assert_allclose(vote.predict_proba(X), proba)
        assert vote.transform(X).shape == (2, len(X), 3) or vote.transform(X).shape == (len(X), 6)

    def test_feature_selection_looks_at_the_inputs(self):
        def importance(net):
            return np.abs(net.coefs_[0]).sum(axis=1)

        select = SelectFromModel(classifier(), importance_getter=importance, max_features=2)
        assert select.fit_transform(X, Y).shape[1] <= 2

    def test_caching(self, tmp_path):
        steps = [("net", classifier()), ("head", LogisticRegression())]
        cached, plain = Pipeline(steps, memory=str(tmp_path)), Pipeline(steps)
        for _ in range(2):
            assert np.array_equal(cached.fit(X, Y).predict(X), plain.fit(X, Y).predict(X))
