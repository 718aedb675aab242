"""Random numbers: a generator for each purpose, all from ``random_state``.

Initial weights, shuffling, dropout and the choice of validation rows draw from generators of their
own, so that switching dropout on, say, does not change the order of the batches. Between two calls
only the generators' states are kept, as plain numbers.
"""

import numpy as np
from sklearn.utils import check_random_state


def generators(random_state):
    """Generators for the initial weights, for shuffling and for dropout, and a key of hashes.

    `random_state` is None, an int, a RandomState or a Generator; the latter two move on.
    """
    if isinstance(random_state, np.random.Generator):
        words = random_state.integers(2**32, size=4, dtype=np.uint32)
    else:
        words = check_random_state(random_state).randint(2**32, size=4, dtype=np.uint32)
    *seeds, key = np.random.SeedSequence(words.tolist()).spawn(4)
    return *map(np.random.default_rng, seeds), key.generate_state(2).tolist()


def resume(state):
    """The generator that was left in a state."""
    bits = np.random.PCG64(0)
    bits.state = state
    return np.random.Generator(bits)
