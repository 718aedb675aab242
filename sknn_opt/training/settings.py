"""The numbers that a trainer reads: what the estimator's parameters come to."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from sknn_opt.optim.optimizers import Optimizer
from sknn_opt.training.remedies import Traits


@dataclass
class Settings:
    """What the trainers read of an estimator's parameters, under their names.

    Attributes
    ----------
    max_iter : int
        The epochs that training may take; `limit` says in words where they come from.
    pause_at : float
        The epochs after which training pauses, if it is not over by then.
    optimizer : Optimizer or None
    schedule : callable or None
        The learning rate as a function of a `TrainingTime`; None keeps the optimizer's own.
    mean_weight : float
        That of all rows, with which the weights in a batch are compared.
    dropout : tuple of callable or None
        The schedules of the rates of the input and of each hidden layer; empty if there are none.
    weight_decay : callable or None
        Its schedule.
    traits : callable or None
        Returns the `Traits` on which remedies depend, for advice.
    """

    alpha: float
    max_iter: int
    tol: float
    limit: str = ""
    pause_at: float = math.inf
    optimizer: Optimizer | None = None
    schedule: Callable | None = None
    warmup_epochs: float = 0
    batch_size: int = 200
    shuffle: bool = True
    batch_norm_momentum: float = 0.9
    max_grad_norm: float | None = None
    average: float = 0.0
    mean_weight: float = 1.0
    max_fun: int = 15000
    dropout: tuple[Callable | None, ...] = ()
    weight_decay: Callable | None = None
    traits: Callable[[], Traits] | None = None
