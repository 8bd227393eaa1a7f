"""How long examples are for the models, on the data card: prepare, which writes the card, knows no tokens yet.

Drawn here, where the training is over and no drawing library is installed.
"""

from collections.abc import Mapping
from html import escape

from stillhouse.components.artifacts.evaluation import Lengths
from stillhouse.components.promote.drawing import LEFT, MARK, RIGHT, TOP, picture

BEFORE = "<section>\n  <h2>Dropped rows</h2>"
"""Of the card's page; text of the data is escaped in it."""
END = "</main>"
HEIGHT, BOTTOM = 160, 22
"""Of the picture, and the room below its bars, in pixels."""
MAX_EDGES = 8
"""Edges of bars that have a number."""


def with_lengths(card: str, lengths: Mapping[str, Lengths]) -> str:
    """The data card's page, with how long the training rows are for each model and the share of them that is cut.

    Args:
        lengths: by model; the first one's are drawn.
    """
    if not lengths:
        return card
    first = next(iter(lengths.values()))
    parts = [
        f"<section>\n  <h2>{escape(first.unit.capitalize())} lengths</h2>",
        f'<div class="tiles">{"".join(_tile(name, found) for name, found in lengths.items())}</div>',
        f'<p class="caption">{escape(_caption(first))}</p>',
        _drawn(first),
        "</section>",
    ]
    place = BEFORE if BEFORE in card else END
    return card.replace(place, "\n".join([*parts, place]), 1)


def _tile(model: str, found: Lengths) -> str:
    label, note = f"cut for the {model}", f"longer than {found.max_length:,} {found.unit}s"
    return (
        f'<div class="tile"><div class="label">{escape(label)}</div><div class="value">{found.cut:.1%}</div>'
        f'<div class="note">{escape(note)}</div></div>'
    )


def _caption(found: Lengths) -> str:
    of = f"{found.counted:,} of {found.rows:,}" if found.counted < found.rows else f"{found.rows:,}"
    return (
        f"{found.unit.capitalize()}s of {of} training rows: median {found.median:,.0f}, longest {found.largest:,}. "
        f"The line is at {found.max_length:,}: what is longer is cut."
    )


def _drawn(found: Lengths) -> str:
    """The histogram, with bins that grow as lengths do, and a line where examples are cut."""
    filled = [index for index, count in enumerate(found.histogram.counts) if count]
    counts = found.histogram.counts[filled[0] : filled[-1] + 1]
    edges = found.histogram.edges[filled[0] : filled[-1] + 2]
    bottom, most = HEIGHT - BOTTOM, max(counts)
    step, every = (RIGHT - LEFT) / len(counts), -(-len(edges) // MAX_EDGES)
    parts = [
        f'<line x1="{LEFT}" x2="{RIGHT}" y1="{bottom}" y2="{bottom}" stroke="currentColor" opacity=".3"/>'
        f'<text x="{LEFT - 6}" y="{TOP + 4}" text-anchor="end">{most:,}</text>'
    ]
    for index, (count, low, high) in enumerate(zip(counts, edges, edges[1:], strict=False)):
        tall = (bottom - TOP) * count / most
        parts.append(
            f'<rect x="{LEFT + index * step:.1f}" y="{bottom - tall:.1f}" width="{step - 1:.1f}" height="{tall:.1f}" '
            f'fill="var(--accent)"><title>{low + 1:,} to {high:,}: {count:,} rows</title></rect>'
        )
    for index, edge in list(enumerate(edges))[::every]:
        parts.append(f'<text x="{LEFT + index * step:.1f}" y="{bottom + 16}" text-anchor="middle">{edge:,}</text>')
    if edges[0] <= found.max_length <= edges[-1]:
        x = LEFT + step * _position(found.max_length, edges)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" y2="{bottom}" stroke="{MARK}" stroke-width="2"/>')
    return picture(_caption(found), HEIGHT, parts)


def _position(value: int, edges: list[int]) -> float:
    """Where a value lies among edges, counted in bins."""
    index = min(sum(edge <= value for edge in edges), len(edges) - 1) - 1
    return index + (value - edges[index]) / (edges[index + 1] - edges[index])
