"""
Normalizing inputs, and noticing when they have changed
=======================================================

Two things can go wrong with inputs. Features of unequal size make training slow (see
`the shape of the cost <plot_loss_surface.html>`_); ``InputNormalizer`` brings each to mean 0 and
deviation 1. And after the training, the world can change: the network is then asked about a region
that it has never seen, and answers all the same. ``check_shift`` holds new data to what the
normalizer knows of the training data.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sknn_opt import InputNormalizer, MLPClassifier, NormalizationDisplay, check_shift

# %%
# Before and after
# ----------------
# The chemistry of 178 wines of three cultivars. Proline comes in the hundreds, hue around one.

X, y = load_wine(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
model = make_pipeline(InputNormalizer(), MLPClassifier((16,), solver="lbfgs", random_state=0))
model.fit(X_train, y_train)
print(f"accuracy on test rows: {model.score(X_test, y_test):.3f}")

display = NormalizationDisplay.from_estimator(model, X_train).plot()
display.figure_.savefig("normalization.png", dpi=150)
print("picture saved to normalization.png\n")

# %%
# New data of the same kind
# -------------------------
# The test rows were drawn at random from the same wines. Their means differ from those of the
# training rows, but by no more than chance allows with so few of them: the last line says what
# would have been noticed.

print(check_shift(model, X_test), "\n")

# %%
# New data of another kind
# ------------------------
# In production, the laboratory changes: the instrument for proline now reports mg/dl, the
# colour is measured with an offset, and every fifth flavanoid measurement is missing. The network
# would not complain about the first two: it answers with the same confidence as ever.

X_new = X_test.copy()
X_new["proline"] /= 10
X_new["color_intensity"] += 2.5
answers = model.predict_proba(X_new)
print(f"accuracy on them: {model.score(X_new, y_test):.3f}")
print(f"mean probability of the predicted cultivar: {answers.max(axis=1).mean():.3f}")

X_new.loc[X_new.index[::5], "flavanoids"] = float("nan")
report = check_shift(model, X_new)
print(report)

display = NormalizationDisplay.from_estimator(model, X_train, X_new=X_new).plot()
display.figure_.savefig("shift.png", dpi=150)
print("picture saved to shift.png")
plt.show()

assert check_shift(model, X_test).passed
assert {"proline", "color_intensity", "flavanoids"} <= set(report.shifted)

# %%
# What to take away
# -----------------
# A network's probabilities do not say whether its inputs still are what they were. The normalizer
# in front of it can: keep the pipeline, and call ``check_shift(pipeline, X_new)`` on each batch of
# new data, or ``check_shift(pipeline, X_new).raise_if_shifted()`` where nobody looks.
