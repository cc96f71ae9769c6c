"""Class weights for the loss, from counts of label pixels."""

import numpy as np

from roadseg.pipeline.errors import UserError


def class_weights(counts: np.ndarray, method: str, beta: float) -> np.ndarray:
    """Weigh K classes by their pixel counts per frame, (N, K) int64: (K,) float64; an absent class gets 0.

    - `study`: 1 / (share + 1e-6), scaled to the sum K (docs/study.md, Class weights). An absent class gets 1e6 before
      the scaling, which makes all other weights tiny.
    - `inverse`: the same, with absent classes at 0.
    - `median_frequency`: median frequency / frequency, a class's frequency being its share of the pixels of those
      frames in which it occurs (Eigen & Fergus 2015, section 6.3.2).
    - `effective_number`: (1 - beta) / (1 - beta^n) for n pixels, scaled to the sum K (Cui et al. 2019, equation 6).
    - `none`: 1.

    Raises UserError where no pixel has a class, and for an unknown method.

    Example:
        >>> counts = np.array([[60, 20, 0], [20, 0, 0]])  # two frames, three classes
        >>> class_weights(counts, "median_frequency", beta=0).round(3).tolist()
        [0.656, 2.1, 0.0]
    """
    total = counts.sum(axis=0)  # (K,)
    if total.sum() == 0:
        raise UserError("no training label has a valid pixel; there is nothing to weigh")
    present = total > 0
    match method:
        case "study":
            return _scaled(1 / (total / total.sum() + 1e-6))
        case "inverse":
            return _scaled(present / (total / total.sum() + 1e-6))
        case "median_frequency":
            pixels_where_it_occurs = ((counts > 0) * counts.sum(axis=1, keepdims=True)).sum(axis=0)
            frequency = total[present] / pixels_where_it_occurs[present]
            return _spread(np.median(frequency) / frequency, present)
        case "effective_number":
            return _scaled(_spread((1 - beta) / (1 - beta ** total[present].astype(np.float64)), present))
        case "none":
            return np.ones(len(total))
    raise UserError(f"class_weights.method: {method!r} is unknown")


def _scaled(weights: np.ndarray) -> np.ndarray:
    return weights * len(weights) / weights.sum()


def _spread(of_present: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Put the values of the present classes into their places, 0 elsewhere."""
    weights = np.zeros(len(present))
    weights[present] = of_present
    return weights
