"""A function with its gradient by hand, and the bugs that its gradient can have."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

CASES = []


@dataclass(frozen=True)
class Case:
    """One function: ``build(bug)`` gives f, its gradient with that bug, and the point.

    `bugs` maps each bug to a regular expression of the causes that are true of it.
    """

    name: str
    field: str
    half: str
    build: Callable
    bugs: dict
    n_rows: int | None = None


def case(half, n_rows=None, **bugs):
    """Register a function of a field (its module) for choosing or for confirming."""

    def keep(build):
        field = build.__module__.rpartition(".")[2]
        CASES.append(Case(build.__name__, field, half, build, bugs, n_rows))
        return build

    return keep


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(s):
    e = np.exp(s - s.real.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def log_sum_exp(s):
    most = s.real.max(-1, keepdims=True)
    return (np.log(np.exp(s - most).sum(-1, keepdims=True)) + most)[..., 0]


def cross_entropy(s, y):
    return np.mean(log_sum_exp(s) - s[np.arange(len(y)), y])


def d_cross_entropy(s, y):
    return (softmax(s) - np.eye(s.shape[1])[y]) / len(y)
