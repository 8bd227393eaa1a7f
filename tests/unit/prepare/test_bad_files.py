"""Whatever a data file holds, prepare writes a whole dataset or nothing and one sentence: no traceback, no hang."""

import gzip
import json
import math
import os
import pickle
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from stillhouse.components.prepare.prepare import prepare
from stillhouse.components.prepare.settings import PrepareSettings
from stillhouse.components.storage.sources import list_source
from stillhouse.components.tracking.run import StepRun
from stillhouse.errors import UserError

TRIED = settings(
    max_examples=settings().max_examples // 2,
    deadline=None,
    derandomize=settings().max_examples == 100,
    suppress_health_check=list(HealthCheck),
)
MAX_SECONDS = 20.0
NUM_ROWS = 40

ROWS: list[dict[str, Any]] = [
    {
        "text": " ".join(f"word{(7 * i + j * j) % 97}" for j in range(10)),
        "label": ("ham", "spam")[i % 2],
        "kind": "mail",
    }
    for i in range(NUM_ROWS)
]

ODD: list[Any] = [
    None,
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "\u202eabc",
    "a\r\nb",
    '"',
    ",",
    "NaN",
    "nan",
    "Infinity",
    "-inf",
    "1e400",
    math.nan,
    math.inf,
    -math.inf,
    10**30,
    10**400,
    -(2**63) - 1,
    0.1,
    True,
    [],
    [[]],
    ["a", None],
    ["a", 1, 2.5],
    {},
    {"a": {"b": 1}},
    "train",
    "a|b",
    "|",
    "é" * 50,
    "\x1b[31m",
    "x" * 2000,
]
NAMES = ["text", "label", "kind", "", "\0", "Text", "a\nb", "\ud800", "x" * 300]
SETTINGS: list[dict[str, Any]] = [
    *[{}] * 4,
    {"target": "number"},
    {"target": "multi_label"},
    {"target": "classes", "columns": {"text": ["text", "kind"]}},
    {"columns": {"split": "kind"}},
    {"columns": {"group": "kind"}, "slices": ["kind"]},
    {"columns": {"label": None}},
    {"columns": {"split": "<file name>"}},
    {"max_characters": 60, "mask_pii": True},
    {"columns": {"text": ["text", "text"], "label": "text"}},
]


@st.composite
def odd_rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """The rows with odd values in some of their cells, and odd names in some of them."""
    rows = [dict(row) for row in ROWS]
    for _ in range(draw(st.integers(1, 3))):
        value = draw(st.sampled_from(ODD) | st.text(max_size=6))
        name = draw(st.sampled_from([*NAMES[:3] * 5, *NAMES]))
        one = draw(st.integers(0, NUM_ROWS - 1))
        for row in rows if draw(st.sampled_from([False, False, True])) else [rows[one]]:
            row[name] = value
    return rows


