"""A matrix of counts as a table of shaded cells: text that can be read, selected and searched at any size."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

MIN_SHADE = 0.14
"""Of a cell that holds anything: a single row must be seen among many labels."""
STRONG = 0.55
"""Shade from which the number is written in the colour of the page."""
SIZES = ((4, "large"), (12, "medium"), (24, "small"))
"""Up to how many labels cells have which size; of more they are tiny."""


def matrix_table(labels: Sequence[str], counts: np.ndarray, caption: str) -> Markup:
    """`counts` (int64 [labels, labels], rows true, columns answered); shaded by their share of the row."""
    size = next((name for most, name in SIZES if len(labels) <= most), "tiny")
    heads = Markup("").join(
        Markup('<th scope="col" title="{0}"><span>{0}</span></th>').format(label) for label in labels
    )
    rows = Markup("").join(
        Markup('<tr><th scope="row" title="{0}">{0}</th>{1}</tr>\n').format(label, _cells(labels, i, counts[i]))
        for i, label in enumerate(labels)
    )
    return Markup(
        '<p class="caption">{}</p>\n<div class="scroll" tabindex="0"><table class="matrix {}">\n'
        "<thead><tr><td>true \\ answered</td>{}</tr></thead>\n<tbody>{}</tbody></table></div>"
    ).format(caption, size, heads, rows)


def _cells(labels: Sequence[str], row: int, counts: np.ndarray) -> Markup:
    total = max(int(counts.sum()), 1)
    return Markup("").join(_cell(labels, row, i, int(n), n / total) for i, n in enumerate(counts))


def _cell(labels: Sequence[str], row: int, column: int, count: int, share: float) -> Markup:
    if not count:
        return Markup("<td></td>")
    shade = MIN_SHADE + (1 - MIN_SHADE) * share
    kind = ("right" if row == column else "wrong") + (" strong" if shade >= STRONG else "")
    title = f"{labels[row]}, answered {labels[column]}: {count:,} ({share:.1%})"
    return Markup('<td class="is-{}" style="--shade:{:.0%}" title="{}">{}</td>').format(
        kind, shade, title, _short(count)
    )


def _short(count: int) -> str:
    """At most four characters wide."""
    if count < 10_000:
        return str(count)
    return f"{count / 1000:.0f}k" if count < 1_000_000 else f"{count / 1e6:.0f}M"
