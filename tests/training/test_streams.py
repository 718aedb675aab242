"""Random streams from anything that scikit-learn calls a random state."""

import json

import numpy as np
import pytest

from sknn_opt.training.streams import Streams

STREAMS = ("init", "shuffle", "dropout")


def draws(streams):
    """The first numbers of each stream, and the key."""
    return [getattr(streams, name).random(4).tolist() for name in STREAMS] + [streams.key]


@pytest.mark.parametrize(
    "make",
    [
        lambda seed: seed,
        lambda seed: np.int64(seed),
        np.random.RandomState,
        np.random.default_rng,
    ],
    ids=["int", "np.int64", "RandomState", "Generator"],
)
def test_a_seed_repeats_itself_and_another_differs(make):
    one, same, other = (draws(Streams.from_random_state(make(seed))) for seed in (5, 5, 6))
    assert one == same
    assert all(a != b for a, b in zip(one, other, strict=True))


def test_an_int_is_a_random_state_of_that_seed():
    legacy = np.random.RandomState(5)
    assert draws(Streams.from_random_state(5)) == draws(Streams.from_random_state(legacy))


@pytest.mark.parametrize("make", [np.random.RandomState, np.random.default_rng])
def test_an_object_moves_on(make):
    source = make(5)
    one, two = (draws(Streams.from_random_state(source)) for _ in range(2))
    assert all(a != b for a, b in zip(one, two, strict=True))


def test_none_is_the_global_random_state():
    np.random.seed(3)  # noqa: NPY002
    one, two = (draws(Streams.from_random_state(None)) for _ in range(2))
    np.random.seed(3)  # noqa: NPY002
    again = draws(Streams.from_random_state(None))
    assert one == again
    assert one != two


def test_an_int_leaves_the_global_random_state_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    Streams.from_random_state(0)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_what_is_no_random_state():
    with pytest.raises(ValueError, match="cannot be used to seed"):
        Streams.from_random_state("seed")


def test_streams_are_independent_of_each_other():
    streams = Streams.from_random_state(0)
    numbers = np.array([getattr(streams, name).random(2000) for name in STREAMS])
    correlations = np.corrcoef(numbers)[np.triu_indices(3, 1)]
    assert np.abs(correlations).max() < 5 / np.sqrt(2000)
    # What one draws does not move another.
    other = Streams.from_random_state(0)
    other.dropout.random(1000)
    np.testing.assert_array_equal(other.shuffle.random(2000), numbers[1])


def test_the_key_is_plain_and_seeds_a_generator():
    key = Streams.from_random_state(0).key
    assert all(type(word) is int for word in key)
    np.random.default_rng(key)


def test_state_round_trip():
    streams = Streams.from_random_state(0)
    streams.shuffle.random(17)
    streams.dropout.random(3, dtype=np.float32)  # half a word is left over: part of the state
    state = streams.state()
    expected = draws_without_init(streams)
    again = Streams.from_state(state)
    assert again.init is None
    assert draws_without_init(again) == expected
    # Going on from it has not changed the state.
    assert draws_without_init(Streams.from_state(state)) == expected


def test_state_is_json():
    streams = Streams.from_random_state(np.random.default_rng(0))
    state = json.loads(json.dumps(streams.state()))
    assert draws_without_init(Streams.from_state(state)) == draws_without_init(streams)


def draws_without_init(streams):
    return (
        streams.shuffle.permutation(50).tolist(),
        streams.dropout.random(7, dtype=np.float32).tolist(),
        streams.key,
    )
