"""
6. Gradient checking: five pitfalls
===================================

The course gives five rules: do not check during training; look at the components when a check
fails; remember the penalty; freeze the masks of dropout; check at random weights and again after
some training. This chapter plants five bugs, one for each rule.
"""

from textwrap import wrap
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from sknn_opt import InputNormalizer, check_gradients

X, y = load_digits(return_X_y=True)
X = InputNormalizer().fit_transform(X)[::18]
Y = np.eye(10)[y[::18]]
m, LAMBDA, KEEP = len(X), 1.0, 0.8

# %%
# One network, with places for bugs
# ---------------------------------
# It has 64 inputs, 20 softplus units, 10 digits, a penalty, and optional dropout of the hidden
# units.


class Net:
    """The cost and gradients of a small network; `bug` names what is wrong in it."""

    def __init__(self, bug=None, dropout=False, frozen=True):
        self.bug, self.dropout, self.frozen = bug, dropout, frozen
        self.rng = np.random.default_rng(1)
        self.mask = (self.rng.random((m, 20)) < KEEP) / KEEP if dropout else np.ones((m, 20))

    def forward(self, p):
        if self.dropout and not self.frozen:
            self.mask = (self.rng.random((m, 20)) < KEEP) / KEEP
        z1 = X @ p["W1"] + p["b1"]
        if self.bug == "clipped":  # "to keep exp from overflowing"
            z1 = np.clip(z1, -4, 4)
        a1 = np.logaddexp(0, z1)  # softplus
        z2 = (a1 * self.mask) @ p["W2"] + p["b2"]
        e = np.exp(z2 - z2.max(axis=1, keepdims=True))
        return z1, a1, e / e.sum(axis=1, keepdims=True)

    def cost(self, p):
        _, _, a2 = self.forward(p)
        penalty = LAMBDA / (2 * m) * (np.sum(p["W1"] ** 2) + np.sum(p["W2"] ** 2))
        return -np.sum(Y * np.log(a2)) / m + penalty

    def gradients(self, p):
        z1, a1, a2 = self.forward(p)
        d2 = (a2 - Y) / m
        d1 = d2 @ p["W2"].T / (1 + np.exp(-z1))
        if self.bug != "mask forgotten":
            d1 = d1 * self.mask
        shrink = 0 if self.bug == "penalty forgotten" else LAMBDA / m
        db2 = d2.sum(axis=0)
        if self.bug == "one component":
            db2[7] *= 0.9
        return {
            "dW1": X.T @ d1 + shrink * p["W1"],
            "db1": d1.sum(axis=0),
            "dW2": (a1 * self.mask).T @ d2 + shrink * p["W2"],
            "db2": db2,
        }


def random_weights():
    rng = np.random.default_rng(0)
    return {
        "W1": rng.normal(scale=0.02, size=(64, 20)),
        "b1": np.zeros(20),
        "W2": rng.normal(scale=0.1, size=(20, 10)),
        "b2": np.zeros(10),
    }


def check(net, p=None):
    return check_gradients(net.cost, net.gradients, random_weights() if p is None else p)


print("no bug:", check(Net()).verdict)

# %%
# Pitfall 1: not during training
# ------------------------------
# A check costs as much as hundreds of steps, and a bug in the code is there before the first step.
# So one check *before* training finds it.


def seconds(function, repeats=5):
    times = []
    for _ in range(repeats):
        start = perf_counter()
        function()
        times.append(perf_counter() - start)
    return np.median(times)


net, p = Net("one component"), random_weights()
step, whole = seconds(lambda: net.gradients(p), 50), seconds(lambda: check(net))
print(f"one check takes as long as {whole / step:.0f} gradients;", end=" ")
print(f"element by element it would be {2 * sum(a.size for a in p.values())} costs")
print("before training:", check(net).verdict, "- so do not start")

