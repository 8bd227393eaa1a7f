"""Splits by time: the newest rows are the test, for every kind of problem whose rows have a column of times."""

import io
import json
import logging
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stillhouse.components.formats.splits import Split
from stillhouse.components.prepare.settings import SplitShares
from stillhouse.components.prepare.time_splits import TimedRows, TooFewTimes, assign_by_time, borders
from stillhouse.errors import UserError

Make = Callable[..., Any]
SHARES = {"validation": 0.1, "test": 0.2}
TEXT = {"text": "text", "label": "label", "time": "sent"}

pytestmark = pytest.mark.usefixtures("no_card")


def days(number: int) -> list[str]:
    """So many days, each after the one before it."""
    return [str(date(2026, 1, 1) + timedelta(days=day)) for day in range(number)]


def placed(times: Sequence[float], keys: list[str] | None = None, **given: list[Any]) -> list[Split | None]:
    """The splits of rows with a label and these times."""
    number = len(times)
    rows = TimedRows(
        keys or [str(row) for row in range(number)],
        np.array(times, np.float64),
        given.get("given", [None] * number),
        given.get("is_kept", [False] * number),
        given.get("is_new", [True] * number),
    )
    return assign_by_time(rows, given.get("targets", [0] * number), SplitShares(**SHARES))[0]


# Where the borders lie


def test_the_newest_share_is_test_and_the_one_before_it_validation() -> None:
    assert placed([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]) == ["test"] * 2 + ["validation"] + ["train"] * 7


def test_rows_of_one_time_lie_on_one_side() -> None:
    """Of ten rows two are asked for; the three of time 2 stay together, for 3 is nearer to 2 than 0 is."""
    assert placed([2, 2, 2, 1, 0, 0, 0, 0, 0, 0]) == ["test"] * 3 + ["validation"] + ["train"] * 6


def test_a_tie_that_is_too_many_is_left_to_what_is_older() -> None:
    assert borders(np.array([0.0] * 4 + [1.0] * 5 + [2.0]), [0.2, 0.1]) == [2.0, 1.0]


def test_each_split_has_one_time_at_least() -> None:
    assert borders(np.array([0.0, 1.0, 2.0]), [0.2, 0.1]) == [2.0, 1.0]
    with pytest.raises(TooFewTimes):
        borders(np.array([0.0, 1.0, 1.0]), [0.2, 0.1])


def test_rows_of_a_group_go_by_the_newest_of_them() -> None:
    """No row of train is as new as the test's first one, and no group has rows in two splits."""
    times = [0.0, 9.0, *np.arange(1.0, 9.0)]
    found = placed(times, ["a", "a", *"bcdefghi"])

    assert found[:2] == ["test", "test"]
    assert found.count("test") == 2


def test_a_row_without_a_label_has_no_place_in_time_and_one_without_a_time_none() -> None:
    found = placed([np.nan, 5, np.nan, *range(5)], targets=[None, None, *[0] * 6])

    assert found[:3] == ["unlabelled", "unlabelled", None]


def test_what_the_source_says_counts_and_the_newest_of_its_training_rows_are_validation() -> None:
    given = ["train"] * 10 + ["test"]
    assert placed([*range(10), 0], given=given) == ["train"] * 9 + ["validation", "test"]


def test_kept_rows_are_test_and_older_partitions_do_not_move_the_borders() -> None:
    times = [*range(10), *range(-20, -10)]
    found = placed(times, is_kept=[True, *[False] * 19], is_new=[True] * 10 + [False] * 10)

    assert found == ["test", *["train"] * 6, "validation", "test", "test", *["train"] * 10]


# From a source to the dataset


def mails(table: Make, number: int = 40, **columns: Any) -> dict[str, Any]:
    return {**table(number), "sent": days(number), **columns}


@pytest.mark.parametrize("name", ["mails.csv", "mails.parquet", "mails.jsonl"])
def test_texts_are_parted_by_their_dates(name: str, write: Make, table: Make, shuffled: Make, prepared: Make) -> None:
    found = prepared(write(name, shuffled(mails(table))), columns=TEXT)

    assert found["json"]["rows"] == {"train": 28, "validation": 4, "test": 8, "unlabelled": 0}
    assert found["json"]["times"] == {
        "column": "sent",
        "validation_from": "2026-01-29T00:00:00+00:00",
        "test_from": "2026-02-02T00:00:00+00:00",
    }
    assert found["json"]["learnt_until"] == "2026-02-01T00:00:00+00:00"
    assert sorted(str(row["row_time"])[:10] for row in found["test"]) == days(40)[32:]
    assert "row_time" not in found["train"][0]


