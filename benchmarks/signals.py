"""Does check_signals foresee which networks will not train?

    python benchmarks/signals.py [nets] [seed of the first]

Networks are drawn by chance: initial weights × activation × depth × width × solver × learning rate,
on real and synthetic data, with and without a bottleneck and batch norm. check_signals judges the
initial weights; then each network is trained for 1,000 steps. It fails if training diverges, or if
its training loss is then not below 0.9 of that of the best constant prediction, on data where
others of the draw come below half of it. A good verdict flags those that fail and leaves the others
alone. Networks of equal weights, which are as good as one unit, are counted apart.

The rule in sknn_opt/checks/signals/rehearsal.py was chosen on the draws of the seeds from 0 and
from 1,000,000 (``python benchmarks/signals.py 376 0`` and ``195 1000000``); the 200 that this
prints, and writes to docs/_static/signals.txt, are others. Run with ``make bench``.
"""

import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.metrics import log_loss, mean_squared_error
from speed.reporting import simple_table

from sknn_opt import MLPClassifier, MLPRegressor, check_signals
from sknn_opt.nn.activations import ACTIVATIONS
from sknn_opt.nn.initializers import INITIALIZERS

FIRST, N_NETS = 2_000_000, 200  # the seed of the first confirming network, and their number
DEPTHS, WIDTHS = (1, 2, 3, 5, 8, 12, 20, 30), (4, 8, 16, 32, 64)
N_ROWS, BATCH, N_STEPS, FAILED, LEARNABLE = 400, 100, 1000, 0.9, 0.5
FILE = Path(__file__).parents[1] / "docs" / "_static" / "signals.txt"


@dataclass(frozen=True)
class Normal:
    """Weights from N(0, scale²), whatever the shape."""

    scale: float

    def __call__(self, shape, rng, gain):
        return rng.normal(0, self.scale, shape)

    def __str__(self):
        return f"N(0, {self.scale:g}²)"


@dataclass(frozen=True)
class Constant:
    """All weights alike."""

    value: float

    def __call__(self, shape, rng, gain):
        return np.full(shape, self.value)

    def __str__(self):
        return f"all {self.value:g}"


NORMALS = [Normal(scale) for scale in (0.01, 0.1, 0.3, 1.0)]
INITS = (*INITIALIZERS, *NORMALS, Constant(0.0), Constant(0.1))


def data_sets():
    """Name -> X, y, whether y has classes; real and synthetic, some with few directions."""
    rng, found = np.random.default_rng(0), {}
    for load in (load_digits, load_iris, load_wine, load_breast_cancer, load_diabetes):
        X, y = load(return_X_y=True)
        rows = rng.permutation(len(X))[:N_ROWS]
        X, y, name = X[rows], y[rows], load.__name__.removeprefix("load_")
        found[name] = (X - X.mean(axis=0)) / (X.std(axis=0) + 1e-9), y, load is not load_diabetes
        if name == "iris":
            found["iris, raw"] = X, y, True
    X = rng.normal(size=(N_ROWS, 20))
    hidden = np.tanh(X[:, :5] @ rng.normal(size=(5, 3)))
    found["normal"] = X, hidden @ [1.0, -2.0, 1.0], False
    found["normal, classes"] = X, hidden.argmax(axis=1), True
    x = np.linspace(-3, 3, N_ROWS)[:, np.newaxis]
    found["sine"] = x, np.sin(x.ravel()), False
    Z = rng.normal(size=(N_ROWS, 2))
    found["rank 2"] = Z @ rng.normal(size=(2, 30)), Z[:, 0] + np.abs(Z[:, 1]), False
    flags = np.eye(12)[rng.integers(12, size=N_ROWS)]
    found["flags"] = flags, flags @ rng.normal(size=12), False
    return found


