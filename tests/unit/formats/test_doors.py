"""The same table in every format and through every door gives the same texts, groups, slices, splits and labels."""

import csv
import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.formats.settings import CsvSettings
from stillhouse.components.formats.table import Table
from stillhouse.components.formats.values import texts
from stillhouse.components.predict.read import lots, parts_to_answer
from stillhouse.components.prepare.read import read
from stillhouse.components.prepare.settings import PrepareSettings
from stillhouse.components.tasks.text_classification import TextClassification
from stillhouse.errors import UserError

START = dt.datetime(2026, 1, 2, 3, 4, 5)
MOMENTS = [START, START + dt.timedelta(milliseconds=250), dt.datetime(2026, 1, 2), None]
COLUMNS: dict[str, pa.Array] = {
    "bool": pa.array([True, False, None]),
    "int32": pa.array([7, -7, None], pa.int32()),
    "uint64": pa.array([2**64 - 1, 0, None], pa.uint64()),
    "float16": pa.array(np.array([0.5, 7, np.nan], np.float16)),
    "float32": pa.array([0.1, 7, None], pa.float32()),
    "float64": pa.array([0.1, 7, float("nan")]),
    "decimal": pa.array([Decimal("1.10"), Decimal("-2.00"), None]),
    "large_string": pa.array(["007", "NA", None], pa.large_string()),
    "string_view": pa.array(["007", "NA", None], pa.string_view()),
    "dictionary": pa.array(["x", "y", None]).dictionary_encode(),
    "binary": pa.array([b"abc", "é".encode(), None]),
    "large_binary": pa.array([b"abc", b"x", None], pa.large_binary()),
    "fixed_size_binary": pa.array([b"abc", b"xyz", None], pa.binary(3)),
    "date32": pa.array([dt.date(2026, 1, 2), dt.date(1, 1, 1), None]),
    "date64": pa.array([dt.date(2026, 1, 2), dt.date(2000, 2, 29), None], pa.date64()),
    **{f"timestamp[{unit}]": pa.array(MOMENTS[2:], pa.timestamp(unit)) for unit in ("s", "ms", "us", "ns")},
    **{f"timestamp[{unit}, zone]": pa.array(MOMENTS[2:], pa.timestamp(unit, "Asia/Tokyo")) for unit in ("s", "us")},
    "time": pa.array([dt.time(1, 2, 3), dt.time(1, 2, 3, 500), None]),
    "duration": pa.array([dt.timedelta(seconds=90), dt.timedelta(milliseconds=-1500), None]),
    "null": pa.nulls(2),
}


def write(path: Path, table: pa.Table) -> Path:
    """The table in the format of the file's name; CSV and JSON lines hold the texts, or typed JSON where it has any."""
    if path.suffix == ".parquet":
        pq.write_table(table, path)
    elif path.suffix in (".arrow", ".feather"):
        new = pa.ipc.new_stream if path.suffix == ".arrow" else pa.ipc.new_file
        with new(path, table.schema) as writer:
            writer.write_table(table)
    else:
        values = zip(*map(plain, table.columns), strict=True)
        written = [dict(zip(table.column_names, row, strict=True)) for row in values]
        with path.open("w", newline="") as file:
            if path.suffix == ".csv":
                lines = csv.DictWriter(file, table.column_names)
                lines.writeheader()
                lines.writerows({name: spelt(value) for name, value in row.items()} for row in written)
            else:
                file.writelines(json.dumps(row) + "\n" for row in written)
    return path


def plain(column: pa.ChunkedArray) -> list[Any]:
    """Numbers and truth values as such, the rest as text."""
    if pa.types.is_floating(column.type) and not pa.types.is_float64(column.type):
        return [None if text is None else float(text) for text in texts(column).to_pylist()]
    typed = pa.types.is_boolean(column.type) or pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    return (column if typed else texts(column)).to_pylist()


def spelt(value: Any) -> Any:
    """As CSV has it: JSON's spelling of what is not text."""
    return "" if value is None or value != value else value if isinstance(value, str) else json.dumps(value)


def prepared(*paths: Path, **given: Any) -> Table:
    settings = {"source": str(paths[0]), "task": "text_classification", "columns": {"label": None}, **given}
    return read(paths, PrepareSettings.model_validate(settings))


def asked(path: Path) -> list[str]:
    """The texts that predict asks a model for."""
    task = TextClassification(
        Spec(format=1, task="text_classification", target="classes", labels=[], content_digest="")
    )
    (part,) = parts_to_answer(path, task.formats_to_answer)
    some = lots(part, task, {"text": ["text"]}, CsvSettings(), 512)
    return [text for lot in some for text in lot.inputs["text"].to_pylist()]


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("ending", ["parquet", "arrow", "feather", "jsonl", "csv"])
def test_every_type_has_one_text_in_every_format_in_prepare_and_predict(tmp_path: Path, name: str, ending: str) -> None:
    column = COLUMNS[name]
    if ending == "parquet" and name == "string_view":
        column = column.cast(pa.string())  # what its writers write
    table = pa.table({"text": column, "other": ["a"] * len(column)})
    path = write(tmp_path / f"a.{ending}", table)
    expected = [value or "" for value in texts(column).to_pylist()]
    if ending == "csv" and pa.types.is_floating(column.type):
        expected = [text + ".0" if text == "7" else text for text in expected]  # in CSV all is text as it stands there
    settings = {"text": ["text", "other"], "label": None}
    assert prepared(path, columns=settings).inputs["text"].to_pylist() == [f"{text}\na" for text in expected]
    assert asked(path) == expected