def test_offsets_count(write: Make, table: Make, prepared: Make) -> None:
    moments = [f"2026-01-01T{hour:02}:00:00{'+00:00' if hour % 2 else '+12:00'}" for hour in range(20)]
    labels = ["ham", "ham", "spam", "spam"] * 5
    found = prepared(write("mails.csv", mails(table, 20, sent=moments, label=labels)), columns=TEXT)

    assert found["json"]["times"]["test_from"] == "2026-01-01T13:00:00+00:00"  # all with +12:00 are before the others


def test_a_table_has_no_feature_of_it(write: Make, prepared: Make) -> None:
    columns = {"size": [i * 7 % 40 + 0.5 for i in range(40)], "label": ["a", "b"] * 20, "sent": [*range(40)]}
    found = prepared(write("t.csv", columns), task="tabular", columns={"label": "label", "time": "sent"})

    assert found["json"]["learnt_until"] == 31.0
    assert list(found["train"][0]["features"]) == ["size"]
    assert sorted(row["row_time"] for row in found["test"]) == [*range(32, 40)]


def test_pictures_have_theirs_in_the_metadata(tmp_path: Path, prepared: Make) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    lines, chance = [], np.random.default_rng(0)
    for row, day in enumerate(days(20)):
        picture = Image.fromarray(chance.integers(0, 255, (8, 8, 3), np.uint8))
        data = io.BytesIO()
        picture.save(data, "png")
        (folder / f"{row}.png").write_bytes(data.getvalue())
        lines.append(json.dumps({"file_name": f"{row}.png", "label": "ab"[row % 2], "taken": day}) + "\n")
    (folder / "metadata.jsonl").write_text("".join(lines))
    columns = {"image": "image", "label": "label", "time": "taken"}

    found = prepared(folder, task="image_classification", columns=columns, near_duplicates=1.0)

    assert sorted(str(row["row_time"])[:10] for row in found["test"]) == days(20)[16:]


def test_tagged_words_go_by_it_too(write: Make, prepared: Make) -> None:
    rows = {
        "tokens": [["Ada", "fell", f"on{i}"] for i in range(20)],
        "tags": [["B-PER", "O", "O"]] * 20,
        "sent": [*range(20)],
    }
    columns = {"tokens": "tokens", "tags": "tags", "time": "sent"}
    found = prepared(write("s.jsonl", rows), task="token_classification", columns=columns, near_duplicates=1.0)

    assert sorted(row["row_time"] for row in found["test"]) == [16.0, 17.0, 18.0, 19.0]


def test_users_are_asked_for_what_is_newest_and_are_parted_by_their_name(write: Make, prepared: Make) -> None:
    """All is learnt up to the newest row; a user's time is that of the oldest item that is asked for."""
    rows = [(f"u{user}", f"i{(user + item) % 7}", 100 * item + user) for user in range(60) for item in range(5)]
    columns = dict(zip(("user", "item", "time"), zip(*rows, strict=True), strict=True))
    roles = {"user": "user", "item": "item", "time": "time"}
    source = write("views.csv", columns)
    timed = prepared(source, task="recommendation", columns=roles)
    test = {row["user"]: row["row_time"] for row in timed["test"]}
    untimed = prepared(source, task="recommendation", columns={"user": "user", "item": "item"})

    assert timed["json"]["learnt_until"] == 459.0
    assert test == {user: 400.0 + int(user[1:]) for user in test}
    assert set(test) == {row["user"] for row in untimed["test"]}


# What is not a time


def test_values_that_are_none_are_counted_from_the_first_row(write: Make, table: Make, prepared: Make) -> None:
    sent = [*days(38), "yesterday", "tomorrow"]
    with pytest.raises(UserError) as error:
        prepared(write("mails.csv", mails(table, sent=sent)), columns=TEXT)

    assert str(error.value).endswith(
        "mails.csv, row 40, column 'sent': 'yesterday' is not a time, and 2 of 40 rows have none that can be read; "
        "write dates such as 2026-01-31T12:00:00 in all rows or numbers in all, or leave it empty."
    )


def test_rows_without_one_are_left_out_and_counted(
    write: Make, table: Make, prepared: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    found = prepared(write("mails.csv", mails(table, sent=["", "NA", *days(38)])), columns=TEXT)

    assert found["json"]["dropped"] == {"no_time": 2}
    assert sum(found["json"]["rows"].values()) == 38
    assert (
        "2 of 40 rows without a time in the column 'sent' are left out; the first is mails.csv, row 2." in caplog.text
    )


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ([""] * 40, "row 2, column 'sent': none of the 40 rows has a time there; name another column"),
        (
            ["2026-01-01", "2026-01-02"] * 20,
            "column 'sent': the rows with a label have 2 different times, and splits by",
        ),
    ],
)
def test_too_few_times_are_one_sentence(
    sent: list[str], sentence: str, write: Make, table: Make, prepared: Make
) -> None:
    with pytest.raises(UserError, match=sentence):
        prepared(write("mails.csv", mails(table, sent=sent)), columns=TEXT)
