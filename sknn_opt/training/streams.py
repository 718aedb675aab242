"""Random streams: one for each purpose, all from ``random_state``.

Initial weights, shuffling, dropout and the choice of validation rows draw from streams of their
own, so that switching dropout on, say, does not change the order of the batches.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_random_state


@dataclass
class Streams:
    """The generators of one training, and the key of its row hashes."""

    init: np.random.Generator
    shuffle: np.random.Generator
    dropout: np.random.Generator
    key: list

    @classmethod
    def from_random_state(cls, random_state):
        """None, an int, a RandomState or a Generator; the latter two move on."""
        if isinstance(random_state, np.random.Generator):
            words = random_state.integers(2**32, size=4, dtype=np.uint32)
        else:
            words = check_random_state(random_state).randint(2**32, size=4, dtype=np.uint32)
        init, shuffle, dropout, key = np.random.SeedSequence(words.tolist()).spawn(4)
        generators = map(np.random.default_rng, (init, shuffle, dropout))
        return cls(*generators, key=key.generate_state(2).tolist())

    def state(self):
        """What `from_state` needs to go on, as plain numbers, strings and dicts."""
        return {
            "shuffle": self.shuffle.bit_generator.state,
            "dropout": self.dropout.bit_generator.state,
            "key": self.key,
        }

    @classmethod
    def from_state(cls, state):
        """Go on where `state` was taken (initial weights are not drawn again)."""
        shuffle, dropout = np.random.default_rng(0), np.random.default_rng(0)
        shuffle.bit_generator.state = state["shuffle"]
        dropout.bit_generator.state = state["dropout"]
        return cls(None, shuffle, dropout, state["key"])
