"""Data files as they should not be, and what prepare may make of them."""

import gzip
import json
import math
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from stillhouse.components.prepare.prepare import prepare
from stillhouse.components.prepare.settings import PrepareSettings
from stillhouse.components.storage.sources import list_source
from stillhouse.components.tracking.run import StepRun
from stillhouse.errors import UserError

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
