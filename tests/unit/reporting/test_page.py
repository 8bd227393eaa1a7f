"""Pages: text stays text, pictures stand side by side, nothing is half-written."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import altair as alt
import pytest
from markupsafe import Markup

from stillhouse.components.reporting import charts
from stillhouse.components.reporting.page import Badge, Card, Section, Table, Tile, svg, write_page

OpenPage = Callable[[Path, int], Any]


def write(path: Path, *sections: Section, **given: Any) -> str:
    write_page(path, "Title", "Subtitle", sections, **given)
    return path.read_text()


def long_page(path: Path) -> None:
    """A page with everything on it, wider than any window unless it is laid out well."""
    wide = Table([f"column {i}" for i in range(20)], [[i * 1000 for i in range(20)]] * 3, "A wide table")
    write_page(
        path,
        "A long title " * 8,
        "averylongwordwithoutanyspace" * 12,
        [
            Section("Numbers", "First.\n\nSecond.", tiles=[Tile("label", "0.981", "note")] * 5, notes=["A note."]),
            Section("Table", tables=[wide]),
            Section(
                "Charts",
                charts=[
                    charts.bars(["a name", "a much longer name of a bar"], [3, 5], title="Bars", x="rows"),
                    charts.histogram([0, 1, 2], [4, 2], title="Histogram", x="tokens"),
                    charts.curve([[1, 3.0], [2, 1.5]], title="Loss", x="steps", y="loss"),
                ],
            ),
            Section("Examples", cards=[Card([Badge("true: ham", "good")], "x" * 900)] * 3),
        ],
        [Badge("promoted", "good"), Badge("a badge with a rather long text that has to wrap somewhere")],
    )


@pytest.mark.parametrize("width", [1280, 480])
def test_a_page_fits_its_window(tmp_path: Path, open_page: OpenPage, width: int) -> None:
    long_page(tmp_path / "page.html")
    assert open_page(tmp_path / "page.html", width).overflow <= 0


def test_a_page_has_no_console_message_and_asks_no_network(tmp_path: Path, open_page: OpenPage) -> None:
    long_page(tmp_path / "page.html")
    opened = open_page(tmp_path / "page.html", 480)
    assert opened.messages == []
    assert opened.requests == []


def test_charts_stand_side_by_side_in_a_wide_window_and_one_by_one_in_a_narrow_one(
    tmp_path: Path, open_page: OpenPage
) -> None:
    long_page(tmp_path / "page.html")
    lefts = "[...new Set([...document.querySelectorAll('figure')].map(f => f.getBoundingClientRect().left))].length"
    columns = [open_page(tmp_path / "page.html", width).page.evaluate(lefts) for width in (1280, 480)]
    assert columns == [3, 1]


def test_a_dark_scheme_turns_text_light_in_pictures_too(tmp_path: Path, open_page: OpenPage) -> None:
    long_page(tmp_path / "page.html")
    page = open_page(tmp_path / "page.html", 1280).page
    color = "getComputedStyle(document.querySelector('figure svg text')).fill"
    light = page.evaluate(color)
    page.emulate_media(color_scheme="dark")
    assert (light, page.evaluate(color)) == ("rgb(24, 33, 45)", "rgb(230, 235, 242)")


def test_text_is_escaped_everywhere(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    page = write(
        tmp_path / "page.html",
        Section(
            evil,
            evil,
            tables=[Table([evil], [[evil]], evil)],
            tiles=[Tile(evil, evil, evil)],
            notes=[evil],
            cards=[Card([Badge(evil)], evil)],
            charts=[charts.bars([evil], [1], title=evil, x=evil)],
        ),
        badges=[Badge(evil)],
    )
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 10


def test_markup_in_a_cell_passes(tmp_path: Path) -> None:
    assert "<b>best</b>" in write(tmp_path / "p.html", Section("S", tables=[Table(["a"], [[Markup("<b>best</b>")]])]))


def test_columns_of_numbers_stand_to_the_right_and_others_to_the_left() -> None:
    rows = [["ham", 1, "−0.5", "3 of the long sentences in here", "1.5 ms"], ["spam", 2.5, "–", "4", "<0.1"]]
    assert Table(list("abcde"), rows).numeric == [False, True, True, False, True]


def test_numbers_in_cells_are_formatted(tmp_path: Path) -> None:
    page = write(tmp_path / "p.html", Section("S", tables=[Table(["n", "x", "b"], [[12345, 0.12345, True]])]))
    assert re.findall(r"<td[^>]*>(.*?)</td>", page) == ["12,345", "0.123", "True"]


def test_a_blank_line_starts_a_paragraph(tmp_path: Path) -> None:
    page = write(tmp_path / "page.html", Section("S", "One.\n\nTwo."))
    assert "<p>One.</p>" in page
    assert "<p>Two.</p>" in page


def test_a_picture_fills_its_place_and_keeps_its_shape() -> None:
    picture = svg(charts.bars(["a"], [1], title='Rows "by" class', x="rows"))
    head = picture[: picture.index(">")]
    assert 'width="100%"' in head
    assert 'viewBox="0 0 ' in head
    assert 'aria-label="Rows &quot;by&quot; class"' in head
    assert 'height="' not in head


def test_clip_paths_of_two_pictures_on_a_page_differ() -> None:
    data = alt.Data(values=[{"x": 0}, {"x": 2}])
    marks = [alt.Chart(data, title=title).mark_line(clip=True).encode(x="x:Q") for title in ("one", "two")]
    pictures = [svg(mark) for mark in marks]
    first, second = (set(re.findall(r'\bid="([^"]+)"', picture)) for picture in pictures)
    assert first
    assert not first & second
    assert set(re.findall(r"url\(#([^)]+)\)", pictures[0])) == first


def test_a_page_that_cannot_be_made_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    before = write(path, Section("S"))
    with pytest.raises(AttributeError):
        write(path, Section("S", charts=["no chart"]))  # type: ignore[list-item]
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]
