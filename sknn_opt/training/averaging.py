"""The exponential moving average of the weights, which predicts in place of the latest ones.

θ̄ ← d θ̄ + (1 - d) θ after step t, with d = min(decay, (1 + t) / (10 + t)): the average forgets
fast at first, so that it does not drag the initial weights along (Polyak & Juditsky 1992 average
all steps alike). Batch norm's running statistics are averaged with it.
"""

from dataclasses import dataclass

from sknn_opt.training.progress import Snapshot


@dataclass
class Average:
    """The averaged weights so far."""

    point: Snapshot
    decay: float
    n_updates: int = 0

    def update(self, network):
        """Take in the weights after a step."""
        self.n_updates += 1
        t = self.n_updates
        decay = min(self.decay, (1 + t) / (10 + t))
        for average, latest in (
            (self.point.theta, network.theta),
            (self.point.statistics, network.statistics),
        ):
            average *= decay
            average += (1 - decay) * latest
