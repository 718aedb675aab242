"""What makes a network accurate on a table, by the size of the table: the presets.

- *Net*: members of three layers of 64 silu units; in front a learned scale of each input.
- *Start*: weights scaled to the data, units that bend where rows lie (``init="data"``).
- *Steps*: AdamW with β = .9 and .95; learning rates by layer, 16 / √n_in of the matrices, a tenth
  for biases, six times for scales; along a cosine to 0. Small tables get more epochs.
- *Against overfitting*: dropout and weight decay that fade out in the second half; each member
  holds out rows of its own, and keeps the epoch of the lowest loss there.

Sources: Holzmüller, Grinsztajn & Steinwart (2024), "Better by default: strong pre-tuned MLPs and
boosted trees on tabular data", for most parts; the numbers are ours, chosen on one half of the data
sets and confirmed on the other (see the benchmarks in the documentation).
"""

from dataclasses import dataclass

import numpy as np

from sknn_opt.optim.optimizers import AdamW
from sknn_opt.optim.schedules import FadeOut

HIDDEN = (64, 64, 64)
LAYER_RATES = {"W": "fan_in", "b": 0.1, "scale": 6.0}
ONE_BATCH = 64  # rows: so small a table is one batch, in which weights count like repetition
FEW, MANY = 500, 2000  # rows
FEWEST = 16  # rows of which some can be held out


@dataclass(frozen=True)
class Preset:
    """How much work a fit is.

    Attributes
    ----------
    n_members : int
    held_out : float
        The share of the rows that each member holds out.
    epochs, steps : int
        So many epochs, and of few rows as many more as make so many steps.
    """

    n_members: int
    held_out: float
    epochs: int
    steps: int


PRESETS = {
    "fast": Preset(2, 1 / 8, 20, 600),
    "balanced": Preset(4, 1 / 8, 30, 1000),
    "best": Preset(8, 1 / 8, 40, 1000),
}


def network_parameters(preset, n_rows):
    """Parameters of `MLPClassifier` and `MLPRegressor` for a table of so many rows."""
    recipe, holds_out = PRESETS[preset], n_rows >= FEWEST
    batch = n_rows if n_rows <= ONE_BATCH else 32 if n_rows < MANY else 64
    return {
        "hidden_layer_sizes": HIDDEN,
        "n_members": recipe.n_members,
        "activation": "silu",
        "init": "data",
        "input_scale": True,
        "dropout": FadeOut(0.15 if n_rows < MANY else 0.05),
        "solver": AdamW(beta_1=0.9, beta_2=0.95, layer_rates=LAYER_RATES),
        "alpha": 0.0,
        "weight_decay": FadeOut(0.3),
        "batch_size": batch,
        "learning_rate": "cosine",
        "learning_rate_init": 6e-3,
        "max_iter": recipe.epochs,
        "min_steps": recipe.steps,
        "early_stopping": holds_out,
        "validation_fraction": recipe.held_out,
        "n_iter_no_change": np.inf,
    }
