"""Rare-class sampling: rare classes are drawn more often, then a frame that shows them."""

import numpy as np

MIN_PIXELS = 20  # that a frame or crop has of a class which it is said to show


def class_probabilities(counts: np.ndarray, temperature: float) -> np.ndarray:
    """Return how often to draw each of K classes, given its pixels (K,) int64: (K,) float64 of sum 1.

    P(c) = softmax((1 - f_c) / T) over the classes that occur, f_c being a class's share of all pixels (Hoyer et al.
    2022, DAFormer, section 3.3). A class that doesn't occur gets 0, and all do where none occurs.

    Example:
        >>> class_probabilities(np.array([70, 30, 0]), temperature=0.4).round(3).tolist()  # e^(0.4 / 0.4) : 1
        [0.269, 0.731, 0.0]
    """
    probabilities, occurs = np.zeros(len(counts)), counts > 0
    if occurs.any():
        rarity = 1 - counts[occurs] / counts.sum()
        weights = np.exp((rarity - rarity.max()) / temperature)  # as they are, they could be too large for a float
        probabilities[occurs] = weights / weights.sum()
    return probabilities


class RareClasses:
    """Draws a class and a frame that shows it, from the pixels of K classes in N frames, (N, K) int64."""

    def __init__(self, counts: np.ndarray, temperature: float) -> None:
        shown = counts >= MIN_PIXELS
        self._frames = [np.flatnonzero(column) for column in shown.T]
        self.probabilities = class_probabilities(counts.sum(axis=0) * shown.any(axis=0), temperature)  # (K,)

    def draw(self, random: np.random.Generator) -> tuple[int, int] | None:
        """Draw a class and the index of a frame that shows it; None where no frame shows any class."""
        if not self.probabilities.any():
            return None
        wanted = int(random.choice(len(self.probabilities), p=self.probabilities))
        return wanted, int(random.choice(self._frames[wanted]))