def as_jsonl(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def as_csv(rows: list[dict[str, Any]]) -> bytes:
    """With quotes around nothing, so that odd cells break out of theirs."""
    lines = [",".join(rows[0]), *(",".join(str(value) for value in row.values()) for row in rows)]
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def as_tsv(rows: list[dict[str, Any]]) -> bytes:
    return as_csv(rows).replace(b",", b"\t")


def as_table(rows: list[dict[str, Any]]) -> pa.Table:
    """Columns of whatever type pyarrow finds for them; as bytes, unchecked, what it finds none for."""
    columns = {}
    for name in rows[0]:
        values = [row.get(name) for row in rows]
        try:
            column = pa.array(values)
        except (pa.ArrowException, OverflowError, ValueError):
            texts = pa.array([str(value).encode("utf-8", "surrogatepass") for value in values], pa.binary())
            column = texts.view(pa.string())  # may be no UTF-8
        columns[name.encode("utf-8", "replace").decode()] = column
    return pa.table(columns)


def as_parquet(rows: list[dict[str, Any]]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(as_table(rows), sink)
    return sink.getvalue().to_pybytes()


def as_arrow(rows: list[dict[str, Any]]) -> bytes:
    sink, table = pa.BufferOutputStream(), as_table(rows)
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def as_gzip(rows: list[dict[str, Any]]) -> bytes:
    return gzip.compress(as_jsonl(rows))


FORMATS: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
    "train.csv": as_csv,
    "train.tsv": as_tsv,
    "train.jsonl": as_jsonl,
    "train.jsonl.gz": as_gzip,
    "train.parquet": as_parquet,
    "train.arrow": as_arrow,
}


@st.composite
def damaged(draw: st.DrawFn, name: str) -> bytes:
    """A good file cut off, with bytes over it, a part of it twice, in another encoding, or of another format."""
    data = FORMATS[draw(st.sampled_from([name, name, name, *FORMATS]))](ROWS)
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.binary(max_size=8)) + data[at + draw(st.integers(0, 8)) :]
    kind = draw(st.sampled_from([*["as it is"] * 6, "cut", "doubled", "encoded", "mark", "empty", "header"]))
    if kind == "cut":
        data = data[: draw(st.integers(0, len(data)))]
    elif kind == "doubled":
        data += data
    elif kind == "encoded":
        data = data.decode("utf-8", "replace").encode(
            draw(st.sampled_from(["utf-16", "utf-32", "latin-1", "cp1252"])), "replace"
        )
    elif kind == "mark":
        data = draw(st.sampled_from([b"\xef\xbb\xbf", b"\xff\xfe", b"\0", b"\n", b"PAR1", b"ARROW1"])) + data
    elif kind in ("empty", "header"):
        data = data.partition(b"\n")[0] if kind == "header" else b""
    return data


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@pytest.fixture
def no_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """A card without plots, which would take most of the time."""
    monkeypatch.setattr("stillhouse.components.prepare.prepare.write_card", lambda path, *_: path.write_text("card"))


def whole_or_nothing(folder: Path, source: Path, **given: Any) -> str:
    """The sentence with which the source is refused; empty when a whole dataset came of it."""
    parsed = PrepareSettings.model_validate(
        {"source": str(source), "task": "text_classification", "min_rows": 1, "max_dropped": 1, **given}
    )
    out = folder / "out"
    dataset, card = out / "dataset", out / "card.html"
    for path in out.glob("*"):
        subprocess.run(["rm", "-r", str(path)], check=True)
    out.mkdir(exist_ok=True)
    begun, sentence = time.monotonic(), ""
    try:
        list_source(str(source))
        prepare(parsed, snapshot="{}", dataset=dataset, card=card, run=StepRun("prepare", "run", folder / "home"))
    except UserError as error:
        sentence = str(error)
        assert str(source.parent)[:40] in sentence, sentence
        assert sentence.isprintable() and len(sentence) <= 1201, sentence
        assert sentence.endswith((".", "?")), sentence
        assert list(out.iterdir()) == []
    else:
        described = json.loads((dataset / "dataset.json").read_text())
        rows = {path.stem: pq.read_metadata(path).num_rows for path in dataset.glob("*.parquet")}
        assert described["rows"] == rows
        assert sum(rows.values()) + sum(described["dropped"].values()) == described["read"]
        assert sorted(path.name for path in out.iterdir()) == ["card.html", "dataset"]
    assert time.monotonic() - begun < MAX_SECONDS
    return sentence


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


@pytest.fixture
def source(folder: Path) -> Iterator[Path]:
    """An empty folder for data."""
    path = folder / "source"
    path.mkdir()
    yield path
    subprocess.run(["rm", "-r", str(path)], check=True)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", b"text,label,text\nx,y,z\n", "column 'text' is there 2 times; give each its own name"),
        ("a.jsonl", b'{"text": "x", "label": 1, "text": "y"}', "row 1: no JSON (the key 'text' is given twice)"),
        ("a.jsonl", b'{"text": ' + b"[" * 100_000, "row 1: lists or objects lie too deep in one another"),
        ("a.jsonl", b'{"text": 1' + b"0" * 5_000 + b"}", "row 1: no JSON (Exceeds the limit"),
        ("a.csv", "text,label\ncafé,ham\n".encode("latin-1"), "a.csv, row 2: cannot be read"),
        ("a.csv", "text,label\ncafé,ham\n".encode("utf-16"), "cannot be read (this is UTF-16); save the file as UTF-8"),
        ("a.jsonl", b'{"text": "caf\xe9", "label": 1}', "row 1: no UTF-8"),
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
    assert f"a.{how}: reading it takes more than max_memory_gb (0.2)" in sentence


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


