"""
4. Numerical approximation of gradients
=======================================

You can compute a derivative without calculus: move θ a little and see how much J moves. From one
side the error is as large as the step, and from both sides as large as its square. Through the
complex plane there is no error except rounding.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_wine

from sknn_opt import InputNormalizer, MLPClassifier

# %%
# The course's example: f(θ) = θ³ at θ = 1, where f' = 3
# ------------------------------------------------------


def f(theta):
    return theta**3


def one_sided(f, theta, step):
    return (f(theta + step) - f(theta)) / step


def two_sided(f, theta, step):
    return (f(theta + step) - f(theta - step)) / (2 * step)


def complex_step(f, theta, step):
    return f(theta + 1j * step).imag / step


print(f"ε = 0.01: one-sided {one_sided(f, 1, 0.01):.4f}, two-sided {two_sided(f, 1, 0.01):.4f}")
assert round(one_sided(f, 1, 0.01), 4) == 3.0301
assert round(two_sided(f, 1, 0.01), 4) == 3.0001

# %%
# (1 + ε)³ = 1 + 3ε + 3ε² + ε³ explains why: one-sided, 3ε + ε² is left over; two-sided, the even
# powers cancel and only ε² remains.

print(f"{'ε':>6}{'one-sided error':>18}{'two-sided error':>18}{'complex-step error':>21}")
for step in (1e-1, 1e-2, 1e-3, 1e-4):
    errors = [abs(way(f, 1, step) - 3) for way in (one_sided, two_sided, complex_step)]
    print(f"{step:>6.0e}{errors[0]:>18.1e}{errors[1]:>18.1e}{errors[2]:>21.1e}")

# %%
# The complex step looks no better than the two-sided one, with the opposite sign: f(1 + iε) has
# the imaginary part 3ε - ε³. Its strength is elsewhere. It subtracts nothing, so ε can be so small
# that ε² vanishes:

print(f"two-sided at ε = 1e-20: {two_sided(f, 1, 1e-20)}")
print(f"complex   at ε = 1e-20: {complex_step(f, 1, 1e-20)}")

# %%
# A network's cost
# ----------------
# We repeat this for a real cost, with 178 wines and one hidden layer of tanh units. ``objective``
# returns J as a function of one vector θ; its value also takes a complex θ. The direction is
# random, and the derivative along it is the gradient times the direction.

X, y = load_wine(return_X_y=True)
X = InputNormalizer().fit_transform(X)
objective = MLPClassifier((10,), activation="tanh", dtype="float64", random_state=0).objective(X, y)
direction = np.random.default_rng(0).normal(size=objective.theta.size)
direction /= np.linalg.norm(direction)
exact = objective.gradient(objective.theta) @ direction


def along(t):
    return objective.value(objective.theta + t * direction)


STEPS = 10.0 ** np.arange(-16, 0.1, 0.5)
WAYS = {"one-sided": one_sided, "two-sided": two_sided, "complex step": complex_step}
errors = {
    name: [abs(way(along, 0.0, step) - exact) / abs(exact) for step in STEPS]
    for name, way in WAYS.items()
}
for name, values in errors.items():
    best = int(np.argmin(values))
    print(f"{name:<14} best relative error {values[best]:.0e}, at ε = {STEPS[best]:.0e}")
tiny = abs(complex_step(along, 0.0, 1e-200) - exact) / abs(exact)
print(f"complex step   at ε = 1e-200: {tiny:.0e}")

figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
STYLES = (("s--", "#E69F00"), ("o-", "#0072B2"), ("^:", "#000000"))
for (name, values), (style, color) in zip(errors.items(), STYLES, strict=True):
    ax.plot(STEPS, np.maximum(values, 1e-17), style, color=color, markersize=4, label=name)
ax.set(xscale="log", yscale="log", xlabel="step ε", ylabel="relative error of the derivative")
ax.set_title("Large steps err by curvature, small ones by rounding")
ax.legend(frameon=False, loc="upper center")
plt.show()

assert min(errors["two-sided"]) < min(errors["one-sided"])
assert tiny < 1e-14

# %%
# From right to left, the errors fall with slope 1 and 2. Then rounding takes over: J has sixteen
# digits, and the smaller the step, the fewer of them distinguish J(θ + ε) from J(θ - ε). Therefore
# gradient checking asks for a ratio of 1e-7, and not of 1e-16.
#
# What to take away
# -----------------
# Two-sided differences are worth their second evaluation. The best step is neither the smallest nor
# the largest. If the code takes complex numbers, you need no such compromise: ``check_gradients``
# uses complex steps for the networks of this package.
