"""Results that no change of structure may change: to the bit, where the machine computes alike."""

import json

import numpy as np
import pytest
from pins import cases

from sknn_opt.kernels import in_use

PINNED = json.loads(cases.FILE.read_text(encoding="utf-8"))
ELSEWHERE = 0.02  # what other last digits make of a few epochs


def test_there_are_enough_and_all_are_pinned():
    assert len(cases.CASES) >= 40
    for kernels in PINNED.values():
        assert kernels["cases"].keys() == cases.CASES.keys()
        assert len({case["hash"] for case in kernels["cases"].values()}) == len(cases.CASES)


@pytest.fixture(scope="module")
def pinned():
    return PINNED[in_use()]


@pytest.mark.parametrize("case", cases.CASES)
def test_results_are_as_pinned(case, pinned):
    found, expected = cases.outcome(case), pinned["cases"][case]
    np.testing.assert_allclose(found["numbers"], expected["numbers"], rtol=ELSEWHERE)
    if cases.arithmetic() == pinned["arithmetic"]:
        assert found["hash"] == expected["hash"]


def test_results_are_the_same_twice():
    for case in ("adam", "lbfgs", "stream, pickled midway"):
        assert cases.outcome(case) == cases.outcome(case)
