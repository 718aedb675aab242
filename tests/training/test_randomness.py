"""Random generators from anything that scikit-learn calls a random state."""

import json

import numpy as np
import pytest

from sknn_opt.training.randomness import generators, resume


def draws(found):
    """The first numbers of each generator, and the key."""
    *some, key = found
    return [rng.random(4).tolist() for rng in some] + [key]


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
    one, same, other = (draws(generators(make(seed))) for seed in (5, 5, 6))
    assert one == same
    assert all(a != b for a, b in zip(one, other, strict=True))


def test_an_int_is_a_random_state_of_that_seed():
    legacy = np.random.RandomState(5)
    assert draws(generators(5)) == draws(generators(legacy))


@pytest.mark.parametrize("make", [np.random.RandomState, np.random.default_rng])
def test_an_object_moves_on(make):
    source = make(5)
    one, two = (draws(generators(source)) for _ in range(2))
    assert all(a != b for a, b in zip(one, two, strict=True))


def test_none_is_the_global_random_state():
    np.random.seed(3)  # noqa: NPY002
    one, two = (draws(generators(None)) for _ in range(2))
    np.random.seed(3)  # noqa: NPY002
    again = draws(generators(None))
    assert one == again
    assert one != two


def test_an_int_leaves_the_global_random_state_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    generators(0)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_what_is_no_random_state():
    with pytest.raises(ValueError, match="cannot be used to seed"):
        generators("seed")


def test_generators_are_independent_of_each_other():
    init, shuffle, dropout, _ = generators(0)
    numbers = np.array([rng.random(2000) for rng in (init, shuffle, dropout)])
    correlations = np.corrcoef(numbers)[np.triu_indices(3, 1)]
    assert np.abs(correlations).max() < 5 / np.sqrt(2000)
    # What one draws does not move another.
    _, shuffle, dropout, _ = generators(0)
    dropout.random(1000)
    np.testing.assert_array_equal(shuffle.random(2000), numbers[1])


def test_the_key_is_plain_and_seeds_a_generator():
    *_, key = generators(0)
    assert all(type(word) is int for word in key)
    np.random.default_rng(key)


def test_a_generator_goes_on_from_its_state():
    _, shuffle, dropout, _ = generators(0)
    shuffle.random(17)
    dropout.random(3, dtype=np.float32)  # half a word is left over: part of the state
    for rng in (shuffle, dropout):
        state = rng.bit_generator.state
        plain = json.loads(json.dumps(state))
        expected = rng.permutation(50).tolist(), rng.random(7, dtype=np.float32).tolist()
        for left in (state, plain, state):  # going on from it has not changed it
            again = resume(left)
            found = again.permutation(50).tolist(), again.random(7, dtype=np.float32).tolist()
            assert found == expected
