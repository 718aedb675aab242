"""How far a call walks through the house: the functions and files that it enters.

A change of file is a step of the reader, who follows a call through the code. The budgets keep the
path of data short: estimator, rows, trainer, predictor, estimator.
"""

import sys
from itertools import pairwise
from pathlib import Path

import pytest
from sklearn.datasets import load_iris

import sknn_opt
from sknn_opt import MLPClassifier

ROOT = str(Path(sknn_opt.__file__).parent)
X, Y = load_iris(return_X_y=True)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def walk(call):
    """(functions, files, changes of file) of our own Python code that a call enters."""
    entered = []

    def note(frame, event, arg):
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(ROOT):
            entered.append((code.co_filename, code.co_qualname))

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    files = [file for file, _ in entered]
    changes = sum(one != other for one, other in pairwise(files))
    return len(set(entered)), len(set(files)), changes


# Fast enough to learn something in one epoch: a fit that learned nothing explains itself.
PARAMETERS = {"max_iter": 1, "batch_size": 75, "learning_rate_init": 0.02, "random_state": 0}


@pytest.fixture(scope="module")
def fitted():
    """A first fit also reads the table of kernels, once in a process."""
    return MLPClassifier(**PARAMETERS).fit(X, Y)


def test_one_epoch_of_fit(fitted):
    net = MLPClassifier(**PARAMETERS)
    functions, files, changes = walk(lambda: net.fit(X, Y))
    assert functions <= 90
    assert files <= 16
    assert changes <= 90


def test_one_predicted_row(fitted):
    functions, files, _ = walk(lambda: fitted.predict_proba(X[:1]))
    assert functions <= 14
    assert files <= 5


def test_the_walk_sees_every_function():
    functions, files, changes = walk(lambda: MLPClassifier(**MLPClassifier().get_params()))
    assert (functions, files, changes) == (1, 1, 0)