def _make_pipe(path: Path) -> None:
    os.mkfifo(path)


def _make_socket(path: Path) -> None:
    os.chdir(path.parent)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path.name)


def _make_link_out(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def _make_device_link(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _make_circle(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (_make_pipe, "'b.csv' is a pipe, a socket or a device; take it out"),
        (_make_socket, "'b.csv' is a pipe, a socket or a device; take it out"),
        (_make_link_out, "'b.csv' is a link out of the folder"),
        (_make_device_link, "'b.csv' is a link out of the folder"),
        (_make_circle, "'b.csv' is a link out of the folder"),
    ],
)
def test_a_folder_with_something_that_is_no_file_of_its_own_is_refused_unread(
    source: Path, make: Callable[[Path], None], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(source)
    (source / "a.jsonl").write_bytes(as_jsonl(ROWS))
    make(source / "b.csv")
    assert sentence in whole_or_nothing(source.parent, source)


@pytest.mark.parametrize("name", ["/dev/zero", "pipe.csv"])
def test_a_source_that_is_no_file_is_refused_unread(source: Path, name: str) -> None:
    path = source / name
    if not path.exists():
        os.mkfifo(path)
    with pytest.raises(UserError, match="is a pipe, a socket or a device; name a file or a folder"):
        list_source(str(path))


def test_a_folder_named_like_a_file_is_a_folder(source: Path, no_card: None) -> None:
    (source / "a.csv").mkdir()
    (source / "a.csv" / "b.jsonl").write_bytes(as_jsonl(ROWS))
    assert whole_or_nothing(source.parent, source) == ""
    assert whole_or_nothing(source.parent, source / "a.csv") == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give its rights away for a while")
@pytest.mark.parametrize("closed", ["a.jsonl", "below"])
def test_what_may_not_be_read_is_named_and_never_left_out(source: Path, closed: str) -> None:
    (source / "a.jsonl").write_bytes(as_jsonl(ROWS))
    (source / "below").mkdir()
    (source / "below" / "b.jsonl").write_bytes(as_jsonl(ROWS))
    (source / closed).chmod(0)
    opened = [path for path in source.parents if path.stat().st_uid == 0 and not path.stat().st_mode & 1]
    for path in opened:
        path.chmod(0o711)
    (source).chmod(0o755)
    try:
        os.seteuid(65534)
        with pytest.raises(UserError, match=rf"cannot (read|look into) '.*{closed}': Permission denied"):
            list_source(str(source))
    finally:
        os.seteuid(0)
        for path in opened:
            path.chmod(0o700)


@pytest.mark.parametrize("name", ["data_batch_1", "batches.meta", "rows.pkl", "rows.joblib", "rows.npy", "rows.pt"])
def test_a_pickle_is_refused_unread(source: Path, name: str) -> None:
    marker = source / "marker"

    class Harm:
        def __reduce__(self) -> tuple[Any, ...]:
            return marker.touch, ()

    data = pickle.dumps(Harm(), protocol=2)
    head = {".npy": b"\x93NUMPY\x01\x00", ".pt": b"PK\x03\x04"}.get(Path(name).suffix, b"")
    (source / name).write_bytes(head + data)
    assert "this is a pickle or may hold one, which runs code when it is read" in whole_or_nothing(
        source.parent, source
    )
    assert not marker.exists()


def test_an_arrow_file_with_a_pickled_type_is_read_without_it(source: Path, no_card: None) -> None:
    marker = source.parent / "marker"

    class Harm:
        def __reduce__(self) -> tuple[Any, ...]:
            return marker.touch, ()

    planted = {"ARROW:extension:name": "arrow.py_extension_type", "ARROW:extension:metadata": pickle.dumps(Harm())}
    table = as_table(ROWS)
    fields = [pa.field("text", pa.string(), metadata=planted), *(table.schema.field(i) for i in (1, 2))]
    with pa.ipc.new_file(source / "a.arrow", pa.schema(fields)) as writer:
        writer.write_table(table.cast(pa.schema(fields)))
    assert whole_or_nothing(source.parent, source) == ""
    assert not marker.exists()


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
