"""What all tests share."""

import sys

import pytest


@pytest.fixture(autouse=True)
def close_all_figures():
    """Displays draw at once: no figure outlives its test."""
    yield
    if plt := sys.modules.get("matplotlib.pyplot"):
        plt.close("all")
