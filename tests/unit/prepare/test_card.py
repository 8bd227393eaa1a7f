"""The data card: one file that says what is in the dataset and what is not."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stillhouse.components.formats.splits import SPLITS
from stillhouse.components.prepare.card import REASONS
from stillhouse.components.prepare.splits import _AGAINST
from stillhouse.components.promote.lengths import BEFORE

Make = Callable[..., Any]


@pytest.fixture
def card(write: Make, table: Make, prepared: Make, tmp_path: Path) -> str:
    columns = table(120)
    columns["text"] += [f"Re: {text} <script>alert(1)</script>" for text in columns["text"]]
    columns["label"] *= 2
    prepared(write("mails.csv", columns), near_duplicates=0.5)
    return (tmp_path / "out" / "card.html").read_text()


def test_the_card_shows_lengths_labels_and_drops(card: str) -> None:
    for title in ("Lengths", "Rows of each label", "Rows dropped by reason"):
        assert f'aria-label="{title}"' in card


def test_the_card_has_a_place_for_what_the_models_are_shown(card: str) -> None:
    assert card.count(BEFORE) == 1


def test_the_card_names_every_reason_with_its_rows(card: str) -> None:
    assert re.search(r"overlaps_test</td>\s*<td class=\"right\">\d+", card)


def test_the_card_shows_what_was_dropped_beside_what_stays(card: str) -> None:
    assert "nearly equals</th>" in card


def test_the_card_shows_examples_of_each_reason(write: Make, texts: Make, prepared: Make, tmp_path: Path) -> None:
    given = [*texts(60), "", "long " * 900, "Twice told.", "Twice told.", "Both ways.", "Both ways."]
    labels = ["ham", "spam"] * 30 + ["ham", "ham", "spam", "spam", "ham", "spam"]
    path = write("mails.csv", {"text": given, "label": labels})
    prepared(path, max_characters=4000, near_duplicates=1.0, max_dropped=0.5)
    card = (tmp_path / "out" / "card.html").read_text()
    cells = re.findall(r"<td[^>]*>(.*?)</td>", card[card.index("Some of them.") :])
    shown = [tuple(re.sub("<[^>]*>", "", cell) for cell in cells[i : i + 3]) for i in range(0, 15, 3)]
    assert {(reason, said, text[:11]) for reason, said, text in shown} == {
        ("empty", "mails.csv, row 62", "no text"),
        ("too_long", "mails.csv, row 63", "long long l"),
        ("duplicate", "spam", "Twice told."),
        ("conflicting_label", "ham", "Both ways."),
        ("conflicting_label", "spam", "Both ways."),
    }


def test_the_card_shows_words_that_are_typical_of_each_label_and_none_that_all_have(
    write: Make, texts: Make, prepared: Make, tmp_path: Path
) -> None:
    plain = texts(120)
    own = [f"{text} the {('refund', 'printer')[i % 2]}" for i, text in enumerate(plain)]
    prepared(write("mails.csv", {"text": own, "label": ["money", "office"] * 60}), near_duplicates=1.0)
    card = (tmp_path / "out" / "card.html").read_text()
    words = dict(re.findall(r"<tr><td>(money|office)</td>.*?<td>([^<]*)</td></tr>", card))
    assert words["money"].split(", ")[0] == "refund"
    assert words["office"].split(", ")[0] == "printer"
    assert "the" not in ", ".join(words.values()).split(", ")


def test_text_of_the_data_is_never_markup(card: str) -> None:
    assert "<script" not in card
    assert "&lt;script&gt;" in card


def test_the_card_needs_no_network(card: str) -> None:
    assert not re.search(r"(src|href)=\"(?!data:|#)", card)


@pytest.mark.parametrize("width", [1280, 480])
def test_a_browser_shows_the_card_without_complaint(card: str, tmp_path: Path, width: int) -> None:
    from playwright.sync_api import sync_playwright

    said: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto((tmp_path / "out" / "card.html").as_uri(), wait_until="load")
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        browser.close()
    assert (said, overflow) == ([], 0)


def test_every_reason_is_explained() -> None:
    given = {reason for against in _AGAINST.values() for reason in against.values()}
    assert given <= REASONS.keys()
    assert {f"overlaps_{split}" for split in SPLITS[:2]} <= REASONS.keys()


@pytest.mark.parametrize(
    ("labels", "given", "shown"),
    [
        ([i / 2 for i in range(60)], {}, 'aria-label="Target"'),
        ([["a", "b"], ["a"], ["b"]] * 20, {}, "multi-label"),
        ([("ham", "spam")[i % 2] for i in range(60)], {"near_duplicates": 1.0}, "Not looked for"),
        ([("ham", "spam")[i % 2] for i in range(60)], {}, "No row was dropped."),
    ],
)
def test_every_kind_of_dataset_has_a_card(
    write: Make, texts: Make, prepared: Make, tmp_path: Path, labels: list[Any], given: Any, shown: str
) -> None:
    prepared(write("a.parquet", {"text": texts(60), "label": labels}), **given)
    assert shown in (tmp_path / "out" / "card.html").read_text()


def test_drift_is_shown_when_it_was_measured(write: Make, table: Make, prepared: Make, tmp_path: Path) -> None:
    path = write("a.csv", table(60))
    prepared(path)
    known = (tmp_path / "out" / "dataset" / "dataset.json").rename(tmp_path / "dataset.json")
    prepared(path, str(known))
    assert "<h2>Drift</h2>" in (tmp_path / "out" / "card.html").read_text()