WRITERS: dict[str, Callable[[Path, pd.DataFrame], None]] = {
    **{
        f"{unit}.parquet": lambda path, frame, unit=unit: frame.astype({"when": f"datetime64[{unit}]"}).to_parquet(path)
        for unit in ("ms", "us", "ns")
    },
    "s.feather": lambda path, frame: frame.astype({"when": "datetime64[s]"}).to_feather(path),
    "a.csv": lambda path, frame: frame.to_csv(path, index=False),
    "iso.jsonl": lambda path, frame: frame.to_json(path, orient="records", lines=True, date_format="iso"),
    "us.jsonl": lambda path, frame: frame.to_json(
        path, orient="records", lines=True, date_format="iso", date_unit="us"
    ),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_moment_is_one_group_and_one_slice_whatever_pandas_writes(tmp_path: Path, name: str) -> None:
    """Golden: a group's text decides its split, so it must never change."""
    frame = pd.DataFrame({"text": list("abc"), "when": [START, pd.Timestamp("2026-01-02 12:00"), pd.NaT]})
    WRITERS[name](tmp_path / name, frame)
    table = prepared(tmp_path / name, columns={"label": None, "group": "when"}, slices=["when"])
    assert table.groups == ["2026-01-02 03:04:05", "2026-01-02 12:00:00", None]
    assert table.slices == [("2026-01-02 03:04:05",), ("2026-01-02 12:00:00",), ("",)]


@pytest.mark.parametrize("name", WRITERS)
def test_days_of_pandas_are_days(tmp_path: Path, name: str) -> None:
    """It writes moments that are all midnight as days to CSV, and has no type for days."""
    WRITERS[name](tmp_path / name, pd.DataFrame({"text": list("ab"), "when": [pd.Timestamp("2026-01-02"), pd.NaT]}))
    assert prepared(tmp_path / name, columns={"label": None, "group": "when"}).groups == ["2026-01-02", None]


def test_zones_and_offsets_of_one_moment_are_one_group(tmp_path: Path) -> None:
    for zone in ("UTC", "Europe/Zurich", "+05:30"):
        column = pa.array([1_767_312_000_000], pa.timestamp("ms", zone))
        write(tmp_path / f"{zone[:3]}.parquet", pa.table({"text": ["a"], "g": column}))
    (tmp_path / "a.csv").write_text("text,g\na,2026-01-02T01:00:00+01:00\na,2026-01-02 00:00:00.000Z\n")
    files = sorted(tmp_path.iterdir())
    assert set(prepared(*files, columns={"label": None, "group": "g"}).groups) == {"2026-01-02 00:00:00+00:00"}


MISSING = {
    "a.csv": "text,g,s,label\n"
    + "".join(f"t,{w},{w},x\n" for w in ("", "NaN", "None", "N/A", "null", "<NA>", "7.0", "8")),
    "a.jsonl": "".join(
        json.dumps({"text": "t", "g": w, "s": w, "label": "x"}) + "\n"
        for w in (None, float("nan"), "None", "N/A", "null", "<NA>", 7.0, 8)
    ),
}


@pytest.mark.parametrize("name", MISSING)
def test_a_missing_group_is_no_group(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(MISSING[name])
    table = prepared(tmp_path / name, columns={"group": "g"}, slices=["s"])
    assert table.groups == [None] * 6 + ["7", "8"]
    assert [value for (value,) in table.slices] == [
        "",
        "",
        "None",
        "N/A",
        "null",
        "",
        *table.slices[6],
        *table.slices[7],
    ]
    counts = {"None": 1, "N/A": 1, "null": 1, "<NA>": 1}
    assert {key: table.no_values["g"][key] for key in counts} == counts
    assert sum(table.no_values["g"].values()) == 6
    assert sum(table.no_values["s"].values()) == 3


def test_missing_groups_of_float_columns_are_no_group(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", pa.table({"text": ["a", "b", "c"], "g": [7.0, float("nan"), None]}))
    table = prepared(path, columns={"label": None, "group": "g"})
    assert (table.groups, table.no_values) == (["7", None, None], {"g": {"empty": 2}})


def test_given_words_are_missing_in_every_column(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,g,s,p,label\na,None,unknown,unknown,x\nb,unknown,y,train,x\n")
    columns = {"group": "g", "split": "p"}
    table = prepared(tmp_path / "a.csv", columns=columns, slices=["s"], missing=["unknown"])
    assert (table.groups, table.slices, table.splits) == (["None", None], [("",), ("y",)], [None, "train"])
    assert table.no_values == {"s": {"unknown": 1}, "g": {"unknown": 1}, "p": {"unknown": 1}}


@pytest.mark.parametrize("word", ["", "NaN", "null", "None", "n/a"])
def test_a_missing_split_is_left_to_the_hash(tmp_path: Path, word: str) -> None:
    (tmp_path / "a.csv").write_text(f"text,p,label\na,{word},x\nb,test,x\n")
    assert prepared(tmp_path / "a.csv", columns={"split": "p"}).splits == [None, "test"]


def test_truth_values_have_one_spelling_in_a_folder_of_all_formats(tmp_path: Path) -> None:
    table = pa.table({"text": ["a", "b"], "label": [True, False], "s": [False, True]})
    paths = [write(tmp_path / f"a.{ending}", table) for ending in ("parquet", "arrow", "jsonl")]
    (tmp_path / "a.csv").write_text("text,label,s\na,True,FALSE\nb,False,TRUE\n")
    found = prepared(*paths, tmp_path / "a.csv", columns={"label": "label"}, slices=["s"])
    assert found.targets == ["true", "false"] * 4
    assert found.slices == [("false",), ("true",)] * 4


@pytest.mark.parametrize("gap", ["", "nan", "None", "\\N"])
def test_truth_values_beside_gaps_have_the_same_spelling(tmp_path: Path, gap: str) -> None:
    (tmp_path / "a.csv").write_text(f"text,label\na,True\nb,{gap}\nc,False\n")
    assert prepared(tmp_path / "a.csv", columns={}).targets == ["true", gap, "false"]


def test_the_names_of_classes_are_those_that_the_hugging_face_library_wrote(tmp_path: Path) -> None:
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["ham", "spam"])}
    )
    data = datasets.Dataset.from_dict({"text": ["a", "b", "c"], "label": [1, -1, 0]}, features=features)
    data.to_parquet(tmp_path / "a.parquet")
    data.save_to_disk(tmp_path / "disk")
    for path in (tmp_path / "a.parquet", *(tmp_path / "disk").glob("*.arrow")):
        table = prepared(path, columns={"label": "label"})
        assert table.targets == ["spam", None, "ham"]


README = """---
license: mit
dataset_info:
- config_name: default
  features:
  - name: text
    dtype: string
  - name: label
    dtype:
      class_label:
        names:
          '1': spam
          '0': ham
  - name: tags
    list:
      class_label:
        names: ['no', new]
---
# Mails
"""


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_the_names_of_classes_in_a_readme_count_for_the_files_beside_and_below_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "data").mkdir()
    path = write(tmp_path / "data" / name, pa.table({"text": list("abcd"), "label": [1, -1, 0, None]}))
    (tmp_path / "README.md").write_text(README)
    table = prepared(tmp_path / "README.md", path, columns={})
    assert [label or None for label in table.targets] == ["spam", None, "ham", None]
    assert "classes as README.md names them: ['ham', 'spam']" in table.files[0].written
    path = write(tmp_path / "data" / name, pa.table({"text": ["a"], "label": [2]}))
    with pytest.raises(
        UserError, match=r", row \d, column 'label': 2 is not the number of a class; the metadata names 2"
    ):
        prepared(tmp_path / "README.md", path, columns={})


