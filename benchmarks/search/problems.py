"""What is searched: a network in a pipeline, on tables of numbers."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tables.frames import one_hot
from tables.sets import all_tables

from sknn_opt import MLPClassifier, MLPRegressor
from sknn_opt.search import LogUniform, LogUniformInt, OneMinusLogUniform, ZeroOr

MOST_ROWS, TESTED = 1500, 2000
SPACE = {
    "learning_rate_init": LogUniform(1e-5, 1),
    "beta_1": OneMinusLogUniform(0.5, 0.999),
    "hidden_layer_sizes": LogUniformInt(8, 256),
    "batch_size": LogUniformInt(16, 512),
    "alpha": ZeroOr(LogUniform(1e-6, 1)),
    "activation": ["relu", "tanh", "silu"],
    "init": ["auto", "he_normal", "glorot_uniform"],
}
DEVELOPMENT = (
    "digits", "vehicle", "vowel", "sonar", "phoneme", "segment", "concrete", "diabetes",
    "contraceptive", "cells", "olives", "biomass",
)  # fmt: skip


@dataclass
class Problem:
    """Rows to search on, and others to test on."""

    name: str
    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    has_classes: bool
    max_iter: int = 100
    n_splits: int = 3
    space: dict = field(init=False)

    def __post_init__(self):
        model = MLPClassifier if self.has_classes else MLPRegressor
        net = model(max_iter=self.max_iter, early_stopping=True, random_state=0)
        self.estimator = make_pipeline(StandardScaler(), net)
        prefix = self.estimator.steps[-1][0]
        self.space = {f"{prefix}__{name}": each for name, each in SPACE.items()}
        self.resource = f"{prefix}__max_iter"
        self.scoring = "neg_log_loss" if self.has_classes else "r2"
        kind = StratifiedKFold if self.has_classes else KFold
        self.cv = kind(self.n_splits, shuffle=True, random_state=0)

    @cached_property
    def splits(self):
        """Those of `cv`, drawn once."""
        return list(self.cv.split(self.X, self.y))


def problems(names=DEVELOPMENT):
    """Problems of tables by name."""
    for table in all_tables():
        if table.name in names:
            X, y = table.rows()
            options = {"train_size": min(MOST_ROWS, len(y) // 2), "random_state": 0}
            parts = train_test_split(X, y, stratify=y if table.has_classes else None, **options)
            encode = one_hot()
            X_train, X_test = encode.fit_transform(parts[0]), encode.transform(parts[1])
            y_train, y_test = map(np.asarray, parts[2:])
            yield Problem(
                table.name, X_train, y_train, X_test[:TESTED], y_test[:TESTED], table.has_classes
            )
