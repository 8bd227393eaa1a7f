"""CSV in the dialects that people and programs write: every row is read, or one sentence says which is not."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from stillhouse.components.formats import csv_scan, delimited
from stillhouse.components.formats.batch import Reading
from stillhouse.components.formats.settings import CsvSettings
from stillhouse.components.formats.tables import column_names, read_batches
from stillhouse.components.storage.memory import Budget
from stillhouse.errors import UserError

Rows = list[tuple[int, dict[str, Any]]]


class Read:
    """Rows of a file with their numbers, and how it was found to be written."""

    def __init__(self, path: Path, names: list[str] | None = None, **given: Any) -> None:
        reading = Reading(names, Budget(1 << 30), CsvSettings.model_validate(given))
        batches = list(read_batches(path, reading))
        self.numbers = [number for batch in batches for number in batch.numbers]
        self.rows = [tuple(row.values()) for batch in batches for row in batch.rows()]
        self.written = reading.notes[0]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.csv"


def read(path: Path, text: str, **given: Any) -> Read:
    path.write_text(text, newline="")
    return Read(path, **given)


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_the_separator_and_the_line_ends_are_found_out(path: Path, mark: str, ending: str) -> None:
    lines = [["text", "label"], ["one, two; three | four", "ham"], ["plain", "spam"], ["", ""]]
    held = io.StringIO()
    csv.writer(held, delimiter=mark, lineterminator=ending).writerows(lines)
    found = read(path, held.getvalue())
    assert (found.rows, found.numbers) == ([tuple(line) for line in lines[1:]], [2, 3, 4])
    assert found.written == f"separator {'tab' if mark == chr(9) else repr(mark)}, quote '\"', header"


def test_the_columns_asked_for_tell_the_separator_where_two_would_do(path: Path) -> None:
    path.write_text("text;a,label;b\nx;y,z;w\n")
    assert Read(path, ["text", "b"]).rows == [("x", "w")]
    assert Read(path, ["a,label"]).rows == [("y,z",)]
    assert column_names(path, Reading(["b"], Budget(0))) == ["text", "a,label", "b"]


def test_a_column_of_its_own_needs_no_separator_and_keeps_empty_rows(path: Path) -> None:
    assert read(path, "text\nDear all, hello\nbye\n\nend\n").rows == [("Dear all, hello",), ("bye",), ("",), ("end",)]


def test_blank_lines_between_rows_are_counted_and_are_no_rows(path: Path) -> None:
    found = read(path, "text,label\na,x\n\n\r\nb,y\n\n")
    assert (found.rows, found.numbers) == ([("a", "x"), ("b", "y")], [2, 5])


@pytest.mark.parametrize("name", ["a.tsv", "a.csv"])
def test_lines_that_begin_with_a_quote_that_closes_nothing_are_rows(tmp_path: Path, name: str) -> None:
    mark = "\t" if name == "a.tsv" else ","
    lines = [f"{'' if i % 40 else chr(34)}text {i}{mark}{('ham', 'spam')[i % 2]}" for i in range(800)]
    found = read(tmp_path / name, f"text{mark}label\n" + "\n".join(lines) + "\n")
    assert found.rows == [tuple(line.split(mark)) for line in lines]
    assert found.numbers == list(range(2, 802))
    assert "one row a line: quotes that close nothing are text" in found.written


def test_among_stray_quotes_those_that_keep_to_the_rules_still_hold_separators(path: Path) -> None:
    found = read(path, 'text,label\n"stray,ham\n"a, ""b""",spam\nhe said "hi",ham\n"x "y" z",ham\n')
    assert found.rows == [('"stray', "ham"), ('a, "b"', "spam"), ('he said "hi"', "ham"), ('"x "y" z"', "ham")]


