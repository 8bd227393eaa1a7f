"""Whatever a data file holds, prepare writes a whole dataset or nothing and one sentence: no traceback, no hang."""

import gzip
import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from tests.unit.prepare.bad_files import FORMATS, ROWS, SETTINGS, as_jsonl, damaged, odd_rows, whole_or_nothing

TRIED = settings(
    max_examples=settings().max_examples // 2,
    deadline=None,
    derandomize=settings().max_examples == 100,
    suppress_health_check=list(HealthCheck),
)


@TRIED
@given(data=st.data(), name=st.sampled_from(list(FORMATS)), given_settings=st.sampled_from(SETTINGS))
def test_odd_cells_make_a_whole_dataset_or_one_sentence(
    folder: Path, no_card: None, data: st.DataObject, name: str, given_settings: dict[str, Any]
) -> None:
    path = folder / name
    path.write_bytes(FORMATS[name](data.draw(odd_rows())))
    event("refused" if whole_or_nothing(folder, path, **given_settings) else "taken")


@TRIED
@given(data=st.data(), name=st.sampled_from(list(FORMATS)), given_settings=st.sampled_from(SETTINGS))
def test_a_damaged_file_makes_a_whole_dataset_or_one_sentence(
    folder: Path, no_card: None, data: st.DataObject, name: str, given_settings: dict[str, Any]
) -> None:
    path = folder / name
    path.write_bytes(data.draw(damaged(name)))
    event("refused" if whole_or_nothing(folder, path, **given_settings) else "taken")


def test_the_good_file_is_taken_in_every_format(folder: Path, no_card: None) -> None:
    for name, write in FORMATS.items():
        (folder / name).write_bytes(write(ROWS))
        assert whole_or_nothing(folder, folder / name) == "", name


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", b"text,label,text\nx,y,z\n", "column 'text' is there 2 times; give each its own name"),
        ("a.jsonl", b'{"text": "x", "label": 1, "text": "y"}', "row 1: not JSON (the key 'text' is given twice)"),
        ("a.jsonl", b'{"text": ' + b"[" * 100_000, "row 1: lists or objects lie too deep in one another"),
        ("a.jsonl", b'{"text": 1' + b"0" * 5_000 + b"}", "row 1: not JSON (Exceeds the limit"),
        ("a.csv", "text,label\ncafé,ham\n".encode("latin-1"), "a.csv, row 2: cannot be read"),
        ("a.csv", "text,label\ncafé,ham\n".encode("utf-16"), "cannot be read (this is UTF-16); save the file as UTF-8"),
        ("a.jsonl", b'{"text": "caf\xe9", "label": 1}', "row 1: not UTF-8"),
        ("a.csv", b"text,label\n", "0 rows with a label are left of 0 rows"),
        ("a.csv", b"", "Empty CSV file"),
        ("a.jsonl", b"", "0 rows with a label are left of 0 rows"),
        ("a.csv", b"text,label\nx,y\nz\n", "row 3: cannot be read (Expected 2 columns, got 1"),
    ],
    ids=lambda value: str(value[:12]),
)
def test_a_file_that_is_not_well_formed_is_named(source: Path, name: str, content: bytes, sentence: str) -> None:
    (source / name).write_bytes(content)
    assert sentence in whole_or_nothing(source.parent, source)


def test_the_same_column_twice_in_parquet_is_refused(source: Path) -> None:
    pq.write_table(pa.Table.from_arrays([pa.array(["x"])] * 3, ["text", "text", "label"]), source / "a.parquet")
    assert "column 'text' is there 2 times" in whole_or_nothing(source.parent, source)


def test_parquet_whose_texts_are_no_utf8_is_refused(source: Path) -> None:
    texts = pa.array([b"caf\xe9"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"text": texts, "label": ["x"]}), source / "a.parquet")
    assert "save the file as UTF-8" in whole_or_nothing(source.parent, source)


def test_a_line_of_ten_megabytes_is_dropped_and_counted_in_seconds(source: Path, no_card: None) -> None:
    rows = [*ROWS, {"text": "é\n" * 3_000_000, "label": "ham", "kind": ""}]
    (source / "a.jsonl").write_bytes(as_jsonl(rows))
    assert whole_or_nothing(source.parent, source) == ""
    assert json.loads((source.parent / "out" / "dataset" / "dataset.json").read_text())["dropped"] == {"too_long": 1}


@pytest.mark.parametrize("how", ["csv.gz", "jsonl.gz", "dictionary.parquet", "plain.parquet", "zstd.arrow"])
def test_a_bomb_is_refused_within_its_bound_of_memory(source: Path, how: str) -> None:
    path = source / f"a.{how}"
    _write_bomb(path)
    assert path.stat().st_size < 3 << 20
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from stillhouse.components.prepare.read import read\n"
        "from stillhouse.components.prepare.settings import PrepareSettings\n"
        "import pyarrow.csv, pyarrow.parquet\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10\n"
        "settings = PrepareSettings(source='a', task='text_classification', max_memory_gb=0.2)\n"
        "before = peak()\n"
        "try: read([Path(sys.argv[1])], settings)\n"
        "except Exception as error: print(type(error).__name__, peak() - before, error)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=120)
    kind, megabytes, sentence = ended.stdout.split(" ", 2)
    assert (kind, ended.returncode) == ("UserError", 0)
    assert int(megabytes) <= 1228
    assert f"a.{how}: reading it takes more than prepare.max_memory_gb (0.2)" in sentence


def _write_bomb(path: Path) -> None:
    """A file of a few kilobytes or megabytes that holds 300 megabytes."""
    if path.suffix == ".gz":
        row = b"text,label\n" if ".csv" in path.name else b'{"text": "'
        with gzip.open(path, "wb", compresslevel=1) as file:
            file.write(row)
            for _ in range(30):
                file.write((b"a" * 999 + (b",x\n" if ".csv" in path.name else b"a")) * 10_000)
        return
    text = "a" * (1 << 20)
    texts = pa.array([text]).take(pa.array([0] * 300))
    table = pa.table({"text": texts, "label": ["x"] * 300})
    if path.suffix == ".arrow":
        with pa.ipc.new_file(path, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
            writer.write_table(table)
    else:
        limit = {"dictionary_pagesize_limit": 1 << 30} if "dictionary" in path.name else {"use_dictionary": False}
        pq.write_table(table, path, compression="zstd", write_statistics=False, **limit)


def test_the_bound_of_memory_ends_with_the_reading(source: Path, no_card: None) -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    (source / "a.jsonl").write_bytes(as_jsonl(ROWS))
    assert whole_or_nothing(source.parent, source) == ""
    assert resource.getrlimit(resource.RLIMIT_AS) == before


@pytest.mark.parametrize(
    "labels",
    [
        pa.array([2**62], pa.timestamp("us")),
        pa.array([{"a": 1}]),
        pa.array([b"\xff"], pa.binary()),
        pa.array([[{"a": 1}]]),
        pa.array([[[1]]]),
        pa.array([2**30], pa.date32()),
        pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())),
        pa.array([None], pa.null()),
    ],
    ids=lambda value: str(value.type),
)
def test_labels_of_an_odd_type_are_one_sentence(source: Path, labels: pa.Array) -> None:
    pq.write_table(pa.table({"text": ["x"], "label": labels}), source / "a.parquet")
    assert whole_or_nothing(source.parent, source) != ""
