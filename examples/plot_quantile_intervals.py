"""
Prediction intervals by quantile regression
===========================================

A predicted mean does not say how far off it may be. One network with the pinball loss predicts the
5 %, the 50 % and the 95 % quantile of disease progression; nine out of ten patients should lie
between the first and the last. This example counts them on rows that the network has not seen.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.metrics import mean_pinball_loss
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline

from sknn_opt import InputNormalizer, MLPRegressor

X, y = load_diabetes(return_X_y=True)
QUANTILES = (0.05, 0.5, 0.95)

# A small network with dropout and a penalty: it would soon memorize 442 rows.
net = MLPRegressor(
    (30,),
    loss="quantile",
    quantile=QUANTILES,
    dropout=0.2,
    alpha=3.0,
    learning_rate="cosine",
    learning_rate_init=0.01,
    max_iter=100,
    random_state=0,
)
model = make_pipeline(InputNormalizer(), net)

# %%
# Coverage on unseen rows
# -----------------------
# The network that predicts a row was trained on nine tenths of the data, without that row. The
# columns of its predictions are in the order of ``quantile``, and a higher quantile is never below
# a lower one.

low, median, high = cross_val_predict(model, X, y, cv=10).T

print(f"{'quantile':<10}{'share below':>12}{'pinball loss':>14}{'of a constant':>15}")
for q, values in zip(QUANTILES, (low, median, high), strict=True):
    constant = mean_pinball_loss(y, np.full(len(y), np.quantile(y, q)), alpha=q)
    loss = mean_pinball_loss(y, values, alpha=q)
    print(f"{q:<10}{np.mean(y <= values):>12.3f}{loss:>14.2f}{constant:>15.2f}")
covered = (low < y) & (y <= high)
width, spread = np.mean(high - low), np.subtract(*np.quantile(y, (0.95, 0.05)))
print(
    f"\n{covered.mean():.1%} of the rows lie between the 5 % and the 95 % quantile (wanted: 90 %)"
)
print(f"mean width {width:.0f}, compared with {spread:.0f} for the quantiles of all rows")

# %%
# The intervals, in the order of the median
# -----------------------------------------

order = np.argsort(median)
figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
rows, inside = np.arange(len(y)), covered[order]
band = {"color": "#56B4E9", "alpha": 0.4, "linewidth": 0, "label": "5 % to 95 %"}
ax.fill_between(rows, low[order], high[order], **band)
ax.plot(median[order], color="#0072B2", label="median")
ax.plot(rows[inside], y[order][inside], ".", color="0.4", markersize=3, label="inside")
ax.plot(rows[~inside], y[order][~inside], "x", color="#D55E00", markersize=5, label="outside")
ax.set(xlabel="patients, in the order of the predicted median", ylabel="disease progression")
ax.set_title(f"Nine out of ten should lie inside, {covered.mean():.1%} do")
ax.legend(frameon=False, ncols=4, loc="upper left")
plt.show()

assert (low <= median).all()
assert (median <= high).all()
assert 0.84 < covered.mean() < 0.95
assert width < spread

# %%
# What to take away
# -----------------
# An interval needs no new kind of model, only another loss. Before you trust an interval, count how
# many unseen rows lie inside.
