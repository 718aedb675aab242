"""The parts of an estimator of tables, as its parameters and the size of the table ask for them."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import clone

from sknn_opt._sklearn import Interval, StrOptions
from sknn_opt.estimators.spelling import closest
from sknn_opt.estimators.tapering import NUMBERS
from sknn_opt.tables.encoder import TableEncoder
from sknn_opt.tables.recipe import (
    ONE_BATCH,
    PRESETS,
    encoder_parameters,
    input_factors,
    network_parameters,
)
from sknn_opt.tables.table import open_table

CONSTRAINTS = {
    "preset": [StrOptions(set(PRESETS))],
    "categorical_features": ["array-like", StrOptions({"from_dtype"})],
    "n_members": [None, Interval(Integral, 1, None, closed="left")],
    "max_time": [None, Interval(Real, 0, None, closed="neither")],
    "encoder": [None, TableEncoder],
    "network_params": [None, dict],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}
REPEATED = 4 * ONE_BATCH  # rows, of which so few may be different that they are one batch


def new_encoder(estimator, X, seed):
    """The encoder that the parameters, or the size of the table, ask for."""
    if estimator.encoder is None:
        encoder = TableEncoder(estimator.categorical_features, random_state=seed)
        return encoder.set_params(**encoder_parameters(*open_table(X, encoder).shape))
    if not isinstance(estimator.categorical_features, str):
        raise ValueError(
            "categorical_features and encoder are both given, and the encoder has "
            "categorical_features of its own: set them there."
        )
    encoder = clone(estimator.encoder)
    return encoder if encoder.random_state is not None else encoder.set_params(random_state=seed)


def new_network(estimator, Z, sample_weight, seed, own, *, holds_out):
    """The network that suits an encoded table; its parameters are the preset's, `own`, and given.

    It only `holds_out` rows where there is no other validation set.
    """
    n_rows, given = size_of(Z, sample_weight), estimator.network_params or {}
    parameters = network_parameters(estimator.preset, n_rows) | own | {"random_state": seed}
    if n_rows <= ONE_BATCH:
        parameters["batch_size"] = REPEATED
    if not holds_out:
        parameters["early_stopping"] = True
    if estimator.n_members is not None:
        parameters["n_members"] = estimator.n_members
    network = estimator._network(**parameters)
    refuse_unknown(given, network)
    network.set_params(**_shaped(given, parameters["hidden_layer_sizes"]))
    is_bin = estimator.encoder_.is_bin_
    if network.input_scale is True and network.n_members > 1 and is_bin.any():
        network.set_params(input_scale=input_factors(is_bin, network.n_members))
    if given.get("n_members", estimator.n_members) and network.n_members > len(Z):
        raise ValueError(
            f"n_members={network.n_members} is more than the {len(Z)} rows of X; each member holds "
            "out rows of its own. Set fewer members."
        )
    return network


def _shaped(given, sizes):
    """What is given; the preset's depth and width where only one of the numbers is."""
    if "hidden_layer_sizes" in given:
        return given
    numbers = {name: given[name] for name in NUMBERS if given.get(name) is not None}
    if not numbers or numbers == {"taper": 1}:
        return given
    default = {"hidden_layer_sizes": (100,), "depth": len(sizes), "width": sizes[0]}
    return given | default | numbers


def size_of(Z, weight):
    """The rows that count; of a small table equal ones once, so that weights are repetition."""
    rows = Z if weight is None else Z[np.broadcast_to(np.asarray(weight), len(Z)) > 0]
    if len(rows) <= REPEATED:
        n_different = len(np.unique(rows, axis=0))
        return n_different if n_different <= ONE_BATCH else len(rows)
    return len(rows)


def refuse_unknown(given, network):
    """Raise ValueError if `network_params` has a name that the network has not."""
    known, kind = set(network.get_params()), type(network).__name__
    for name in given.keys() - known:
        meant = closest("parameter", str(name), known)
        hint = f" Did you mean {meant!r}?" if meant else f" See {kind} for those it has."
        raise ValueError(f"network_params has {name!r}, which is no parameter of {kind}.{hint}")
