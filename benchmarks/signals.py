"""Does check_signals foresee which networks will not train?

    python benchmarks/signals.py [seeds]

For each seed 40 nets are drawn: initial weights × activation × 2, 5, 10, 20 or 50 layers of 50 to
100 units. The verdict is given on the initial weights; then the net is trained on the digits for
20 epochs with the default Adam. It failed if its training accuracy is then below 0.5 (guessing
gives a tenth). A good diagnosis flags those that fail and leaves the others alone. The limits
in sknn_opt/training/symptoms.py were chosen on other draws (a grid of 360 nets).
"""

import sys
import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.datasets import load_digits

from sknn_opt import InputNormalizer, MLPClassifier, check_signals
from sknn_opt.nn.activations import ACTIVATIONS
from sknn_opt.nn.initializers import INITIALIZERS

DEPTHS = (2, 5, 10, 20, 50)
N_NETS, N_EPOCHS, FAILED = 40, 20, 0.5


@dataclass(frozen=True)
class Normal:
    """Weights from N(0, scale²), whatever the shape."""

    scale: float

    def __call__(self, shape, rng, gain):
        return rng.normal(0, self.scale, shape)

    def __str__(self):
        return f"N(0, {self.scale:g}²)"


INITS = (*INITIALIZERS, Normal(0.01), Normal(0.1), Normal(0.3), Normal(1.0))


def draw(seed):
    """40 nets."""
    rng = np.random.default_rng(seed)
    for k in range(N_NETS):
        depth, width = int(rng.choice(DEPTHS)), int(rng.integers(50, 101))
        yield MLPClassifier(
            (width,) * depth,
            activation=str(rng.choice(list(ACTIVATIONS))),
            init=INITS[rng.integers(len(INITS))],
            max_iter=N_EPOCHS,
            random_state=1000 * seed + k,
        )


def run(seed, X, y):
    """Verdict and training accuracy of each net of a draw, as a table; returns the counts."""
    print(f"draw {seed}\n\n{'init':<16}{'activation':<12}{'layers':<10}{'verdict':<12}accuracy")
    flagged, failed = [], []
    for net in draw(seed):
        verdict = check_signals(net, X, y).verdict
        accuracy = net.fit(X, y).score(X, y)
        flagged.append(verdict != "healthy")
        failed.append(accuracy < FAILED)
        sizes = net.hidden_layer_sizes
        shape, mark = f"{len(sizes)} x {sizes[0]}", "" if flagged[-1] == failed[-1] else "  wrong"
        print(f"{net.init!s:<16}{net.activation:<12}{shape:<10}{verdict:<12}{accuracy:.2f}{mark}")
    flagged, failed = np.array(flagged), np.array(failed)
    counts = np.array(
        [(flagged & failed).sum(), failed.sum(), (~flagged & ~failed).sum(), (~failed).sum()]
    )
    summarize(f"draw {seed}", counts)
    return counts


def summarize(name, counts):
    """How many of those that fail were flagged, and how many of the others were not."""
    caught, failed, spared, trained = counts
    print(
        f"\n{name}: {caught} of {failed} that fail are flagged ({caught / max(failed, 1):.0%}), "
        f"{spared} of {trained} that train are not ({spared / max(trained, 1):.0%})\n",
        flush=True,
    )


def main(seeds):
    warnings.simplefilter("ignore")
    X, y = load_digits(return_X_y=True)
    X = InputNormalizer().fit_transform(X)
    summarize("all draws", sum(run(seed, X, y) for seed in seeds))


if __name__ == "__main__":
    main([int(seed) for seed in sys.argv[1:]] or [1, 2, 3, 4])
