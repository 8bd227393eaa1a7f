"""The data card of a run shows how long examples are for its models."""

import re
from typing import Any

import pytest
from tests.unit.promote.conftest import Workplace

from stillhouse.components.artifacts.evaluation import Lengths
from stillhouse.components.promote.lengths import BEFORE, with_lengths

EDGES = [1, 10, 100, 1000]
CARD = f"<main>\n<section>\n  <h2>Rows</h2></section>\n{BEFORE}</section>\n</main>"
TEACHER: dict[str, Any] = {
    "unit": "token",
    "max_length": 55,
    "counted": 8,
    "rows": 8,
    "cut": 0.25,
    "median": 20.0,
    "largest": 700,
    "histogram": {"edges": EDGES, "counts": [0, 6, 2]},
}


def lengths_of(**changes: Any) -> Lengths:
    return Lengths.model_validate({**TEACHER, **changes})


def shown(card: str) -> str:
    return re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", card))


def test_the_share_that_is_cut_stands_for_each_model_before_what_was_dropped() -> None:
    card = with_lengths(CARD, {"teacher": lengths_of(), "student": lengths_of(max_length=32, cut=0.5)})
    text = shown(card)
    assert "Token lengths cut for the teacher 25.0% longer than 55 tokens" in text
    assert "cut for the student 50.0% longer than 32 tokens" in text
    assert "Tokens of 8 training rows: median 20, longest 700. The line is at 55: what is longer is cut." in text
    assert text.index("Rows") < text.index("Token lengths") < text.index("Dropped rows")


def test_bars_are_as_high_as_their_counts_and_the_line_lies_where_texts_are_cut() -> None:
    card = with_lengths(CARD, {"teacher": lengths_of()})
    bars = re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)" height="([\d.]+)".*?<title>(.*?)</title>', card)
    assert [title for *_, title in bars] == ["11 to 100: 6 rows", "101 to 1,000: 2 rows"]
    (x, width, high), (_, _, low) = ([float(value) for value in bar[:3]] for bar in bars)
    assert high == pytest.approx(3 * low, rel=1e-3)
    (line,) = re.findall(r'<line x1="([\d.]+)".*?stroke="#E69F00"', card.replace("<line", "\n<line"))
    assert float(line) == pytest.approx(x + (width + 1) / 2, abs=0.2)  # 55 lies half way from 10 to 100


def test_a_line_beyond_all_rows_is_not_drawn() -> None:
    assert "#E69F00" not in with_lengths(CARD, {"teacher": lengths_of(max_length=2000, cut=0.0)})


def test_where_only_some_rows_were_counted_it_says_so() -> None:
    assert "Tokens of 8 of 900 training rows" in with_lengths(CARD, {"teacher": lengths_of(rows=900)})


def test_a_card_without_lengths_stays_as_prepare_wrote_it() -> None:
    assert with_lengths(CARD, {}) == CARD


def test_the_run_keeps_the_card_with_them(workplace: Workplace) -> None:
    workplace.promote("a", {"lengths": {"teacher": TEACHER}})
    assert "cut for the teacher" in (workplace.folder / "home" / "run-a" / "card.html").read_text()
    assert (workplace.folder / "run-a" / "dataset" / "card.html").read_text() == "<main>card</main>"