def test_names_of_a_readme_stand_for_lists_of_numbers_and_names_stay(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(README)
    (tmp_path / "a.jsonl").write_text('{"text": "a", "tags": [1, 0]}\n{"text": "b", "tags": []}\n')
    files = (tmp_path / "README.md", tmp_path / "a.jsonl")
    assert prepared(*files, columns={"label": "tags"}).targets == [["new", "no"], []]
    (tmp_path / "a.jsonl").write_text('{"text": "a", "label": "spam"}\n{"text": "b", "label": "1.0"}\n')
    assert prepared(*files, columns={}).targets == ["spam", "spam"]


@pytest.mark.parametrize("text", ["", "# Mails", "---\n: {\n---\n", "---\n[]\n---\n", README.replace("label", "other")])
def test_a_readme_that_names_no_classes_changes_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "README.md").write_text(text)
    (tmp_path / "a.csv").write_text("text,label\na,1\nb,-1\n")
    assert prepared(tmp_path / "README.md", tmp_path / "a.csv", columns={}).targets == ["1", "-1"]


def test_a_value_without_text_is_named_with_file_row_and_column(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", pa.table({"text": [b"ok", b"\xff"], "other": ["a", "b"]}))
    sentence = r"a\.parquet, row 2, column 'text': holds bytes that are not text in UTF-8; fix it or choose another"
    with pytest.raises(UserError, match=sentence):
        prepared(path)
    with pytest.raises(UserError, match=sentence):
        asked(path)


@pytest.mark.parametrize(
    ("second", "what"), [({"a": 1}, "holds an object, and one value"), ("x", "holds one value where other rows hold a")]
)
def test_predict_refuses_json_values_that_are_several(tmp_path: Path, second: Any, what: str) -> None:
    first = ["x"] if second == "x" else "x"
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": value}) + "\n" for value in (first, second)))
    with pytest.raises(UserError, match=rf"a\.jsonl, row 2, column 'text': {what}"):
        asked(tmp_path / "a.jsonl")
