"""The rules of the recipe: what follows the size of a table."""

import pytest

from sknn_opt import MLPClassifier, MLPRegressor
from sknn_opt.tables.recipe import PRESETS, encoder_parameters, network_parameters

SIZES = (1, 2, 15, 16, 64, 65, 199, 2000, 49_999, 50_000, 1_000_000)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("n_rows", SIZES)
def test_every_size_has_a_network(preset, n_rows):
    found = network_parameters(preset, n_rows)
    for kind in (MLPClassifier, MLPRegressor):
        kind(**found)._validate_params()
    assert found["batch_size"] >= 1
    assert found["max_iter"] >= PRESETS[preset].epochs
    assert 1 <= found["n_iter_no_change"] <= found["max_iter"]


@pytest.mark.parametrize(
    ("n_rows", "n_columns", "binned"),
    [(199, 3, False), (200, 3, True), (200, 21, False), (5000, 101, False), (80_000, 50, True)],
)
def test_bins_are_for_tables_of_enough_rows(n_rows, n_columns, binned):
    assert bool(encoder_parameters(n_rows, n_columns)["bins"]) == binned


def test_bins_do_not_fill_the_memory():
    """Of a million rows and 50 columns they would be 3 GB."""
    assert encoder_parameters(1_000_000, 50)["bins"] is None
    for n_rows in SIZES:
        for n_columns in (1, 10, 100):
            bins = encoder_parameters(n_rows, n_columns)["bins"] or 0
            assert 4 * bins * n_rows * n_columns <= 2**28
