"""How reliable a gradient checker is: ours compared with scipy, torch and the course's rule.

    python benchmarks/gradient_checkers.py [seeds]

Correct gradients that are called wrong, planted bugs that are caught, and what it costs. The nets
have 20-32-32-3 units and 8 rows; the bugs are those of tests/checks/planted_bugs.py, in every
layer that can have them. torch takes part where it is installed.
"""

import re
import sys
import warnings
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from scipy.optimize import check_grad
from sklearn.datasets import make_classification

from sknn_opt import MLPClassifier, check_gradients
from sknn_opt.checks.gradients.engine import check_problem
from sknn_opt.checks.gradients.readers.networks import read_objective
from sknn_opt.checks.gradients.report import GradientReport
from sknn_opt.nn.activations import ACTIVATIONS

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "checks"))
from planted_bugs import BUGS

try:
    import torch
except ImportError:
    torch = None

REGIMES = ("plain", "blank row", "sparse 0/1", "300 Adam steps", "init x 1e-3")
N_ROWS = 8


def data(seed, regime):
    X, y = make_classification(
        N_ROWS, 20, n_informative=5, n_classes=3, n_clusters_per_class=1, random_state=seed
    )
    if regime == "blank row":
        X[2] = 0
    if regime == "sparse 0/1":
        X = (X > 1).astype(float)
    return X, y


def objective_of(seed, regime, activation="relu", **parameters):
    """J of a net in one of the regimes; with batch norm or dropout if asked."""
    X, y = data(seed, regime)
    net = MLPClassifier(
        (32, 32), activation=activation, init="he_normal", random_state=seed, **parameters
    )
    if regime == "300 Adam steps":
        net.set_params(max_iter=300, tol=0, n_iter_no_change=301).fit(X, y)
    objective = net.objective(X, y)
    if regime == "init x 1e-3":
        for block, place in objective.blocks.items():
            if block.startswith("W"):
                objective.theta[place.slice] *= 1e-3
    return objective


# The rivals: each takes (J, gradient, θ) and says whether the gradient is correct
# --------------------


def by_scipy(value, gradient, theta):
    """It gives an absolute norm and no verdict; 1e-5 is a usual bound."""
    return check_grad(value, gradient, theta) < 1e-5


def by_course(value, gradient, theta, step=1e-7):
    """Central differences; ‖a - n‖ / (‖a‖ + ‖n‖) below 2e-7."""
    numeric = np.empty_like(theta)
    for k in range(theta.size):
        moved = theta.copy()
        moved[k] = theta[k] + step
        right = value(moved)
        moved[k] = theta[k] - step
        numeric[k] = (right - value(moved)) / (2 * step)
    a = gradient(theta)
    return np.linalg.norm(a - numeric) < 2e-7 * (np.linalg.norm(a) + np.linalg.norm(numeric))


