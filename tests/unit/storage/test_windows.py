"""Times in a source's address: one time, and which names are in a window."""

from datetime import UTC, datetime

import pytest

from stillhouse.components.storage.windows import Partitions, Window, check_times, with_time
from stillhouse.errors import UserError

DUE = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)


def partitions(path: str) -> Partitions:
    found = Partitions.of(f"s3://bucket/mails/{path}")
    assert found
    return found


@pytest.mark.parametrize(
    ("source", "filled"),
    [
        ("s3://b/{scheduled_time:%Y/%m/%d}/x.csv", "s3://b/2026/03/02/x.csv"),
        ("s3://b/{scheduled_time}", "s3://b/2026-03-02"),
        ("s3://b/{scheduled_time:%Y}/{scheduled_time:%H%M}", "s3://b/2026/0630"),
        ("s3://b/plain 100 %", "s3://b/plain 100 %"),
    ],
)
def test_the_time_a_run_was_due_becomes_part_of_the_address(source: str, filled: str) -> None:
    check_times(source)

    assert with_time(source, DUE) == filled


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (
            "s3://b/{foo}/x",
            r"there is no \{foo\}; use \{scheduled_time:%Y-%m-%d\} or \{since_last_promoted:%Y-%m-%d\}\.",
        ),
        ("s3://b/{}", r"there is no \{\}"),
        ("s3://b/{scheduled_time:day}", r"\{scheduled_time\} cannot be written as 'day'; use %Y-%m-%d or of "),
        ("s3://b/{since_last_promoted:%Y-%m-%d-%M}", r"\{since_last_promoted\} cannot be written as '%Y-%m-%d-%M'"),
        ("s3://b/{since_last_promoted:%m-%d}", r"is not a complete date; write all of it"),
        ("hf://owner/{since_last_promoted}", r"must stand in a folder's path or in that of a bucket"),
        ("s3://{since_last_promoted}", r"must stand in a folder's path"),
    ],
)
def test_a_placeholder_that_means_nothing_is_one_sentence_with_the_mend(source: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        check_times(source)


def test_a_source_without_a_window_has_no_partitions() -> None:
    assert Partitions.of("s3://bucket/mails") is None


@pytest.mark.parametrize(
    ("path", "name", "begins"),
    [
        ("{since_last_promoted}", "2026-03-01/a.csv", (2026, 3, 1)),
        ("{since_last_promoted:%Y-%m}", "2026-03/deep/a.csv", (2026, 3, 1)),
        ("{since_last_promoted:%Y%m%d%H}", "2026030117/a.csv", (2026, 3, 1, 17)),
        ("{since_last_promoted:%Y-%j}", "2026-060/a.csv", (2026, 3, 1)),
        ("mails-{since_last_promoted:%Y.%m.%d}.csv", "mails-2026.03.01.csv", (2026, 3, 1)),
        ("y={since_last_promoted:%Y}/m={since_last_promoted:%m}", "y=2026/m=03/a.csv", (2026, 3, 1)),
        ("{since_last_promoted:%Y}/{since_last_promoted:%Y-%m-%d}/in", "2026/2026-03-01/in/a.csv", (2026, 3, 1)),
    ],
)
def test_a_name_tells_when_its_partition_begins(path: str, name: str, begins: tuple[int, ...]) -> None:
    assert partitions(path).moment(name) == datetime(*begins, tzinfo=UTC)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("{since_last_promoted}", "2026-03-41/a.csv"),
        ("{since_last_promoted}", "2026-03-01-draft/a.csv"),
        ("{since_last_promoted}/mails.csv", "2026-03-01/labels.csv"),
        ("mails-{since_last_promoted:%Y.%m.%d}.csv", "mails-2026x03x01.csv"),
        ("{since_last_promoted:%Y}/{since_last_promoted:%Y-%m-%d}", "2025/2026-03-01/a.csv"),
        ("{since_last_promoted}", "README.md"),
    ],
)
def test_other_names_are_in_no_partition(path: str, name: str) -> None:
    assert partitions(path).moment(name) is None


NAMES = ["2026-02-27/a", "2026-02-28/a", "2026-03-02/a", "2026-03-02/b", "2026-03-03/a"]


def test_a_window_reaches_from_the_day_it_begins_in_to_the_day_it_is_due_in() -> None:
    found = partitions("{since_last_promoted}").window(NAMES, datetime(2026, 2, 28, 23, tzinfo=UTC), DUE)

    assert found == Window("2026-02-28T00:00:00+00:00", "2026-03-02T00:00:00+00:00")


def test_without_a_beginning_a_window_holds_all_until_it_is_due() -> None:
    found = partitions("{since_last_promoted}").window(NAMES, None, DUE)

    assert found == Window("2026-02-27T00:00:00+00:00", "2026-03-02T00:00:00+00:00")


def test_of_the_partitions_before_it_the_newest_are_read_with_it() -> None:
    daily, since = partitions("{since_last_promoted}"), datetime(2026, 3, 2, tzinfo=UTC)
    window = daily.window(NAMES, since, DUE, replayed=1)

    assert window == Window("2026-03-02T00:00:00+00:00", "2026-03-02T00:00:00+00:00", "2026-02-28T00:00:00+00:00")
    assert window is not None
    days = [datetime(2026, 2, 27, tzinfo=UTC), datetime(2026, 2, 28, tzinfo=UTC), since]
    assert [window.holds(day) for day in days] == [False, True, True]
    assert [window.is_new(day) for day in days] == [False, False, True]
    assert daily.count(NAMES, window) == 1
    assert daily.window(NAMES, None, DUE, replayed=1) == daily.window(NAMES, None, DUE)


def test_a_later_run_over_the_same_partitions_has_the_same_window() -> None:
    daily = partitions("{since_last_promoted}")
    names = NAMES[:-1]

    assert daily.window(names, None, DUE) == daily.window(names, None, DUE.replace(day=9))


def test_a_window_in_which_nothing_lies_is_none() -> None:
    assert partitions("{since_last_promoted}").window(NAMES, datetime(2026, 4, 1, tzinfo=UTC), DUE) is None


@pytest.mark.parametrize(("form", "number"), [("%Y-%m", 2), ("%Y-%m-%d", 3), ("%Y-%m-%d-%H", 32)])
def test_partitions_are_counted_by_their_length(form: str, number: int) -> None:
    first = datetime(2026, 2, 28, 23, tzinfo=UTC)

    assert partitions(f"{{since_last_promoted:{form}}}").expected(first, DUE) == number


def test_partitions_that_are_there_are_counted_once() -> None:
    daily = partitions("{since_last_promoted}")
    window = daily.window(NAMES, None, DUE)
    assert window

    assert daily.count(NAMES, window) == 3
