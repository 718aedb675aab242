"""
9. Mini-batches: how many rows for one step?
============================================

A step needs a gradient, and a gradient needs rows. All rows give the exact gradient and one step an
epoch; one row gives a poor gradient and many steps. This chapter measures what lies between them on
handwritten digits: noise, steps, seconds and test error.
"""

import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from sknn_opt import InputNormalizer, MLPClassifier

warnings.simplefilter("ignore", ConvergenceWarning)  # few epochs on purpose, some rates too large

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
normalizer = InputNormalizer().fit(X_train)
X_train, X_test = normalizer.transform(X_train), normalizer.transform(X_test)
n_rows = len(X_train)
SIZES = (1, 8, 32, 128, 512, n_rows)

# %%
# The noise of a batch
# --------------------
# The gradient of a batch is the mean of the gradients of its rows. It is that of all rows plus
# noise, which falls with the square root of the number of rows; for m of n rows, drawn without
# repeats, with √((1/m - 1/n) · n / (n - 1)). We take the gradient of each row after a first epoch,
# draw 200 batches of each size, and measure how far they are from the gradient of all rows.

net = MLPClassifier((32,), alpha=0, random_state=0).partial_fit(X_train, y_train, classes=range(10))
theta = net.theta_.astype(float)
of_rows = np.array(
    [net.objective(X_train[[i]], y_train[[i]]).gradient(theta) for i in range(n_rows)]
)
exact = net.objective(X_train, y_train).gradient(theta)
print(
    f"mean of the rows' gradients - gradient of all rows: {abs(of_rows.mean(0) - exact).max():.0e}"
)

rng = np.random.default_rng(0)


def noise(size, repeats=200):
    """Return the root mean square of |g of a batch - g of all|, as a share of |g of all|."""
    batches = (rng.choice(n_rows, size, replace=False) for _ in range(repeats))
    squares = [np.sum((of_rows[rows].mean(axis=0) - exact) ** 2) for rows in batches]
    return np.sqrt(np.mean(squares)) / np.linalg.norm(exact)


one_row = np.sqrt(np.mean(np.sum((of_rows - exact) ** 2, axis=1))) / np.linalg.norm(exact)
noises = {size: noise(size) for size in SIZES}
print(f"{'rows':>6}{'noise':>9}{'by the formula':>16}")
for size in SIZES:
    formula = one_row * np.sqrt((1 / size - 1 / n_rows) * n_rows / (n_rows - 1))
    print(f"{size:>6}{noises[size]:>9.3f}{formula:>16.3f}")

# %%
# Sixteen times the rows, from 8 to 128, make the noise about four times smaller, not sixteen times.
#
# Equal epochs: steps, seconds and error
# --------------------------------------
# Gradient descent without momentum, 15 epochs, and the same learning rate for all sizes.


def trained(size, rate, seed=0, epochs=15):
    """Return a network after some epochs of plain gradient descent."""
    return MLPClassifier(
        (32,),
        solver="sgd",
        momentum=0,
        batch_size=size,
        learning_rate_init=rate,
        max_iter=epochs,
        tol=0,
        n_iter_no_change=np.inf,
        random_state=seed,
    ).fit(X_train, y_train)


print(f"{'rows':>6}{'steps':>8}{'seconds':>9}{'training loss':>15}{'test error':>12}")
nets, seconds = {}, {}
for size in SIZES:
    start = time.perf_counter()
    nets[size] = net = trained(size, rate=0.02)
    seconds[size] = time.perf_counter() - start
    print(f"{size:>6}{15 * -(-n_rows // size):>8}{seconds[size]:>9.2f}", end="")
    print(f"{net.loss_:>15.3f}{1 - net.score(X_test, y_test):>12.1%}")

# %%
# All rows at once take 15 steps in 15 epochs, and have hardly begun. Steps of one row come
# furthest, and waste the machine: matrix products are fast when they are large.

