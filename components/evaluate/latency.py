"""How long one row takes, model against model."""

import time
from collections.abc import Callable, Sequence

import numpy as np

Scorer = Callable[[Sequence[str]], object]
_WARM_UP_ROWS = 2


def time_rows(
    scorers: dict[str, Scorer],
    texts: Sequence[str],
    *,
    rounds: int,
    progress: Callable[[int], None] | None = None,
) -> dict[str, dict[str, float]]:
    """Time every model on every text alone, in this process.

    The models take turns text by text and change who goes first, so that a busy or throttled machine
    slows them all alike.

    Returns:
        Of each model p50 and p90 in milliseconds.
    """
    names = list(scorers)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for text in texts[:_WARM_UP_ROWS]:
        for name in names:
            scorers[name]([text])
    for turn, text in enumerate(text for _ in range(rounds) for text in texts):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            start = time.perf_counter()
            scorers[name]([text])
            seconds[name].append(time.perf_counter() - start)
        if progress is not None:
            progress(turn + 1)
    return {name: _percentiles(times) for name, times in seconds.items()}


def _percentiles(seconds: list[float]) -> dict[str, float]:
    p50, p90 = np.percentile(seconds, [50, 90]) * 1000
    return {"p50": float(p50), "p90": float(p90)}
