"""When training stops, and how its learning rate falls, by the losses of what is held out.

Both as Keras's EarlyStopping and ReduceLROnPlateau, of which training batches of one's own choice cannot make use.
"""

import math
from dataclasses import dataclass

MIN_DELTA = 1e-4  # of a loss, as a share of it: what is less is no improvement


@dataclass
class Plateaus:
    """The rate, and how many epochs it has been since the best one. After `patience` epochs on a plateau the rate is
    multiplied by `factor`, after `stop_patience` training stops.

    >>> plateaus = Plateaus(rate=0.1, factor=0.5, patience=2, stop_patience=3)
    >>> [(plateaus.after(loss), plateaus.rate, plateaus.stops) for loss in (1.0, 1.2, 1.1, 1.0)]
    [(True, 0.1, False), (False, 0.1, False), (False, 0.05, False), (False, 0.05, True)]
    """

    rate: float
    factor: float
    patience: int
    stop_patience: int
    best: float = math.inf
    waited: int = 0  # epochs without a better loss
    waited_at_rate: int = 0  # of these, with the present rate

    def after(self, loss: float) -> bool:
        """Whether an epoch, whose loss this is, is the best so far."""
        if math.isinf(self.best) or loss < self.best - MIN_DELTA * abs(self.best):
            self.best, self.waited, self.waited_at_rate = loss, 0, 0
            return True
        self.waited += 1
        self.waited_at_rate += 1
        if self.waited_at_rate >= self.patience:
            self.rate, self.waited_at_rate = self.rate * self.factor, 0
        return False

    @property
    def stops(self) -> bool:
        return self.waited >= self.stop_patience
