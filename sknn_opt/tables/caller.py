"""Warnings that name the user's line, however many calls of libraries lie between."""

import inspect
import warnings

INSIDE = {"sknn_opt", "sklearn", "joblib"}


def warn_caller(message, category):
    """Warn of the innermost line that is neither ours nor scikit-learn's."""
    frame, level = inspect.currentframe().f_back, 1
    while frame.f_back is not None and _library(frame) in INSIDE:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level + 1)


def _library(frame):
    return frame.f_globals.get("__name__", "").partition(".")[0]