@pytest.mark.parametrize(
    ("lines", "row"),
    [
        (['a 5" disk,ham', '"Dear all,', 'regards",spam'], "3: a quoted field may go over 2 lines"),
        (['"Dear all ""x"",', "", "it, is", 'so",spam', 'a 5" disk,ham'], "2: a quoted field may go over 4 lines"),
        (['"stray,ham', "x,ham", '5",spam', '"y" z,ham'], "2: a quoted field may go over 3 lines"),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_row_of_several_lines_beside_stray_quotes_is_not_cut_up_unsaid(
    path: Path, lines: list[str], row: str, ending: str
) -> None:
    text = ending.join(["text,label", *lines, ""])
    with pytest.raises(UserError, match=rf"a\.csv, row {row}, or each of them is a row .*csv\.quote to none"):
        read(path, text)
    kept = [tuple(line.split(",")) for line in lines if line]
    if all(len(fields) == 2 for fields in kept):
        assert read(path, text, quote="none").rows == kept


@pytest.mark.parametrize(
    "lines",
    [
        ['"one,ham', '"two,spam', '"three,ham'],
        ['"one,ham', 'he said "no",spam', '5",ham'],
        ['5",ham', '"one,spam'],
    ],
)
def test_stray_quotes_between_which_no_row_fits_are_text(path: Path, lines: list[str]) -> None:
    found = read(path, "\n".join(["text,label", *lines, 'x "y" z,ham', ""]))
    assert found.rows == [tuple(line.split(",")) for line in [*lines, 'x "y" z,ham']]


def test_rows_of_several_lines_are_one_row(path: Path) -> None:
    found = read(path, 'text,label\n"Dear all,\n\nregards, ""me""\nand you",ham\nx,y\n"a\r\nb","c\nd"\n')
    assert found.rows == [('Dear all,\n\nregards, "me"\nand you', "ham"), ("x", "y"), ("a\r\nb", "c\nd")]
    assert found.numbers == [2, 3, 4]


def test_a_row_of_several_lines_each_of_which_could_be_a_row_is_refused(path: Path) -> None:
    text = 'text,label\nx,ham\n"Hello,ham\nthere",spam\n'
    with pytest.raises(
        UserError,
        match=r"a\.csv, row 3: a quoted field goes over 2 lines, and each of them could be a row of its own; "
        r"set csv\.quote to '\"' if they are one row, to none if quotes are text\.$",
    ):
        read(path, text)
    assert read(path, text, quote='"').rows == [("x", "ham"), ("Hello,ham\nthere", "spam")]
    assert read(path, text, quote="none").rows == [("x", "ham"), ('"Hello', "ham"), ('there"', "spam")]


@pytest.mark.parametrize(
    "text",
    [
        '"text","label"\n"Hello,\nthere","spam"\n',  # a writer that quotes everything
        'text,label\n"Hello ""you"",\nthere",spam\n',  # doubled quotes
        'text,label\n"Hello,\nthere",spam\n"Some\nmore",ham\n',  # other rows cannot be two
        'text\n"Hello\nthere"\n',
    ],
)
def test_what_shows_a_writer_that_quotes_is_no_doubt(path: Path, text: str) -> None:
    rows = list(csv.reader(io.StringIO(text)))[1:]
    assert read(path, text).rows == [tuple(row) for row in rows]


@pytest.mark.parametrize(
    "line", ['"say \\"hi\\", you",ham', 'say \\"hi\\"\\, you,ham', '"say \\"hi\\", you",ham\n\\\\ C:\\temp,spam']
)
def test_quotes_and_separators_after_a_backslash_are_text(path: Path, line: str) -> None:
    found = read(path, f"text,label\n{line}\n")
    assert found.rows[0] == ('say "hi", you', "ham")
    assert found.rows[1:] in ([], [("\\ C:\\temp", "spam")])
    assert "escape '\\'" in found.written


def test_backslashes_that_escape_nothing_are_text(path: Path) -> None:
    found = read(path, 'text,label\n"C:\\temp\\",ham\nD:\\,spam\n')
    assert found.rows == [("C:\\temp\\", "ham"), ("D:\\", "spam")]


def test_a_file_without_a_header_has_columns_by_position_or_by_given_names(path: Path) -> None:
    path.write_text("hello,ham\nbye,spam\n")
    assert Read(path, ["2", "1"], header=False).rows == [("ham", "hello"), ("spam", "bye")]
    found = Read(path, ["label", "text"], header=["text", "label"])
    assert (found.rows, found.numbers) == ([("ham", "hello"), ("spam", "bye")], [1, 2])
    with pytest.raises(UserError, match=r"if its first row is data, set csv\.header to false or to a list of names"):
        Read(path, ["text", "label"])
    with pytest.raises(UserError, match=r"csv\.header names 1 columns, and the first row has 2 fields"):
        Read(path, ["text"], header=["text"])


def test_a_file_whose_fields_another_mark_parts_is_told_the_setting(path: Path) -> None:
    path.write_text("text^label\nhello^ham\n")
    with pytest.raises(
        UserError, match=r"the file has text\^label: .*another character separates its fields, .*csv\.separator"
    ):
        Read(path, ["text", "label"])
    assert Read(path, ["text", "label"], separator="^").rows == [("hello", "ham")]


def test_marks_of_spreadsheets_at_the_beginning_are_no_data(path: Path) -> None:
    found = read(path, "\ufeffsep=;\r\ntext; label\r\na,b;c\r\n")
    assert (found.rows, found.numbers) == ([("a,b", "c")], [3])
    assert column_names(path, Reading(None, Budget(0))) == ["text", "label"]


def test_other_quotes_and_separators_can_be_said(path: Path) -> None:
    found = read(path, "'text':'label'\n'it''s: me':'x'\n", quote="'", separator=":")
    assert found.rows == [("it's: me", "x")]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("text,label\na,b\n\nc\n", r"row 4: cannot be read \(Expected 2 columns, got 1: c\); fix the row, or say how"),
        ("text,label\na,b,c\n", r"row 2: cannot be read \(Expected 2 columns, got 3: a,b,c\)"),
        (
            'text,label\na,b\n"c, d, e\n',
            r"row 3: a quote opens or closes within a field; double the quotes that are text",
        ),
        (
            'text,label\n"a" "b", c,d\n',
            r"row 2: .*set csv.quote to none if all are, or name the character .*csv.escape",
        ),
    ],
)
def test_rows_that_do_not_fit_are_named(path: Path, text: str, sentence: str) -> None:
    with pytest.raises(UserError, match=r"a\.csv, " + sentence):
        read(path, text)


