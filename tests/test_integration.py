"""The rest of scikit-learn, each piece once for real."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy.stats import uniform
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.ensemble import BaggingClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    cross_val_score,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sknn_opt import InputNormalizer, MLPClassifier, MLPRegressor

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    # Worker processes have warning filters of their own; only their result matters here.
    pytest.mark.filterwarnings("ignore:.*worker.*:UserWarning"),
]


def network(**parameters):
    parameters = {"max_iter": 30, "learning_rate_init": 0.01, "random_state": 0} | parameters
    return MLPClassifier((20,), **parameters)


def test_grid_search_over_init_and_dropout():
    X, y = load_wine(return_X_y=True)
    grid = {
        "mlpclassifier__init": ["auto", "he_normal", "orthogonal"],
        "mlpclassifier__dropout": [0.0, 0.3],
    }
    search = GridSearchCV(make_pipeline(InputNormalizer(), network()), grid, cv=3).fit(X, y)
    assert search.best_score_ > 0.95
    assert len(search.cv_results_["params"]) == 6


def test_randomized_search_over_init_and_dropout():
    X, y = load_wine(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    space = {"init": ["auto", "glorot_uniform", "xavier"], "dropout": uniform(0, 0.5)}
    search = RandomizedSearchCV(network(), space, n_iter=4, cv=3, random_state=0).fit(X, y)
    assert search.best_score_ > 0.95
    assert 0 <= search.best_params_["dropout"] < 0.5


def test_cross_val_score_in_two_processes_equals_one():
    X, y = load_breast_cancer(return_X_y=True)
    model = make_pipeline(InputNormalizer(), network(dropout=0.2))
    scores = cross_val_score(model, X, y, cv=4, n_jobs=2)
    assert scores.min() > 0.9
    assert np.array_equal(scores, cross_val_score(model, X, y, cv=4))


def test_column_transformer_and_data_frame():
    frame = load_iris(as_frame=True).frame
    frame["width_class"] = pd.cut(frame["petal width (cm)"], 3, labels=["s", "m", "l"]).astype(str)
    y = frame.pop("target")
    model = make_pipeline(
        ColumnTransformer(
            [
                ("numbers", InputNormalizer(clip=3.0), list(frame.columns[:4])),
                ("classes", OneHotEncoder(sparse_output=False), ["width_class"]),
            ]
        ).set_output(transform="pandas"),
        network(),
    )
    assert model.fit(frame, y).score(frame, y) > 0.9
    assert list(model[-1].feature_names_in_)[0] == "numbers__sepal length (cm)"


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibration(method):
    X, y = load_breast_cancer(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(
        InputNormalizer().fit_transform(X), y, random_state=0
    )
    calibrated = CalibratedClassifierCV(network(), method=method, cv=3).fit(X_train, y_train)
    assert log_loss(y_test, calibrated.predict_proba(X_test)) < 0.25


@pytest.mark.parametrize("weighted", [False, True])
def test_bagging(weighted):
    """Bagging draws rows by giving the others weight zero: whole batches may weigh nothing."""
    X, y = load_wine(return_X_y=True)
    X = InputNormalizer().fit_transform(X)
    weight = np.where(y == 0, 0.0, 1.0) if weighted else None
    bagging = BaggingClassifier(
        network(batch_size=2, max_iter=5), n_estimators=4, max_samples=0.3, random_state=0
    ).fit(X, y, sample_weight=weight)
    kept = slice(None) if weight is None else weight > 0
    assert bagging.score(X[kept], y[kept]) > 0.9
    assert np.isfinite(bagging.predict_proba(X)).all()


def test_transformed_target():
    X, y = load_diabetes(return_X_y=True)
    regressor = make_pipeline(
        InputNormalizer(),
        MLPRegressor((20,), activation="tanh", alpha=1.0, max_iter=60, random_state=0),
    )
    model = TransformedTargetRegressor(regressor, transformer=InputNormalizer())
    assert cross_val_score(model, X, y, cv=3).mean() > 0.35


def test_multilabel_and_sparse_in_a_pipeline():
    digits = load_digits()
    X, labels = digits.data, np.column_stack([digits.target % 2, digits.target > 4]).astype(int)
    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), network(max_iter=10))
    scores = cross_val_score(model, X, labels, cv=3)
    assert scores.mean() > 0.75  # both labels right; chance is 0.25


def test_sample_weight_is_routed_through_a_pipeline():
    X, y = load_iris(return_X_y=True)
    weight = np.where(y == 2, 0.0, 1.0)
    with sklearn.config_context(enable_metadata_routing=True):
        model = make_pipeline(
            InputNormalizer().set_fit_request(sample_weight=True),
            network().set_fit_request(sample_weight=True),
        ).fit(X, y, sample_weight=weight)
    alone = InputNormalizer().fit(X[y < 2])
    assert np.allclose(model[0].mean_, alone.mean_)
    assert model.predict_proba(X[y < 2])[:, 2].max() < 0.05
