"""
Batch norm: its speed, and its noise by batch size
==================================================

Batch norm is said to speed up training, and to regularize by its noise: the mean and variance of a
batch are estimates, and they are rougher for smaller batches. This example measures both effects on
handwritten digits.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from sknn_opt import InputNormalizer, MLPClassifier

# On purpose, all networks take the same number of steps.
warnings.simplefilter("ignore", ConvergenceWarning)


def train(sizes, batch_size, batch_norm, *, train_size, n_steps, rate, seeds):
    """Return the mean accuracy and log-loss on test rows after `n_steps` steps of Adam."""
    X, y = load_digits(return_X_y=True)
    found = []
    for seed in range(seeds):
        X_train, X_test, y_train, y_test = train_test_split(
            X, y, train_size=train_size, stratify=y, random_state=seed
        )
        normalizer = InputNormalizer().fit(X_train)
        epochs = n_steps // -(-train_size // batch_size)
        net = MLPClassifier(
            sizes,
            batch_size=batch_size,
            batch_norm=batch_norm,
            learning_rate_init=rate,
            tol=0,
            max_iter=epochs,
            n_iter_no_change=np.inf,
            random_state=seed,
        )
        net.fit(normalizer.transform(X_train), y_train)
        X_test = normalizer.transform(X_test)
        probability = net.predict_proba(X_test)[np.arange(len(y_test)), y_test]
        found.append((net.score(X_test, y_test), -np.log(probability).mean()))
    return np.mean(found, axis=0)


# %%
# Speed: ten hidden layers, and three learning rates
# --------------------------------------------------
# Batch norm does not improve small steps. It makes large steps possible.

RATES = (0.001, 0.01, 0.03)
print("Ten hidden layers of 64 relu units, 600 steps of 64 rows: accuracy on test rows")
print(f"{'learning rate':<15}{'without':>9}{'batch norm':>12}")
accuracy = {}
for rate in RATES:
    for batch_norm in (False, True):
        accuracy[rate, batch_norm] = train(
            (64,) * 10, 64, batch_norm, train_size=1200, n_steps=600, rate=rate, seeds=2
        )[0]
    print(f"{rate:<15}{accuracy[rate, False]:>9.3f}{accuracy[rate, True]:>12.3f}")

# %%
# Noise: how far a batch moves the signal of a row
# ------------------------------------------------
# Each batch subtracts a different mean from the same row. The standard deviation of the row's
# normalized signal falls with the square root of the batch size.


def noise(batch_size, n_batches=300):
    """Return the standard deviation, over random batches, of the normalized signals of a row."""
    X = InputNormalizer().fit_transform(load_digits().data)
    rng = np.random.default_rng(0)
    z = X @ rng.normal(scale=X.shape[1] ** -0.5, size=(X.shape[1], 50))
    seen = []
    for _ in range(n_batches):
        batch = z[np.r_[0, rng.choice(len(z), batch_size - 1, replace=False)]]
        seen.append((batch[0] - batch.mean(axis=0)) / batch.std(axis=0))
    return np.std(seen, axis=0).mean()


BATCHES = (16, 64, 256)
few = {"train_size": 400, "n_steps": 1000, "rate": 0.001, "seeds": 3}
print("\n400 training rows, 64-128-128-10, 1,000 steps: log-loss on test rows")
print(f"{'batch':<7}{'noise':>7}{'without':>9}{'batch norm':>12}")
noises, losses = {}, {}
for size in BATCHES:
    noises[size] = noise(size)
    losses[size] = [train((128, 128), size, norm, **few)[1] for norm in (False, True)]
    print(f"{size:<7}{noises[size]:>7.3f}{losses[size][0]:>9.3f}{losses[size][1]:>12.3f}")

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for norm, style, label in ((False, "s--", "without"), (True, "o-", "batch norm")):
    left.plot(RATES, [accuracy[rate, norm] for rate in RATES], style, label=label)
    right.plot(BATCHES, [losses[size][norm] for size in BATCHES], style, label=label)
left.set(xscale="log", xlabel="learning rate", ylabel="accuracy on test rows")
left.set_title("Ten layers: large steps become possible")
right.set(xscale="log", xlabel="batch size", ylabel="log-loss on test rows")
right.set_ylim(0, 1.1 * right.get_ylim()[1])  # room above the highest mark
right.set_title("Two layers, 400 rows")
right.set_xticks(BATCHES, [str(size) for size in BATCHES])
right.minorticks_off()
left.legend(frameon=False)
right.legend(frameon=False)
plt.show()

assert accuracy[0.03, True] > accuracy[0.03, False] + 0.1
assert 1.8 < noises[64] / noises[256] < 2.3
assert all(with_norm < without for without, with_norm in losses.values())

# %%
# What to take away
# -----------------
# Try batch norm with a larger learning rate. Its noise halves from 64 rows to 256; the last column
# shows whether that matters.
