"""Bugs that any gradient can have: each changes one block."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Change:
    """``change(g, theta, rng)`` gives the wrong block; `fits` says whether it can have the bug."""

    name: str
    change: Callable
    truth: str
    fits: Callable = lambda g: g.size > 1


def _matrix(g):
    return g.ndim == 2 and min(g.shape) > 1


def _vector_of(least):
    return lambda g: g.size >= least


def _mixed(g):
    """Several numbers of both signs."""
    return min(np.sum(g > 0), np.sum(g < 0)) > 1


def _some(g, rng, k, change):
    out = g.copy().ravel()
    largest = np.argsort(-np.abs(out))[: max(2 * k, 4)]
    at = rng.choice(largest, size=min(k, largest.size), replace=False)
    out[at] = change(out[at])
    return out.reshape(g.shape)


def _row(g, change):
    out = g.copy()
    k = np.argmax(np.abs(out).reshape(len(out), -1).sum(1))
    out[k] = change(out[k])
    return out


def _column(g, change):
    return _row(g.T, change).T


CHANGES = [
    Change("the other sign", lambda g, t, r: -g, "sign is wrong", lambda g: True),
    Change("doubled", lambda g, t, r: 2 * g, "2 from a square", lambda g: True),
    Change("halved", lambda g, t, r: g / 2, "1/2", lambda g: True),
    Change("x 1.01", lambda g, t, r: 1.01 * g, "1.01 times"),
    Change("x 0.3 of no reason", lambda g, t, r: 0.3 * g, "0.3 times"),
    Change("x 4", lambda g, t, r: 4 * g, "a constant 4$"),
    Change("x 10", lambda g, t, r: 10 * g, "or a constant 10$"),
    Change("zero", lambda g, t, r: 0 * g, "never written", lambda g: True),
    Change("transposed", lambda g, t, r: g.T.reshape(g.shape).copy(), "transposed|order", _matrix),
    Change("reversed", lambda g, t, r: np.flip(g), "reversed|flipped", _vector_of(4)),
    Change("flipped along the last axis", lambda g, t, r: g[..., ::-1], "flipped|order", _matrix),
    Change("rolled", lambda g, t, r: np.roll(g, 1, axis=0), "shifted", lambda g: len(g) > 2),
    Change(
        "rows permuted",
        lambda g, t, r: g[np.random.default_rng(len(g)).permutation(len(g))],
        "order|exchanged|shifted|flipped|reversed",
        lambda g: g.ndim > 1 and len(g) > 3,
    ),
    Change("one element", lambda g, t, r: _some(g, r, 1, lambda x: 1.1 * x), "1.1 times"),
    Change("one sign", lambda g, t, r: _some(g, r, 1, lambda x: -x), "the sign"),
    Change("three signs", lambda g, t, r: _some(g, r, 3, lambda x: -x), "sign", _vector_of(6)),
    Change("a row zero", lambda g, t, r: _row(g, lambda x: 0 * x), "zero", _matrix),
    Change("a column doubled", lambda g, t, r: _column(g, lambda x: 2 * x), "2 times", _matrix),
    Change("absolute", lambda g, t, r: np.abs(g), "absolute", _mixed),
    Change("no negatives", lambda g, t, r: np.maximum(g, 0), "cut off at 0", _mixed),
    Change("signs alone", lambda g, t, r: np.sign(g), "signs of", _vector_of(4)),
    Change(
        "clipped",
        lambda g, t, r: np.clip(g, -float(f"{np.abs(g).max() / 2:.1g}"), np.abs(g).max() / 3),
        "clipped|in element",
        _vector_of(6),
    ),
    Change(
        "scaled to norm 1",
        lambda g, t, r: g / np.linalg.norm(g),
        "norm",
        lambda g: g.size > 3 and np.linalg.norm(g) > 1.2,
    ),
    Change("L2 missing", lambda g, t, r: g - 0.1 * t, "L2 penalty is missing", _vector_of(4)),
    Change(
        "L2 twice",
        lambda g, t, r: g + 0.03 * t,
        "counted twice|or but once",
        _vector_of(4),
    ),
    Change("L1 missing", lambda g, t, r: g - 0.1 * np.sign(t), "L1", _vector_of(4)),
    Change("a constant", lambda g, t, r: g + 0.02, "in each element", _vector_of(4)),
    Change("chain rule of exp", lambda g, t, r: g * np.exp(-t), r"exp\(", _vector_of(3)),
    Change("chain rule of a square", lambda g, t, r: g * t, "factor 1/", _vector_of(3)),
    Change(
        "mean over the rows",
        lambda g, t, r: np.broadcast_to(g.mean(0), g.shape).copy(),
        "mean over the rows",
        _matrix,
    ),
    Change("three decimals", lambda g, t, r: np.round(g, 3), "rounded to 3", _vector_of(4)),
    Change("float16", lambda g, t, r: g.astype(np.float16).astype(float), "float16"),
    Change("symmetric", lambda g, t, r: g + g.T, "symmetric|transpose", lambda g: _square(g)),
    Change("a little noise", lambda g, t, r: g + 0.05 * g.std() * r.normal(size=g.shape), "^$"),
    Change(
        "another point",
        lambda g, t, r: g * (1 + 0.1 * np.tanh(t + r.normal(size=g.shape))),
        "^$",
        _vector_of(4),
    ),
]


def _square(g):
    return g.ndim == 2 and g.shape[0] == g.shape[1] > 1