def test_a_quote_that_is_never_closed_does_not_take_the_memory(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_scan, "BLOCK", 1 << 16)
    monkeypatch.setattr(csv_scan, "CHUNK", 1 << 12)
    lines = "".join(f"text {i},ham\n" for i in range(20_000))
    found = read(path, f'text,label\n"stray,ham\n{lines}')
    assert len(found.rows) == 20_001


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.tuples(*[st.text("ab \"',;\\\n\r\té", max_size=6)] * 3), max_size=12),
    chunk=st.integers(1, 40),
    mark=st.sampled_from(",;\t|"),
)
def test_whatever_a_proper_writer_quotes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]], chunk: int, mark: str
) -> None:
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=mark, quoting=csv.QUOTE_ALL)
        writer.writerow(("a", "b", "c"))
        writer.writerows(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_scan, "CHUNK", chunk)
        patch.setattr(delimited, "CHUNK", chunk)
        assert Read(path, separator=mark, escape="none").rows == rows


@pytest.mark.parametrize("wrong", [{"separator": "||"}, {"separator": "none"}, {"quote": ","}, {"escape": "é"}])
def test_marks_are_single_characters_and_differ(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        CsvSettings.model_validate({"separator": ",", **wrong})


@pytest.mark.parametrize(("word", "mark"), [("tab", "\t"), ("\\t", "\t"), ("semicolon", ";"), (" ", " ")])
def test_marks_have_names(word: str, mark: str) -> None:
    assert CsvSettings.model_validate({"separator": word}).separator == mark
