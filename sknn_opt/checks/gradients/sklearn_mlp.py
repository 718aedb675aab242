"""The former place of `readers.sklearn_mlp`, until checks.signals imports it from there."""

from sknn_opt.checks.gradients.readers.sklearn_mlp import is_sklearn_mlp, read_sklearn_mlp

__all__ = ["is_sklearn_mlp", "read_sklearn_mlp"]
