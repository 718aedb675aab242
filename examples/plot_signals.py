"""
Why does this network not train?
================================

Twenty layers of handwritten digits, with four kinds of initial weights. `check_signals` follows
the signals through each network before it has seen a single step, and says which will not train.
"""

import warnings

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from sknn_opt import InputNormalizer, MLPClassifier, SignalPropagationDisplay, check_signals

X, y = load_digits(return_X_y=True)
X = InputNormalizer().fit_transform(X)


def small(shape, rng, gain):
    """Normal numbers of standard deviation 0.01, whatever the width."""
    return rng.normal(scale=0.01, size=shape)


NETS = {
    "relu, N(0, 0.01²)": {"activation": "relu", "init": small},
    "logistic, Glorot": {"activation": "logistic", "init": "glorot_normal"},
    "tanh, Glorot": {"activation": "tanh", "init": "glorot_normal"},
    "logistic, auto": {"activation": "logistic", "init": "auto"},
}
nets = {
    name: MLPClassifier((64,) * 20, max_iter=20, random_state=0, **parameters)
    for name, parameters in NETS.items()
}

# %%
# Before training
# ---------------
# A gain below 1 in every layer vanishes, above 1 explodes. The logistic network shows why one
# has to look both ways: forward its gain is 1, backward 0.24.

reports = {name: check_signals(net, X, y) for name, net in nets.items()}
print(reports["logistic, Glorot"])

# %%
# Then they train, for 20 epochs: two of them.

print(f"\n{'network':<24}{'verdict before':<16}accuracy after")
for name, net in nets.items():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it learned nothing is the point
        accuracy = net.fit(X, y).score(X, y)
    print(f"{name:<24}{reports[name].verdict:<16}{accuracy:.2f}")

# %%
# The picture: gains by layer above, how the activations spread below.

SignalPropagationDisplay.from_report(reports).plot()
plt.show()

# %%
# What to take away
# -----------------
# Look before you train. If gains are far from 1, no learning rate helps: change the
# initial weights or the activation, or let batch norm set the scale of each layer anew.
