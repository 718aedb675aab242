"""What is measured of a prediction, and the processor time that it takes."""

from time import process_time

import numpy as np
from sklearn.metrics import log_loss, mean_absolute_error, r2_score

BINS = 15


def calibration_error(y, P):
    """Expected calibration error, Σ_b n_b / n |accuracy_b - confidence_b|.

    The bins b are equally wide, and of the probability of the predicted class.
    """
    confidence, is_correct = P.max(axis=1), P.argmax(axis=1) == y
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    excess = np.bincount(bins, is_correct - confidence, minlength=BINS)
    return np.abs(excess).sum() / len(y)


def of_classes(y, P):
    """Of probabilities of codes y."""
    P = np.asarray(P, float)
    P = P / P.sum(axis=1, keepdims=True)
    return {
        "error": float(np.mean(P.argmax(axis=1) != y)),
        "log-loss": float(log_loss(y, P, labels=np.arange(P.shape[1]))),
        "calibration": float(calibration_error(y, P)),
    }


def of_amounts(y, prediction):
    """1 - R² and the mean absolute error, in standard deviations of y."""
    prediction = np.ravel(prediction)
    return {
        "error": float(1 - r2_score(y, prediction)),
        "absolute error": float(mean_absolute_error(y, prediction) / y.std()),
    }


def measure(model, parts, has_classes):
    """Fit the model and measure what it says of the test rows."""
    X_train, X_test, y_train, y_test = parts
    start = process_time()
    model.fit(X_train, y_train)
    fitted = process_time()
    prediction = model.predict_proba(X_test) if has_classes else model.predict(X_test)
    times = {"fit": fitted - start, "predict": process_time() - fitted}
    if not has_classes:
        return of_amounts(y_test, prediction) | times
    P = np.zeros((len(y_test), 1 + max(y_train.max(), y_test.max())))
    P[:, model.classes_] = prediction  # of few training rows, some classes may be missing
    return of_classes(y_test, P) | times
