"""The models: each at its defaults, on one thread, and told which columns are categories."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import md5
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sknn_opt.tables
from sknn_opt import TabularMLPClassifier, TabularMLPRegressor
from tables.frames import Prepare, one_hot


@dataclass(frozen=True)
class Contender:
    """A model by name.

    Attributes
    ----------
    name : str
    make : callable
        Takes has_classes, seed and the names of the categories, and returns an estimator.
    version : str
        What the figures hold for.
    is_slow : bool
        Whether one split of small tables is enough.
    """

    name: str
    make: Callable
    version: str
    is_slow: bool = False


def ours(preset):
    """One line."""

    def make(has_classes, seed, categories):
        model = TabularMLPClassifier if has_classes else TabularMLPRegressor
        return model(preset, random_state=seed)

    return make


def mlp(has_classes, seed, categories):
    """scikit-learn's network at its defaults."""
    model = MLPClassifier if has_classes else MLPRegressor
    return make_pipeline(one_hot(), model(random_state=seed))


def stopped_mlp(has_classes, seed, categories):
    """The same with early stopping and standardized targets."""
    if has_classes:
        return make_pipeline(one_hot(), MLPClassifier(early_stopping=True, random_state=seed))
    model = MLPRegressor(early_stopping=True, random_state=seed)
    model = TransformedTargetRegressor(model, transformer=StandardScaler())
    return make_pipeline(one_hot(), model)


def linear(has_classes, seed, categories):
    """Logistic regression or ridge regression."""
    model = LogisticRegression(max_iter=1000) if has_classes else RidgeCV(np.logspace(-3, 3, 7))
    return make_pipeline(one_hot(), model)


def forest(has_classes, seed, categories):
    """Random forests."""
    model = RandomForestClassifier if has_classes else RandomForestRegressor
    return make_pipeline(one_hot(), model(random_state=seed))


def boosting(has_classes, seed, categories):
    """scikit-learn's boosted trees."""
    model = HistGradientBoostingClassifier if has_classes else HistGradientBoostingRegressor
    return make_pipeline(Prepare(), model(categorical_features="from_dtype", random_state=seed))


def lightgbm(has_classes, seed, categories):
    """LightGBM."""
    from lightgbm import LGBMClassifier, LGBMRegressor

    model = LGBMClassifier if has_classes else LGBMRegressor
    return make_pipeline(Prepare(), model(n_jobs=1, verbose=-1, random_state=seed))


def catboost(has_classes, seed, categories):
    """CatBoost."""
    from catboost import CatBoostClassifier, CatBoostRegressor

    model = CatBoostClassifier if has_classes else CatBoostRegressor
    quiet = {"verbose": False, "allow_writing_files": False, "thread_count": 1}
    return make_pipeline(
        Prepare(fills=True), model(cat_features=categories, random_state=seed, **quiet)
    )


def realmlp(has_classes, seed, categories):
    """RealMLP-TD, tuned defaults of a network in PyTorch."""
    from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor

    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)  # seven lines a fit
    model = RealMLP_TD_Classifier if has_classes else RealMLP_TD_Regressor
    return make_pipeline(
        Prepare(fills=True), model(device="cpu", n_cv=1, n_threads=1, random_state=seed)
    )


def our_version():
    """A hash of what makes a table a model."""
    files = sorted(Path(sknn_opt.tables.__file__).parent.glob("*.py"))
    return md5(b"".join(path.read_bytes() for path in files)).hexdigest()[:8]


SKLEARN = "scikit-learn's MLP"
BOOSTING = "HistGradientBoosting"
OURS = ("fast", "balanced", "best")
THEIRS = {
    SKLEARN: (mlp, "scikit-learn"),
    "the same, early stopping": (stopped_mlp, "scikit-learn"),
    "linear": (linear, "scikit-learn"),
    "random forest": (forest, "scikit-learn"),
    BOOSTING: (boosting, "scikit-learn"),
    "LightGBM": (lightgbm, "lightgbm"),
    "CatBoost": (catboost, "catboost"),
    "RealMLP-TD": (realmlp, "pytabkit"),
}
SLOW = ("CatBoost", "RealMLP-TD")


def all_contenders():
    """Ours and those that are installed; says which are not."""
    yield from (Contender(preset, ours(preset), our_version()) for preset in OURS)
    for name, (make, package) in THEIRS.items():
        try:
            found = version(package)
        except PackageNotFoundError:
            print(f"{name} is left out: {package} is not installed.")
        else:
            yield Contender(name, make, found, name in SLOW)
