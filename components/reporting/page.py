"""A page of results: one HTML file without scripts that opens anywhere and needs no network."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from stillhouse.components.reporting.theme import VEGA_CONFIG

if TYPE_CHECKING:
    import altair as alt

VEGA_LITE = "6.1"
Tone = Literal["good", "bad", "warn", "neutral"]
_NUMBER = re.compile(r"[-+−]?[<≤]?\s?\d.{0,26}$")


@dataclass(frozen=True)
class Badge:
    """A short word in a pill beside the title."""

    text: str
    tone: Tone = "neutral"


@dataclass(frozen=True)
class Tile:
    """One number that a reader should not miss; `note` says what it is measured against."""

    label: str
    value: str
    note: str = ""
    tone: Tone = "neutral"


@dataclass(frozen=True)
class Card:
    """An example: a line of badges over a piece of text, or of HTML as `markupsafe.Markup`."""

    badges: Sequence[Badge]
    text: str


@dataclass(frozen=True)
class Table:
    """Rows of cells. Text is escaped, a `markupsafe.Markup` passes as HTML; numbers stand to the right."""

    headers: Sequence[str]
    rows: Sequence[Sequence[object]]
    caption: str = ""

    @property
    def numeric(self) -> list[bool]:
        """Which columns hold numbers only."""
        columns = [[row[i] for row in self.rows] for i in range(len(self.headers))]
        return [bool(column) and all(_is_number(cell) for cell in column) for column in columns]


@dataclass(frozen=True)
class Section:
    """A part of the page: tiles, text, notes, `lead`, tables, charts, cards and `html`, in this order.

    A blank line in the text starts a new paragraph.
    """

    title: str
    text: str = ""
    tables: Sequence[Table] = ()
    charts: Sequence["alt.TopLevelMixin"] = ()
    lead: str = ""
    """Trusted HTML before the tables."""
    html: str = ""
    """The same at the end."""
    tiles: Sequence[Tile] = ()
    notes: Sequence[str] = ()
    """Sentences that are set apart, such as that a baseline wins."""
    cards: Sequence[Card] = ()


def svg(chart: "alt.TopLevelMixin") -> str:
    """The chart as static SVG that fills the width it is given and takes the page's text colour."""
    import vl_convert

    spec = chart.to_dict()
    spec["config"] = VEGA_CONFIG
    picture = vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE)
    # Several pictures share one page, so the ids of clip paths and gradients must differ between them.
    mark = "c" + hashlib.sha256(picture.encode()).hexdigest()[:8]
    picture = re.sub(r'\bid="', f'id="{mark}-', picture)
    picture = re.sub(r"url\(#", f"url(#{mark}-", picture)
    label = escape(_title(spec), quote=True)
    return re.sub(
        r'<svg ([^>]*?)width="(\d+)" height="\d+"',
        rf'<svg role="img" aria-label="{label}" \1width="100%" style="max-width:calc(\2px * 1.1)"',
        picture,
        count=1,
    )


def write_page(
    path: str | Path, title: str, subtitle: str, sections: Sequence[Section], badges: Sequence[Badge] = ()
) -> None:
    """Write the page; the file appears whole or not at all."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(cell=_cell, svg=svg, paragraphs=_paragraphs)
    page = environment.get_template("page.html").render(
        title=title, subtitle=subtitle, sections=sections, badges=badges
    )
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(path.name + ".part")
    half.write_text(page, encoding="utf-8")
    half.replace(path)


def _title(spec: dict) -> str:
    title = spec.get("title", "chart")
    text = title["text"] if isinstance(title, dict) else title
    return " ".join(text) if isinstance(text, list) else text


def _is_number(cell: object) -> bool:
    text = re.sub("<[^>]*>", "", str(cell))
    return isinstance(cell, int | float) or text in ("", "–") or bool(_NUMBER.match(text))


def _cell(value: object) -> object:
    """Whole numbers get thousands separators, fractions three decimals; everything else stays as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"


def _paragraphs(text: str) -> Iterable[str]:
    return [part.strip() for part in text.split("\n\n") if part.strip()]