def by_torch(value, gradient, theta, *, fast):
    class J(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.tensor(value(x.detach().numpy()), dtype=torch.float64)

        @staticmethod
        def backward(ctx, delta):
            (x,) = ctx.saved_tensors
            return delta * torch.from_numpy(gradient(x.detach().numpy()))

    point = torch.tensor(theta, requires_grad=True)
    return torch.autograd.gradcheck(J.apply, point, fast_mode=fast, raise_exception=False)


def as_network(objective):
    return GradientReport((check_problem(read_objective(objective)),))


def as_function(objective, method="real"):
    return check_gradients(
        objective.value, objective.gradient, objective.theta, blocks=objective.blocks, method=method
    )


# "correct" is anything but WRONG: an INCONCLUSIVE counts as a bug that was not caught
TOOLS = {
    "ours, network": lambda o: as_network(o).verdict != "WRONG",
    "ours, function": lambda o: as_function(o).verdict != "WRONG",
    "scipy < 1e-5": lambda o: by_scipy(o.value, o.gradient, o.theta),
    "course < 2e-7": lambda o: by_course(o.value, o.gradient, o.theta),
}
if torch is not None:
    TOOLS["torch slow"] = lambda o: by_torch(o.value, o.gradient, o.theta, fast=False)
    TOOLS["torch fast"] = lambda o: by_torch(o.value, o.gradient, o.theta, fast=True)


# What is measured ---------------------------------------------------------------------------------


def correct_networks(seeds):
    """Correct gradients of our networks: how many are called wrong, and the largest error."""
    n_wrong = n_cases = n_open = 0
    worst = rounding = 0.0
    for regime in REGIMES:
        for seed in range(seeds):
            for activation in ACTIVATIONS:
                for batch_norm in (False, True):
                    for dropout in (0.0, 0.3):
                        objective = objective_of(
                            seed, regime, activation, batch_norm=batch_norm, dropout=dropout
                        )
                        report = as_network(objective)
                        n_cases += 1
                        n_wrong += report.verdict == "WRONG"
                        n_open += report.verdict == "INCONCLUSIVE"
                        error, noise = errors(report)
                        worst, rounding = max(worst, error), max(rounding, noise)
    print(f"networks: {n_cases} correct gradients, {n_wrong} called wrong, {n_open} inconclusive")
    print(f"  largest error / max(block norm, 1e-8 of the whole): {worst:.1e}")
    print(f"  blocks that are zero but for rounding, error / whole: {rounding:.1e}")


def errors(report):
    """The largest error of a block, and that of blocks which hold rounding errors alone."""
    blocks = [check for check in report.blocks if check.block not in ("all", "L2")]
    sizes = [np.sqrt(1 if c.elementwise else len(c.samples[0])) for c in blocks]
    whole = np.sqrt(
        sum((np.linalg.norm(c.samples[1]) / s) ** 2 for c, s in zip(blocks, sizes, strict=True))
    )
    worst = noise = 0.0
    for check, size in zip(blocks, sizes, strict=True):
        analytic, numeric = check.samples
        error = np.linalg.norm(analytic - numeric) / size
        if check.note:
            noise = max(noise, error / whole)
        elif whole:
            worst = max(worst, error / max(np.linalg.norm(numeric) / size, 1e-8 * whole))
    return worst, noise


def correct_functions(seeds=10):
    """Correct gradients as functions: verdicts, evaluations; and false alarms of the rivals."""
    verdicts, evaluations = {}, []
    alarms = dict.fromkeys(TOOLS, 0)
    for regime in REGIMES:
        for activation in ("relu", "tanh"):
            for seed in range(seeds):
                objective = objective_of(seed, regime, activation)
                report = as_function(objective)
                verdicts[report.verdict] = verdicts.get(report.verdict, 0) + 1
                evaluations.append(report.n_evaluations)
                for tool, says_correct in TOOLS.items():
                    alarms[tool] += not says_correct(objective)
    print(f"functions: verdicts on {len(evaluations)} correct gradients {verdicts},")
    print(f"  evaluations: median {median(evaluations):.0f}, most {max(evaluations)}")
    print("false alarms: " + ", ".join(f"{tool} {n}" for tool, n in alarms.items()))


def errors_above_resolution(cases=100):
    """Errors a little above the resolution stated for the correct gradient: how many are passed?"""
    rng = np.random.default_rng(0)
    n_passed = n_cases = 0
    for case in range(cases):
        regime = REGIMES[case % len(REGIMES)]
        objective = objective_of(case, regime, ("relu", "tanh")[case % 2])
        correct = as_function(objective)
        checks = [c for c in correct.blocks if c.verdict == "OK" and c.block != "all"]
        if not checks:
            continue
        check = checks[rng.integers(len(checks))]
        gradient = objective.gradient(objective.theta)
        place = objective.blocks[check.block].slice
        size = 1.5 * check.resolution * np.linalg.norm(gradient[place])
        error = rng.normal(size=place.stop - place.start)
        if case % 3 == 0:  # all in one element
            error = np.zeros(place.stop - place.start)
            error[rng.integers(error.size)] = 1
        gradient[place] += size * error / np.linalg.norm(error)
        report = check_gradients(
            objective.value, gradient, objective.theta, blocks=objective.blocks, method="real"
        )
        n_cases += 1
        n_passed += next(c for c in report.blocks if c.block == check.block).verdict == "OK"
    print(f"errors of 1.5 resolutions: {n_passed} of {n_cases} called OK")


def planted(regime="plain"):
    """Each bug in each layer, under each tool."""
    rows, placed, hinted, n_hints = {}, 0, 0, 0
    for bug in BUGS:
        found = dict.fromkeys(TOOLS, 0)
        layers = list(bug.layers(3))
        for layer in layers:
            with bug.planted(layer):
                objective = with_bug(bug, regime)
                for tool, says_correct in TOOLS.items():
                    found[tool] += not says_correct(objective)
                report = as_network(objective)
                placed += report.first_bad_layer == layer
                n_hints += bug.hint is not None
                hinted += any(re.search(bug.hint or "^$", hint) for hint in report.hints)
        rows[bug.name] = (len(layers), found)
    width = max(map(len, rows))
    print(f"{'bug, ' + regime:<{width}}  cases  " + "  ".join(f"{tool:>14}" for tool in TOOLS))
    for name, (n, found) in rows.items():
        print(f"{name:<{width}}  {n:>5}  " + "  ".join(f"{k:>14}" for k in found.values()))
    total = sum(n for n, _ in rows.values())
    sums = [sum(found[tool] for _, found in rows.values()) for tool in TOOLS]
    shares = "  ".join(f"{f'{k} ({k / total:.0%})':>14}" for k in sums)
    print(f"{'caught':<{width}}  {total:>5}  {shares}")
    print(f"as networks: first_bad_layer correct {placed} of {total}, hints {hinted} of {n_hints}")


def with_bug(bug, regime):
    """J of a net that needs what the bug needs, its biases off 0."""
    needs = dict(bug.needs)
    X, y = data(1, regime)
    weight = np.linspace(0.5, 2, N_ROWS) if needs.pop("weights", False) else None
    net = MLPClassifier((32, 32), alpha=0.01, init="he_normal", random_state=1, **needs)
    objective = net.objective(X, y, weight)
    objective.theta += 0.05 * np.random.default_rng(1).normal(size=objective.theta.size)
    if regime == "init x 1e-3":
        objective.theta *= 1e-3
    return objective


def times(repeats=7):
    """The whole gradient of 20-32-32-3 on 8 rows: medians of alternating runs."""
    for activation in ("relu", "tanh"):
        X, y = data(0, "plain")
        net = MLPClassifier((32, 32), activation=activation, random_state=0)
        objective = net.objective(X, y)
        contenders = {
            "check_gradients": lambda net=net, X=X, y=y: check_gradients(net, X, y),
            "as a function": lambda o=objective: as_function(o),
            "scipy": lambda o=objective: by_scipy(o.value, o.gradient, o.theta),
            "course": lambda o=objective: by_course(o.value, o.gradient, o.theta),
        }
        if torch is not None:
            for name, fast in (("torch slow", False), ("torch fast", True)):
                contenders[name] = lambda o=objective, fast=fast: by_torch(
                    o.value, o.gradient, o.theta, fast=fast
                )
        seconds = alternate(contenders, repeats)
        ours = seconds["check_gradients"]
        others = ", ".join(f"{name} {s / ours:.1f}x" for name, s in seconds.items() if s != ours)
        print(f"time, {activation}: check_gradients {1e3 * ours:.1f} ms; {others}")


def cost_of_large(repeats=5):
    """784-1024-1024-10 on 32 rows: the whole check in evaluations of the gradient."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(32, 784)), np.arange(32) % 10
    for activation in ("relu", "tanh"):
        net = MLPClassifier((1024, 1024), activation=activation, random_state=0)
        objective = net.objective(X, y)
        seconds = alternate(
            {
                "check": lambda o=objective: check_problem(read_objective(o)),
                "gradient": lambda o=objective: o.gradient(o.theta),
            },
            repeats,
        )
        share = seconds["check"] / seconds["gradient"]
        print(f"784-1024-1024-10, {activation}: {share:.1f} gradient evaluations")


def alternate(contenders, repeats):
    """Median seconds of each, run in turns."""
    seconds = {name: [] for name in contenders}
    for repeat in range(repeats + 1):
        for name, run in contenders.items():
            start = perf_counter()
            run()
            if repeat:  # the first is a warm-up
                seconds[name].append(perf_counter() - start)
    return {name: median(each) for name, each in seconds.items()}


def main():
    warnings.simplefilter("ignore")
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    times()
    cost_of_large()
    planted()
    planted("init x 1e-3")
    errors_above_resolution()
    correct_functions()
    correct_networks(seeds)


if __name__ == "__main__":
    main()
