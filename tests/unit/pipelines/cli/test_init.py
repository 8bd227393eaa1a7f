"""A recipe for a table."""

import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from stillhouse.pipelines.cli.app import app
from stillhouse.pipelines.recipes.recipe import load_recipe

Init = Callable[..., Any]
WORDS = [
    "printer",
    "paper",
    "jam",
    "invoice",
    "late",
    "payment",
    "parcel",
    "lost",
    "again",
    "broken",
    "screen",
    "refund",
    "please",
]
ROWS = [
    {
        "id": f"t-{i:04}",
        "created": f"2026-01-{i % 28 + 1:02}",
        "subject": f"{WORDS[i % 12]} {WORDS[(i * 5 + 1) % 12]}",
        "body": " ".join(WORDS[(i * k + k) % 12] for k in range(1, 9)) + f" case {i}",
        "team": ("billing", "shipping", "hardware")[i % 3],
    }
    for i in range(60)
]


@pytest.fixture
def init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Init:
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, ["init", *arguments])


def write(rows: list[dict[str, Any]], name: str = "tickets.parquet") -> None:
    pq.write_table(pa.Table.from_pylist(rows), name)


def columns_of(recipe: str) -> dict[str, Any]:
    return yaml.safe_load(Path(recipe).read_text())["data"]["columns"]


def test_it_writes_five_lines_that_load(init: Init) -> None:
    write(ROWS)
    ended = init("tickets.parquet")
    assert ended.exit_code == 0, ended.output
    assert Path("tickets.yaml").read_text() == (
        "name: tickets\ntask: text_classification\ndata:\n  source: tickets.parquet\n"
        "  columns: {text: [subject, body], label: team}\n"
    )
    assert load_recipe("tickets.yaml").data.columns.label == "team"
    assert "label: team (3 values, the most frequent is 'billing' with 33%)" in ended.output
    assert "text: body (10 words a row, 100% of them different)" in ended.output
    assert ended.output.endswith("Next: stillhouse run tickets.yaml\n")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_it_reads_what_the_steps_read(init: Init, separator: str) -> None:
    lines = [separator.join(ROWS[0]), *(separator.join(row.values()) for row in ROWS)]
    Path("tickets.csv").write_text("\n".join(lines) + "\n")
    assert init("tickets.csv").exit_code == 0
    assert columns_of("tickets.yaml") == {"text": ["subject", "body"], "label": "team"}


@pytest.mark.parametrize(
    ("change", "label"),
    [
        (lambda i, row: row | {"team": None, "label": i % 2}, "label"),
        (lambda i, row: row | {"region": ("north", "south")[i % 2], "category": row["team"], "team": None}, "category"),
        (lambda i, row: row | {"team": None, "tags": [row["team"], "all"]}, "tags"),
        (lambda i, row: row | {"team": None, "rating": i / 7}, "rating"),
        (lambda i, row: row | {"team": None, "spam": i % 2 == 0}, "spam"),
        (
            lambda i, row: row | {"team": None, "verdict": ("yes", "no")[i % 2], "day": datetime.date(2026, 1, 1)},
            "verdict",
        ),
    ],
    ids=["0 and 1", "by its name", "lists", "numbers", "truth values", "the only one that comes again"],
)
def test_the_label_is_found_by_what_it_holds_and_what_it_is_called(init: Init, change: Any, label: str) -> None:
    write([change(i, {k: v for k, v in row.items() if k != "created"}) for i, row in enumerate(ROWS)])
    ended = init("tickets.parquet")
    assert ended.exit_code == 0, ended.output
    assert columns_of("tickets.yaml")["label"] == label


def test_text_of_a_script_without_spaces_is_text(init: Init) -> None:
    write([{"文": f"これは日本語の文章です{i}", "label": ("甲", "乙")[i % 2]} for i in range(20)], "japanese.parquet")
    assert init("japanese.parquet").exit_code == 0
    assert columns_of("japanese.yaml") == {"text": ["文"], "label": "label"}


def test_a_column_of_splits_is_taken_as_such(init: Init) -> None:
    write([row | {"split": ("train", "validation", "test")[i % 3]} for i, row in enumerate(ROWS)])
    init("tickets.parquet")
    assert columns_of("tickets.yaml") == {"text": ["subject", "body"], "label": "team", "split": "split"}


def test_what_a_person_names_is_taken(init: Init) -> None:
    write(ROWS)
    init("tickets.parquet", "--text", "subject", "--label", "created", "--name", "dates", "--out", "my.yaml")
    assert columns_of("my.yaml") == {"text": ["subject"], "label": "created"}
    assert load_recipe("my.yaml").name == "dates"


def test_a_recipe_is_never_overwritten(init: Init) -> None:
    write(ROWS)
    Path("tickets.yaml").write_text("mine")
    ended = init("tickets.parquet")
    assert (ended.exit_code, Path("tickets.yaml").read_text()) == (2, "mine")
    assert ended.stderr.startswith("'tickets.yaml' is there already; give another place with --out")


@pytest.mark.parametrize(
    ("rows", "arguments", "sentence"),
    [
        ([{"a": i, "b": i % 2} for i in range(9)], (), "no column holds text of several words; name one with --text"),
        ([{"text": f"words of row {i}"} for i in range(9)], (), "no column's values come again as those of a label do"),
        (ROWS, ("--label", "taem"), "there is no column 'taem'; it has: id, created, subject, body, team."),
    ],
)
def test_what_it_cannot_find_is_one_sentence_and_writes_nothing(
    init: Init, rows: list[dict[str, Any]], arguments: tuple[str, ...], sentence: str
) -> None:
    write(rows)
    ended = init("tickets.parquet", *arguments)
    assert (ended.exit_code, sentence in ended.stderr, ended.stderr.count("\n")) == (2, True, 1)
    assert list(Path().glob("*.yaml")) == []


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("nowhere.csv", "There is no file or folder 'nowhere.csv'"),
        ("s3://bucket/mails", "lies elsewhere; look at a file"),
    ],
)
def test_what_is_not_here_is_one_sentence(init: Init, file: str, sentence: str) -> None:
    ended = init(file)
    assert (ended.exit_code, sentence in ended.stderr) == (2, True)


def test_json_lines_in_a_folder(init: Init) -> None:
    Path("mails 2026").mkdir()
    Path("mails 2026/a.jsonl").write_text("\n".join(json.dumps(row) for row in ROWS))
    assert init("mails 2026").exit_code == 0
    assert load_recipe("mails-2026.yaml").name == "mails-2026"
