"""
Babysitting one model
=====================

With little computing power you watch a single network day by day, as a panda watches its cub, and
change its hyperparameters while it trains. Here a person looks at the curve after every 15 epochs
and changes ``learning_rate_init``. ``partial_fit`` continues where the last call ended, with the
optimizer's memory, and joblib saves each day's network in case tomorrow's idea is a bad one.
"""

import tempfile
import warnings
from pathlib import Path

import joblib
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from sknn_opt import InputNormalizer, MLPClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
normalizer = InputNormalizer().fit(X_train)
X_train, X_test = normalizer.transform(X_train), normalizer.transform(X_test)

net = MLPClassifier((64,), solver="sgd", random_state=0)
folder = tempfile.TemporaryDirectory()
watched = []


def train_for_a_day(**changed):
    """Train 15 epochs with the parameters changed; then save the network."""
    net.set_params(**changed)
    for _ in range(15):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the bad idea below may diverge
            net.partial_fit(X_train, y_train, classes=range(10))
        watched.append(log_loss(y_test, net.predict_proba(X_test)))
    day = len(watched) // 15
    joblib.dump(net, Path(folder.name) / f"day {day}")
    print(f"day {day}: {changed or 'nothing changed'}")
    print(f"    training loss {net.loss_:.4f}, on test rows {watched[-1]:.4f}")
    return day


# %%
# Five days
# ---------
# The first learning rate is too small, and the third is too large: the loss jumps, and we return to
# day 2.

train_for_a_day(learning_rate_init=0.003)
good = train_for_a_day(learning_rate_init=0.03)
train_for_a_day(learning_rate_init=3.0)

net = joblib.load(Path(folder.name) / f"day {good}")
print(f"back to day {good}: training loss {net.loss_:.4f}")

train_for_a_day(learning_rate_init=0.1)
train_for_a_day(learning_rate_init=0.01)

folder.cleanup()

# %%
# The curve a person looks at
# ---------------------------

figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
rates = ("0.003", "0.03", "3.0: too large", "0.1, from day 2", "0.01")
for day, rate in enumerate(rates):
    epochs = range(15 * day + 1, 15 * day + 16)
    ax.plot(epochs, watched[15 * day : 15 * day + 15], label=f"day {day + 1}, learning rate {rate}")
ax.set(
    yscale="log",
    xlabel="calls of partial_fit",
    ylabel="log-loss on test rows",
    title="One network, tuned by hand while it trains",
)
ax.legend(frameon=False)
plt.show()

assert watched[44] > 3 * watched[29]
assert watched[-1] < watched[29] < watched[14]

# %%
# What to take away
# -----------------
# You can change the learning rate while a network trains, and undo a bad idea if you saved each
# day's network. A schedule, such as ``learning_rate="cosine"``, does most of this without anybody
# watching.
