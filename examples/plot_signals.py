"""
Why does this network not train?
================================

Four networks of twenty layers start from different initial weights. `check_signals` follows the
signals of handwritten digits through each network before its first step, and says which networks
will not train.
"""

import warnings

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from sknn_opt import InputNormalizer, MLPClassifier, SignalPropagationDisplay, check_signals

X, y = load_digits(return_X_y=True)
X = InputNormalizer().fit_transform(X)


def small(shape, rng, gain):
    """Draw normal numbers of standard deviation 0.01, for any width."""
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
# If the gain of every layer is below 1, signals vanish; if it is above 1, they explode. The
# logistic network shows why you must look in both directions: its gain is 1 forward and 0.24
# backward.

reports = {name: check_signals(net, X, y) for name, net in nets.items()}
print(reports["logistic, Glorot"])

# %%
# Then all four train for 20 epochs. Only two of them learn.

print(f"\n{'network':<24}{'verdict before':<16}accuracy after")
for name, net in nets.items():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the warnings are expected here
        accuracy = net.fit(X, y).score(X, y)
    print(f"{name:<24}{reports[name].verdict:<16}{accuracy:.2f}")

# %%
# The picture shows the gains by layer above, and the spread of the activations below.

SignalPropagationDisplay.from_report(reports)
plt.show()

# %%
# What to take away
# -----------------
# Check before you train. If gains are far from 1, no learning rate helps: change the initial
# weights or the activation, or let batch norm rescale each layer.
