"""Gradient checking: is this the gradient of that function, and if not, where and why?"""

import numpy as np
from sklearn.base import clone

from sknn_opt.checks.networks import check_network
from sknn_opt.checks.report import GradientReport

def check_gradients(estimator, X, y, sample_weight=None, method="auto", dtype="float64"):
    points = {"initial weights": clone(estimator)}
    if hasattr(estimator, "theta_"):
        points["fitted weights"] = estimator
    return GradientReport(tuple(check_network(name, m.objective(X, y, sample_weight, dtype=dtype), method) for name, m in points.items()))
