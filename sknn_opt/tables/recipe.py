"""What makes a network accurate on a table, by the size of the table: the presets.

- *Net*: members with two layers of silu units; in front a learned scale of each input. Half of the
  members see the numbers in quantile bins as well: they fit what jumps, the others what is smooth.
- *Start*: weights scaled to the data, units that bend where rows lie (``init="data"``).
- *Steps*: AdamW with β = .9 and .95; learning rates by layer, 16 / √n_in of the matrices, a tenth
  for biases, six times for scales; along a cosine to 0. Small tables get more epochs.
- *Against overfitting*: dropout, less of it for many rows, which fades out in the second half; each
  member holds out rows of its own, and keeps the epoch of the lowest loss there.
- *In time*: training ends when no member has improved for a fifth of the epochs.

Sources: Holzmüller, Grinsztajn & Steinwart (2024), "Better by default: strong pre-tuned MLPs and
boosted trees on tabular data", for most parts; the numbers are ours, chosen on one half of the data
sets and confirmed on the other (see the benchmarks in the documentation).
"""

import math
from dataclasses import dataclass

import numpy as np

from sknn_opt.optim.optimizers import AdamW
from sknn_opt.optim.schedules import FadeOut

LAYER_RATES = {"W": "fan_in", "b": 0.1, "scale": 6.0}
HELD_OUT = 1 / 8  # the share of the rows that each member holds out
FEWEST = 16  # rows of which some can be held out
STALLED = 0.2  # the share of the epochs after which no improvement is to be expected
ONE_BATCH = 64  # rows: so small a table is one batch, in which weights count like repetition
FEW, SOME, MANY = 200, 2000, 50_000  # rows
NARROW = 100  # columns
SMALL = 4_000_000  # numbers of a table: bins make a matrix of up to 260 MB of it


@dataclass(frozen=True)
class Preset:
    """How much work a fit is.

    Attributes
    ----------
    n_members : int
    hidden : tuple of int
        Units of the hidden layers.
    epochs, steps : int
        So many epochs, and of few rows as many more as make so many steps; of very few, fewer.
    """

    n_members: int
    hidden: tuple[int, ...]
    epochs: int
    steps: int


PRESETS = {
    "fast": Preset(2, (64, 64), 20, 700),
    "balanced": Preset(4, (64, 64), 20, 700),
    "best": Preset(8, (64, 64), 20, 700),
}


def encoder_parameters(n_rows, n_columns):
    """Parameters of `TableEncoder` for a table of so many rows and columns."""
    enough = n_rows >= max(FEW, 10 * n_columns)
    binned = enough and n_columns <= NARROW and n_rows * n_columns <= SMALL
    return {"max_categories": 100, "bins": 16 if binned else None}


def input_factors(is_bin, n_members):
    """Which members see the bins of numbers: the second half of them."""
    factors = np.ones((n_members, len(is_bin)))
    factors[: (n_members + 1) // 2, is_bin] = 0
    return factors


def network_parameters(preset, n_rows):
    """Parameters of `MLPClassifier` and `MLPRegressor` for a table of so many rows."""
    recipe, batch = PRESETS[preset], _batch_size(n_rows)
    steps = min(max(3 * n_rows, 300), recipe.steps)
    epochs = max(recipe.epochs, math.ceil(steps / math.ceil((1 - HELD_OUT) * n_rows / batch)))
    return {
        "hidden_layer_sizes": recipe.hidden,
        "n_members": recipe.n_members,
        "activation": "silu",
        "init": "data",
        "input_scale": True,
        "dropout": _dropout(n_rows),
        "solver": AdamW(beta_1=0.9, beta_2=0.95, layer_rates=LAYER_RATES),
        "alpha": 0.0,
        "batch_size": batch,
        "learning_rate": "cosine",
        "learning_rate_init": 9e-3,
        "max_iter": epochs,
        "early_stopping": n_rows >= FEWEST,
        "validation_fraction": HELD_OUT,
        "n_iter_no_change": math.ceil(STALLED * epochs),
    }


def _dropout(n_rows):
    """None where the training loss decides, of which dropout makes a lottery."""
    if n_rows < FEWEST:
        return 0.0
    return FadeOut(0.25 if n_rows < FEW else 0.15 if n_rows < SOME else 0.05)


def _batch_size(n_rows):
    return n_rows if n_rows <= ONE_BATCH else 128 if n_rows < MANY else 256
