"""The state of a training: all that it takes to predict, and to go on."""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass, field, fields, replace

import numpy as np
from numpy.typing import DTypeLike

from sknn_opt.nn.network import Architecture, Weights
from sknn_opt.optim.schedules import TrainingTime
from sknn_opt.training.sightings import Sightings

FORMAT = 4  # of the plain values
MAX_CALLS = 160  # rows that the history of a stream has at most


def unpickled(theta, statistics):
    """Weights that joblib hashes as before: an empty array comes back with other strides."""
    return Weights(theta, statistics.copy())


@dataclass
class Progress:
    """What a `Monitor` knows of the epochs of one member so far."""

    best_value: float = -np.inf
    best_epoch: int = 0
    lowest_loss: float = np.inf
    n_stalled: int = 0
    unit: float | None = None


@dataclass
class TrainingState:
    """Everything that a training changes.

    Attributes
    ----------
    architecture : Architecture
    weights : Weights
        The latest ones; the trainers change them in place.
    time : TrainingTime
        Where the learning rate stands.
    key, shuffle, dropout : list and dicts
        The key of the row hashes, and the states of two generators (see `randomness`).
    solver : str
        Whose `moments` these are: its name and its decays.
    moments : dict
        The optimizer's own state.
    running_weight : float, or ndarray of shape (n_members,)
        The weight of all rows in batch norm's running statistics, older batches counting less.
    average : Weights or None
        The moving average of the weights over `n_averaged` steps, which predicts in their place.
    best : Weights or None
        Those of the best epoch so far, copied.
    best_value, best_epoch, lowest_loss, n_stalled : float and int
        What the `Monitor` knows of the epochs so far.
    members : list of Progress or None
        The same of each of several members, of which `best` then has each one's best. What stands
        here of all is the mean of their best values, the latest of their epochs, and how long the
        last one to improve has stalled.
    unit : float or None
        Twice the loss of a constant prediction, for classes at most 1: what `tol` is a share of.
    criterion : str
        What decided: values of another one cannot be compared with.
    by_score : bool
        Whether held-out rows decided.
    history : list of dict
        One row an epoch; of a long stream the older ones are thinned out.
    n_epochs : int
        How many epochs there were, or calls of partial_fit.
    apart : bool
        Whether others than `weights` predict: the average, or the best so far.
    n_seen, weight_seen, class_totals : float, float and ndarray or None
        How many rows came, their weight, and that of each class.
    target_scale : InputNormalizer or None
        What takes targets to the units of the network.
    sightings : Sightings or None
        The rows that a stream with early stopping has seen.
    recent_targets : ndarray of shape (n, n_outputs + 1) or None
        The latest ones of a stream, ranges of those before, and weights, by which it notices
        another scale.
    target_range : ndarray of shape (2, n_outputs) or None
        The lowest and the highest target of each output, of the last fit or the stream so far.
    """

    architecture: Architecture
    weights: Weights
    time: TrainingTime
    key: list[int]
    shuffle: dict
    dropout: dict
    solver: str = ""
    moments: dict = field(default_factory=dict)
    running_weight: float | np.ndarray = 0.0
    average: Weights | None = None
    n_averaged: int = 0
    best: Weights | None = None
    best_value: float = -np.inf
    best_epoch: int = 0
    lowest_loss: float = np.inf
    n_stalled: int = 0
    members: list[Progress] | None = None
    unit: float | None = None
    criterion: str = ""
    by_score: bool = False
    history: list[dict] = field(default_factory=list)
    n_epochs: int = 0
    apart: bool = False
    n_seen: float = 0
    weight_seen: float = 0.0
    class_totals: np.ndarray | None = None
    target_scale: object = None
    sightings: Sightings | None = None
    recent_targets: np.ndarray | None = None
    target_range: np.ndarray | None = None

    def copy(self, dtype: DTypeLike | None = None, weights: Weights | None = None) -> TrainingState:
        """A state of its own, which a training may change; `best` is never changed in place.

        With `weights`, those are copied instead.
        """
        dtype = self.weights.theta.dtype if dtype is None else dtype
        state = copy.copy(self)
        state.weights = (weights or self.weights).astype(dtype)
        state.time = copy.copy(self.time)
        state.moments = {k: v.astype(dtype) if np.ndim(v) else v for k, v in self.moments.items()}
        state.average = self.average and self.average.astype(dtype)
        state.history = list(self.history)
        state.members = self.members and [copy.copy(each) for each in self.members]
        state.sightings = self.sightings and self.sightings.copy()
        return state

    def thin_history(self):
        """Drop every second of the older rows where a stream has made too many."""
        if len(self.history) > MAX_CALLS:
            half = MAX_CALLS // 2
            self.history[:half] = self.history[:half:2]

    def start_anew(self):
        """Forget how the epochs so far went, but not their history."""
        self.best, self.best_value, self.best_epoch = None, -np.inf, 0
        self.lowest_loss, self.n_stalled = np.inf, 0
        self.members = self.members and [Progress() for _ in self.members]

    def of_member(self, member: int) -> TrainingState:
        """The state of one member, to predict with or to look at."""
        architecture, weights = self.architecture, self.weights.of_member(self.architecture, member)
        return replace(
            self, architecture=architecture.of_member(member), weights=weights, members=None
        )

    def with_weights(self, weights: Weights) -> TrainingState:
        """A state that goes on from weights of another origin, which predict."""
        state = replace(self, weights=weights, moments={}, average=None, n_averaged=0, apart=False)
        state.start_anew()
        return state

    def forget_steps(self):
        """Forget what only minibatches need."""
        self.solver, self.moments, self.running_weight = "", {}, 0.0
        self.time.n_rows_seen = self.time.n_stalls = 0

    def predicting(self) -> Weights:
        """The weights that would predict if training stopped now (no copy)."""
        return self.average or self.weights

    def to_plain(self) -> dict:
        """Arrays, numbers, strings, lists and dicts (and a loss of the user's, as it is).

        Without the weights, if they predict: the estimator has them.
        """
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        for name in ("weights", "average", "best", "sightings"):
            plain[name] = plain[name] and dict(vars(plain[name]))
        plain["weights"] = plain["weights"] if self.apart else None
        plain["members"] = self.members and [asdict(each) for each in self.members]
        plain |= {"architecture": self.architecture.to_plain(), "time": asdict(self.time)}
        return plain | {"format": FORMAT}

    @classmethod
    def from_plain(cls, plain: dict, predicting: Weights) -> TrainingState:
        """Undo `to_plain`, for an estimator with these weights.

        Raises
        ------
        ValueError
            If the values are those of another version.
        """
        values = dict(plain)
        if values.pop("format", None) != FORMAT:
            raise ValueError(
                "This model was saved by another version of sknn_opt, whose training state this "
                "version cannot read: fit it anew, or load it with the version that saved it."
            )
        for name in ("weights", "average", "best"):
            values[name] = values[name] and unpickled(**values[name])
        values["sightings"] = values["sightings"] and Sightings(**values["sightings"])
        values["weights"] = values["weights"] or predicting
        values["members"] = values["members"] and [Progress(**each) for each in values["members"]]
        values["architecture"] = Architecture.from_plain(values["architecture"])
        return cls(**values | {"time": TrainingTime(**values["time"])})