def draw(seed, data):
    """A network, and the name of the data that it is to learn."""
    rng = np.random.default_rng(seed)
    name = str(rng.choice(list(data)))
    X, _, has_classes = data[name]
    depth, width = int(rng.choice(DEPTHS)), int(rng.choice(WIDTHS))
    sizes = [width] * depth
    if rng.random() < 0.15:
        sizes[rng.integers(depth)] = int(rng.integers(1, 4))
    solver = str(rng.choice(["adam", "adam", "sgd", "sgd", "rmsprop", "adamw", "lbfgs"]))
    n_rows = len(X)
    size = min(BATCH, n_rows)
    kind = MLPClassifier if has_classes else MLPRegressor
    net = kind(
        sizes,
        activation=str(rng.choice(list(ACTIVATIONS))),
        init=INITS[rng.integers(len(INITS))],
        batch_norm=bool(rng.random() < 0.15),
        solver=solver,
        learning_rate_init=float(10 ** rng.uniform(-4, 0)) if rng.random() < 0.5 else 0.001,
        momentum=float(rng.choice([0.0, 0.9])),
        batch_size=size,
        max_iter=-(-N_STEPS // -(-n_rows // size)),
        n_iter_no_change=np.inf,
        random_state=seed,
    )
    return name, net


def trained_loss(net, X, y):
    """The training loss after all steps, over that of the best constant; inf if it diverged."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        net.fit(X, y)
    if any("diverged" in str(warning.message) for warning in caught):
        return np.inf
    if isinstance(net, MLPRegressor):
        return mean_squared_error(y, net.predict(X)) / np.var(y)
    shares = np.bincount(y) / len(y)
    return log_loss(y, net.predict_proba(X)) / -(shares @ np.log(shares))


@dataclass(frozen=True)
class Outcome:
    """What was foreseen of a network, and what came of it."""

    name: str
    net: object
    verdict: str
    by_signals: str
    loss: float

    @property
    def equal(self):
        """Whether all its units were the same at first, but not 0."""
        return isinstance(self.net.init, Constant) and self.net.init.value != 0

    def __str__(self):
        net, sizes = self.net, self.net.hidden_layer_sizes
        shape = f"{len(sizes)} x {sizes[0]}" + (
            f", once {min(sizes)}" if len(set(sizes)) > 1 else ""
        )
        solver = f"{net.solver} {net.learning_rate_init:.2g}"
        wrong = "" if (self.verdict != "healthy") == (not self.loss < FAILED) else "  wrong"
        norm = "bn" if net.batch_norm else ""
        drawn = (
            f"{self.name:<16}{net.init!s:<15}{net.activation:<11}{shape:<17}{norm:<4}{solver:<15}"
        )
        return f"{drawn}{self.verdict:<11}{self.loss:.3g}{wrong}"


def outcomes(first, n_nets, data):
    """Those of so many networks, and of those of equal weights on the way."""
    found, seed = [], first
    while sum(not each.equal for each in found) < n_nets:
        name, net = draw(seed, data)
        X, y, _ = data[name]
        verdict, by_signals = check_signals(net, X, y).verdict, check_signals(net, X).verdict
        found.append(Outcome(name, net, verdict, by_signals, trained_loss(net, X, y)))
        print(found[-1], flush=True)
        seed += 1
    best = {each.name: min(o.loss for o in found if o.name == each.name) for each in found}
    return [each for each in found if best[each.name] < LEARNABLE]


def rows(found):
    """The table's rows."""
    real = ("digits", "iris", "iris, raw", "wine", "breast_cancer", "diabetes")
    fair = [each for each in found if not each.equal]
    groups = {
        "all": fair,
        "real data": [each for each in fair if each.name in real],
        "synthetic data": [each for each in fair if each.name not in real],
        "sgd": [each for each in fair if each.net.solver == "sgd"],
        "adam, adamw, rmsprop": [each for each in fair if each.net.solver not in ("sgd", "lbfgs")],
        "lbfgs": [each for each in fair if each.net.solver == "lbfgs"],
        "equal weights": [each for each in found if each.equal],
    }
    for name, group in groups.items():
        yield [name, *shares(group, "verdict")]
    yield ["all, without y", *shares(fair, "by_signals")]


def shares(group, what):
    """How many of those that fail are flagged, and of those that train."""
    for failed in (True, False):
        flags = [getattr(o, what) != "healthy" for o in group if (not o.loss < FAILED) == failed]
        share = f" ({sum(flags) / len(flags):.1%})" if flags else ""
        yield f"{sum(flags)} of {len(flags)}{share}"


def main():
    """Print and write the table."""
    n_nets, first = [int(word) for word in sys.argv[1:]] + [N_NETS, FIRST][len(sys.argv) - 1 :]
    warnings.simplefilter("ignore")
    found = outcomes(first, n_nets, data_sets())
    head = "networks", "flagged of those that fail", "of those that train"
    table = simple_table(head, [*rows(found)])
    print(table)
    if (n_nets, first) == (N_NETS, FIRST):
        FILE.write_text(table + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
