from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from stillhouse.components.prepare.settings import PrepareSettings
from stillhouse.components.tasks.interface.columns import Columns
from stillhouse.errors import UserError
from stillhouse.pipelines.recipes.check_source import check_source

TABLE = pa.table({"text": ["a"], "label": ["b"]})


def settings_for(source: Path | str, label: str = "label") -> PrepareSettings:
    return PrepareSettings(source=str(source), task="text_classification", columns=Columns(label=label))


def place(key: tuple[str, ...]) -> str:
    return f"line of {'.'.join(key)}"


WRITERS: dict[str, Callable[[Path], None]] = {
    "a.parquet": lambda path: parquet.write_table(TABLE, path),
    "a.csv": lambda path: csv.write_csv(TABLE, path),
    "a.csv.gz": lambda path: csv.write_csv(TABLE, pa.CompressedOutputStream(str(path), "gzip")),
    "a.tsv": lambda path: csv.write_csv(TABLE, path, csv.WriteOptions(delimiter="\t")),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_missing_column_is_found_from_the_head_of_each_format(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name)
    check_source(settings_for(tmp_path / name), place)
    with pytest.raises(UserError, match=r"^line of data.columns.label: data.columns.label names 'lable'"):
        check_source(settings_for(tmp_path / name, "lable"), place)


@pytest.mark.parametrize("name", ["{scheduled_time:%Y-%m-%d}", "in/{since_last_promoted}/a.csv"])
def test_of_a_source_with_times_the_folder_above_them_must_be_there(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"^line of data.source: there is no file or folder"):
        check_source(settings_for(tmp_path / "mails" / name), place)
    (tmp_path / "mails" / "in").mkdir(parents=True)
    check_source(settings_for(tmp_path / "mails" / name), place)


@pytest.mark.parametrize("folder", ["mails", "s3://bucket"])
def test_an_unknown_placeholder_is_named_where_it_stands(folder: str) -> None:
    with pytest.raises(UserError, match=r"^line of data.source: source '.*': there is no \{date\}; use \{scheduled"):
        check_source(settings_for(f"{folder}/{{date}}"), place)


def test_a_folder_is_judged_by_its_first_table(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("about")
    csv.write_csv(TABLE, tmp_path / "b.csv")
    with pytest.raises(UserError, match=r"b\.csv lacks; it has: text, label"):
        check_source(settings_for(tmp_path, "zzz"), place)


def test_a_file_url_is_a_local_source(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no file or folder"):
        check_source(settings_for(f"file://{tmp_path}/none.csv"), place)


@pytest.mark.parametrize("source", ["s3://bucket/a.csv", "hf://owner/name"])
def test_other_addresses_are_left_to_the_steps(source: str) -> None:
    check_source(settings_for(source), place)


@pytest.mark.parametrize(("name", "content"), [("a.parquet", "no parquet"), ("a.csv", ""), ("a.jsonl", "{}")])
def test_what_the_head_does_not_tell_is_left_to_prepare(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    check_source(settings_for(tmp_path / name), place)


def test_file_names_as_splits_are_no_column(tmp_path: Path) -> None:
    csv.write_csv(TABLE, tmp_path / "train.csv")
    columns = Columns(label="label", split="<file name>")
    check_source(PrepareSettings(source=str(tmp_path), task="text_classification", columns=columns), place)
