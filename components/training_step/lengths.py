"""How long the examples of a training are, and how many of them its model sees only a part of."""

from typing import TYPE_CHECKING, Any

import numpy as np

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.targets.profile import histogram

if TYPE_CHECKING:
    from stillhouse.components.models.loaded import LoadedModel
    from stillhouse.components.tasks import Task

EDGES = [0, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096]
"""Of the histogram: the lengths that texts are often cut to. A length that is an edge counts below it, as it is not cut
there."""
MOST_EXAMPLES = 5_000
"""Examples that are counted, evenly from all; the share that is cut is then known to 1.4 percentage points."""


def lengths_of(task: "Task", loaded: "LoadedModel", examples: Examples, max_size: int) -> dict[str, Any] | None:
    """What history.json says of them, as `artifacts.evaluation.Lengths` reads it; None where no example is ever cut.

    Args:
        max_size: units that they are cut to.
    """
    rows = np.unique(np.linspace(0, len(examples) - 1, min(len(examples), MOST_EXAMPLES)).astype(np.int64))
    sizes = task.whole_sizes(loaded, examples.take(rows))
    if sizes is None:
        return None
    return {
        "unit": task.unit.name,
        "max_length": max_size,
        "counted": len(rows),
        "rows": len(examples),
        "cut": float((sizes > max_size).mean()),
        "median": float(np.median(sizes)),
        "largest": int(sizes.max()),
        "histogram": {"edges": EDGES, "counts": histogram(sizes - 0.5, EDGES)},
    }
