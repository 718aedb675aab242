"""
Which hyperparameter matters?
=============================

A search draws 30 candidates in three rounds for a network on handwritten digits. One picture shows
what it draws from, another what came of it, each hyperparameter on its own scale. Then two
questions: which hyperparameters decided, and do the best still rank first on new data?
"""

import warnings

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from sknn_opt import MLPClassifier, SearchDisplay, SearchSpaceDisplay
from sknn_opt.search import (
    Choice,
    CoarseToFineSearchCV,
    LogUniform,
    LogUniformInt,
    OneMinusLogUniform,
    ZeroOr,
    parameter_importances,
    retest,
)

X, y = load_digits(return_X_y=True)
X = X / 16
X_old, y_old, X_new, y_new = X[:900], y[:900], X[900:], y[900:]

# %%
# What is drawn
# -------------
# Each shape is flat on its own scale: as many learning rates from 0.0001 to 0.001 as from 0.1 to 1,
# and as many momenta from 0.9 to 0.99 as from 0.99 to 0.999.

space = {
    "learning_rate_init": LogUniform(1e-4, 1),
    "momentum": OneMinusLogUniform(0.5, 0.999),
    "batch_size": LogUniformInt(16, 256),
    "activation": Choice(["relu", "tanh"]),
    "alpha": ZeroOr(LogUniform(1e-5, 0.1)),
}
SearchSpaceDisplay.from_space(space)

# %%
# What came of it
# ---------------
# Only the learning rate shows a clear slope: below 0.01 eight epochs are too few. Candidates that
# were stopped early are small and pale; shaded are the regions that each round drew from. A penalty
# of 0 has its place apart. The best candidate is ringed.

net = MLPClassifier((32,), solver="sgd", max_iter=8, random_state=0)
search = CoarseToFineSearchCV(net, space, n_iter=30, cv=3, random_state=0)
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)  # eight epochs are meant to be few
    search.fit(X_old, y_old)
SearchDisplay.from_search(search)

# %%
# Two at a time, the darker the better. A small learning rate is slow at any momentum.

SearchDisplay.from_search(search, params=["learning_rate_init", "momentum"], kind="pairs")

# %%
# How fast the best was found:

SearchDisplay.from_search(search, kind="cost")

# %%
# Which hyperparameters decided?
# ------------------------------
# A forest learns the scores and is asked what it needs. The first line says how far to trust it.

print(parameter_importances(search, random_state=0))

# %%
# Do they hold on new data?
# -------------------------
# The second half of the digits comes from other writers. What is asked of the scores is more than
# chance: where their errors are as large as their differences, the answer is that nobody can say.

with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)
    report = retest(search, X_new, y_new, n_top=8)
print(f"\n{report}")
plt.show()
