"""
Normalizing inputs, and detecting data drift
============================================

Two things can go wrong with inputs. Features of unequal size make training slow (see
`the shape of the cost <plot_loss_surface.html>`_); ``InputNormalizer`` scales each to mean 0 and
standard deviation 1. And after training, the data can drift: the network must then predict in a
region that it has never seen, and it answers anyway. ``check_shift`` compares new data with what
the normalizer knows about the training data.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sknn_opt import InputNormalizer, MLPClassifier, NormalizationDisplay, check_shift

# %%
# Before and after
# ----------------
# The data are chemical measurements of 178 wines of three cultivars. Values of proline are in the
# hundreds, values of hue around one.

X, y = load_wine(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
model = make_pipeline(InputNormalizer(), MLPClassifier((16,), solver="lbfgs", random_state=0))
model.fit(X_train, y_train)
print(f"accuracy on test rows: {model.score(X_test, y_test):.3f}")

NormalizationDisplay.from_estimator(model, X_train)
plt.show()

# %%
# New data of the same kind
# -------------------------
# The test rows were drawn at random from the same wines. Their means differ from those of the
# training rows, but by no more than chance allows with so few rows. The line above the table says
# how large a shift the check would have noticed.

print(check_shift(model, X_test), "\n")

# %%
# New data of another kind
# ------------------------
# In production, the laboratory changes: the instrument for proline now reports mg/dl, the color is
# measured with an offset, and every fifth flavanoid measurement is missing. The network would not
# complain about the first two: it answers with the same confidence as before.

X_new = X_test.copy()
X_new["proline"] /= 10
X_new["color_intensity"] += 2.5
answers = model.predict_proba(X_new)
print(f"accuracy on them: {model.score(X_new, y_test):.3f}")
print(f"mean probability of the predicted cultivar: {answers.max(axis=1).mean():.3f}")

X_new.loc[X_new.index[::5], "flavanoids"] = float("nan")
report = check_shift(model, X_new)
print(report)

NormalizationDisplay.from_estimator(model, X_train, X_new=X_new)
plt.show()

assert check_shift(model, X_test).passed
assert {"proline", "color_intensity", "flavanoids"} <= set(report.shifted)

# %%
# What to take away
# -----------------
# A network's probabilities do not tell you whether its inputs have drifted. The normalizer in front
# of it can: keep the pipeline, and call ``check_shift(pipeline, X_new)`` on each batch of new data,
# or ``check_shift(pipeline, X_new).raise_if_shifted()`` where nobody reads the report.