# %%
# Pitfall 2: look at the components
# ---------------------------------
# The bug above is in one of 1,510 elements. One number for the whole gradient is easy to excuse.
# The table by block and element shows where the bug is: in db2 and nothing else, at [7].

report = check(net)
print(f"the whole gradient: ratio {report.relative_error:.1e}")
print(report)

# %%
# Pitfall 3: remember the penalty
# -------------------------------
# J includes λ/2m Σ‖W‖², so dW must include λ/m W. Here it was forgotten: both W are wrong and both
# b are correct. This pattern is the diagnosis, and the hint says the same.

forgotten = check(Net("penalty forgotten"))
print(forgotten)

# %%
# The opposite error is to check against a cost without the penalty, and to call a correct gradient
# wrong. Both sides must be the same function.
#
# Pitfall 4: dropout
# ------------------
# With new masks at each call, J is not a function of θ, and differences measure the masks. The
# checker notices this and raises an error:

try:
    check(Net("mask forgotten", dropout=True, frozen=False))
except ValueError as error:
    print(*wrap(f"ValueError: {error}", 85), sep="\n")

# %%
# The usual advice is to switch dropout off for the check. This hides the bug: without masks there
# is none to forget. With the masks *frozen*, the function is deterministic and the bug shows.

off, frozen = check(Net("mask forgotten")), check(Net("mask forgotten", dropout=True))
print(f"dropout off:  {off.verdict}")
print(f"masks frozen: {frozen.verdict}, at fault: {frozen.fault.split(' (')[0]}")
print(f"masks frozen, the correct gradient: {check(Net(dropout=True)).verdict}")

# %%
# Pitfall 5: at random weights, and again after some training
# -----------------------------------------------------------
# Someone clipped z to [-4, 4] in the forward pass and forgot it in the backward pass. At small
# random weights no z is that large, so the check correctly passes. After training it does not.

clipped, p = Net("clipped"), random_weights()
fractions, ratios, verdicts = [], [], []
STEPS = (0, 5, 10, 20, 40, 80)
for step in range(STEPS[-1] + 1):
    if step in STEPS:
        z = X @ p["W1"] + p["b1"]
        found = check(clipped, p)
        fractions.append(np.mean(abs(z) > 4))
        ratios.append(found.relative_error)
        verdicts.append(found.verdict)
        print(f"after {step:>2} steps: {verdicts[-1]:<6} ratio {ratios[-1]:.0e}", end=" ")
        print(f"({fractions[-1]:.1%} of z beyond 4)")
    gradients = clipped.gradients(p)
    p = {name: value - 1.0 * gradients["d" + name] for name, value in p.items()}

figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
blocks = {block.block: block.ratio for block in forgotten.blocks if block.block != "all"}
colors = ["#D55E00" if value > 1e-5 else "#0072B2" for value in blocks.values()]
left.bar(list(blocks), list(blocks.values()), color=colors)
left.axhline(1e-5, color="0.5", linestyle=":")
left.set(yscale="log", ylabel="ratio", title="Penalty forgotten: the W, not the b")
right.plot(STEPS, np.maximum(ratios, 1e-16), "o-", color="#D55E00")
right.axhline(1e-5, color="0.5", linestyle=":")
right.set(yscale="log", xlabel="steps of training", ylabel="ratio")
right.set_title("Clipping forgotten: correct at first, then wrong")
plt.show()

assert report.verdict == forgotten.verdict == frozen.verdict == verdicts[-1] == "WRONG"
assert off.verdict == verdicts[0] == "OK"
assert [b.block for b in report.blocks if b.verdict == "WRONG"] == ["b2", "all"]

# %%
# ``check_gradients(estimator, X, y, burn_in=20)`` does this for the networks of this package: at
# the initial weights, after 20 steps, and with frozen masks. To check your own function at two
# points, call ``check_gradients`` twice.
#
# What to take away
# -----------------
# A check that passes holds for one function, at one point, with these masks. Check the function
# that you minimize, at weights that occur in training, once before training, and read the table by
# block.