ratio = seconds[1] / seconds[32]
print(f"an epoch of single rows takes {ratio:.0f} times as long as one of 32 rows a step")

# %%
# A learning rate for each size
# -----------------------------
# But the comparison is unfair: a rate that suits one size need not suit another. So we try six for
# each size, with three seeds each.

RATES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
errors = {}
for size in SIZES[1:]:
    for rate in RATES:
        scores = [trained(size, rate, seed).score(X_test, y_test) for seed in range(3)]
        errors[size, rate] = 1 - np.mean(scores)
best = {size: min(RATES, key=lambda rate: errors[size, rate]) for size in SIZES[1:]}
print(f"{'rate':>6}" + "".join(f"{f'{size} rows':>11}" for size in best))
for rate in RATES:
    print(f"{rate:>6}" + "".join(f"{errors[size, rate]:>11.1%}" for size in best))
print("best  " + "".join(f"{rate:>11}" for rate in best.values()))

# %%
# The best rate grows with the batch, since a gradient with less noise allows larger steps. So never
# change the batch size alone. With a rate of their own, 8 to 512 rows reach 3 to 4 %; the full
# batch stays behind, for want of steps.

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
sizes = np.array(SIZES[:-1])
left.plot(sizes, [noises[size] for size in sizes], "o", color="#0072B2", label="measured")
left.plot(sizes, one_row / np.sqrt(sizes), "--", color="0.5", label="∝ 1/√m")
left.set(xscale="log", yscale="log", xlabel="rows in a batch, m")
left.set(ylabel="noise / gradient", ylim=(0.1, 10), title="The noise of a step")
left.legend(frameon=False)
LOOKS = zip(
    best,
    ("#0072B2", "#56B4E9", "#009E73", "#E69F00", "#000000"),
    ("o-", "s-", "^-", "D--", "x:"),
    strict=True,
)
for size, color, style in LOOKS:
    label = f"all {size} rows" if size == n_rows else f"{size} rows"
    right.plot(RATES, [errors[size, r] for r in RATES], style, color=color, label=label)
right.set(xscale="log", yscale="log", xlabel="learning rate", ylabel="test error")
right.set_title("Test error after 15 epochs")
right.set_yticks((0.03, 0.1, 0.3, 1), ("3 %", "10 %", "30 %", "100 %"))
right.minorticks_off()
right.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %%
# Powers of two
# -------------
# Some say that 64 rows are faster than 60. On a processor, for a network of this size?


by_size = dict.fromkeys((30, 32, 34, 60, 64, 68, 120, 128, 136), np.inf)
timed = {size: MLPClassifier((128,), batch_size=size, random_state=0) for size in by_size}
for _ in range(20):  # the best of twenty epochs, since other programs run, too
    for size, net in timed.items():
        rows = slice(n_rows // size * size)
        start = time.perf_counter()
        net.partial_fit(X_train[rows], y_train[rows], classes=range(10))
        each = 1e6 * (time.perf_counter() - start) / rows.stop
        by_size[size] = min(each, by_size[size])
for size, each in by_size.items():
    mark = "   a power of two" if size in (32, 64, 128) else ""
    print(f"{size:>4} rows: {each:>5.2f} µs a row{mark}")

# %%
# Small batches cost more for each row. Powers of two have no special place in the list. They are
# still good sizes to try, since each is twice the one before: a logarithmic scale, the subject of
# :doc:`chapter 14 <plot_14_right_scale>`.

assert errors[32, best[32]] < errors[n_rows, best[n_rows]]
assert best[8] < best[128] <= best[n_rows]
assert nets[32].loss_ < nets[512].loss_ < nets[n_rows].loss_
assert abs(noises[32] / (one_row * np.sqrt(1 / 32 - 1 / n_rows)) - 1) < 0.1

# %%
# What to take away
# -----------------
# Take 32 to 512 rows a step, the whole set only if it is small, and look for a learning rate anew
# whenever you change the batch size. ``batch_size="auto"`` is 200, or all rows if there are fewer.
