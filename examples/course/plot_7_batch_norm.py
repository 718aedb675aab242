"""
7. Batch norm: normalizing the hidden layers
============================================

Normalized inputs make the first layer easy to train. Batch norm does the same for the later layers:
it normalizes the z of each hidden layer over the batch, and then lets the network choose another
mean β and another standard deviation γ. This chapter shows what batch norm does to the signals of a
network on handwritten digits, why the bias becomes superfluous, and what happens in prediction,
where there is no batch.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from sknn_opt import InputNormalizer, MLPClassifier

warnings.simplefilter("ignore", ConvergenceWarning)  # few epochs on purpose

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
normalizer = InputNormalizer().fit(X_train)
X_train, X_test = normalizer.transform(X_train), normalizer.transform(X_test)

# %%
# The formulas, in NumPy
# ----------------------
# z has one row for each example of the batch. Subtracting the mean removes whatever the bias adds
# to z, so there is no bias; β takes its place.


def batch_norm(z, gamma, beta, epsilon=1e-5):
    z_norm = (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + epsilon)
    return gamma * z_norm + beta


rng = np.random.default_rng(0)
batch = X_train[:64]
W, b = rng.normal(scale=0.125, size=(64, 5)), rng.normal(size=5)
gamma, beta = np.full(5, 2.0), np.full(5, 0.5)
with_bias, without = batch_norm(batch @ W + b, gamma, beta), batch_norm(batch @ W, gamma, beta)
print(f"mean {without.mean():.3f} and standard deviation {without.std():.3f}, as β and γ require")
print(f"the bias makes a difference of {abs(with_bias - without).max():.0e}")

# %%
# A later layer sees its inputs move
# ----------------------------------
# While the first layers learn, the inputs of the third layer change. We measure the mean and
# standard deviation of z in the third of four layers, epoch by epoch, without and with batch norm.


def drift(batch_norm, epochs=12):
    """Return the means and standard deviations of z in layer 3, over test rows, and the network."""
    net = MLPClassifier((48,) * 4, batch_norm=batch_norm, learning_rate_init=0.01, random_state=0)
    means, deviations = [], []
    for _ in range(epochs):
        net.partial_fit(X_train, y_train, classes=range(10))
        a = X_test
        for layer in range(3):
            z = a @ net.coefs_[layer] + net.intercepts_[layer]
            a = np.maximum(z, 0)
        means.append(z.mean(axis=0))
        deviations.append(z.std(axis=0))
    return np.array(means), np.array(deviations), net


drifts = {name: drift(norm) for name, norm in (("without", False), ("batch norm", True))}
print(f"{'':<12}{'σ of z, epoch 1':>17}{'epoch 12':>10}{'accuracy':>10}")
for name, (_, deviations, net) in drifts.items():
    print(f"{name:<12}{deviations[0].mean():>17.2f}{deviations[-1].mean():>10.2f}", end="")
    print(f"{net.score(X_test, y_test):>10.3f}")

figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained", sharey=True)
for ax, (name, (means, deviations, _)) in zip(axes, drifts.items(), strict=True):
    epochs = np.arange(1, len(means) + 1)
    for unit in range(6):
        middle, width = means[:, unit], deviations[:, unit]
        ax.plot(epochs, middle, color="#0072B2", linewidth=1)
        ax.fill_between(epochs, middle - width, middle + width, color="#56B4E9", alpha=0.15)
    ax.set(xlabel="epoch", title=name)
axes[0].set_ylabel("z of six units of layer 3: mean ± σ")
plt.show()

# %%
# Prediction: running averages
# ----------------------------
# One row alone has no variance. So training keeps exponentially weighted averages of μ and σ²,
# and prediction uses those. They are constants, like γ, β and W, and all five fold into one W and
# one b: ``coefs_`` and ``intercepts_`` are those of the folded network, which costs nothing extra.

net = drifts["batch norm"][2]
alone = np.vstack([net.predict_proba(row[np.newaxis]) for row in X_test[:50]])
together = net.predict_proba(X_test)[:50]
print(f"a row predicted alone or among others: difference {abs(alone - together).max():.0e}")

a = X_test
for W, b in zip(net.coefs_[:-1], net.intercepts_[:-1], strict=True):
    a = np.maximum(a @ W + b, 0)
z = a @ net.coefs_[-1] + net.intercepts_[-1]
same = np.mean(z.argmax(axis=1) == net.predict(X_test))
print(f"matrix products and relu alone predict the same class for {same:.0%} of the test rows")

assert abs(with_bias - without).max() < 1e-12
assert abs(alone - together).max() < 1e-6
assert same == 1

# %%
# What to take away
# -----------------
# Batch norm keeps the signals of the later layers stable while the earlier ones learn, so larger
# steps are safe; :ref:`sphx_glr_auto_examples_plot_batch_norm.py` measures how large. Training uses
# the batch's μ and σ, prediction uses the running averages, and β replaces the bias.
