"""Small tables in every format, and what a step is given."""

import csv
import gzip
import io
import json
import random
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillhouse.components.prepare.prepare import prepare
from stillhouse.components.prepare.settings import PrepareSettings
from stillhouse.components.tasks.interface.settings import settings_for_name
from stillhouse.components.tracking.run import StepRun

WORDS = [f"word{i}" for i in range(32)]

Columns = Mapping[str, Sequence[Any]]


@pytest.fixture
def texts() -> Callable[..., list[str]]:
    """Makes different texts of 12 words; no two share more than chance has them share."""

    def of(rows: int, seed: int = 0) -> list[str]:
        chance = random.Random(seed)
        return [" ".join(chance.choices(WORDS, k=12)) for _ in range(rows)]

    return of


@pytest.fixture
def table(texts: Callable[..., list[str]]) -> Callable[..., dict[str, list[Any]]]:
    """Makes the columns text and label, with two classes that take turns."""

    def of(rows: int, seed: int = 0) -> dict[str, list[Any]]:
        return {"text": texts(rows, seed), "label": [("ham", "spam")[i % 2] for i in range(rows)]}

    return of


@pytest.fixture
def shuffled() -> Callable[[Columns], dict[str, list[Any]]]:
    """Puts the same rows into another order."""

    def of(columns: Columns) -> dict[str, list[Any]]:
        order = list(range(len(next(iter(columns.values())))))
        random.Random(1).shuffle(order)
        return {name: [values[i] for i in order] for name, values in columns.items()}

    return of


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, Columns], Path]:
    """Writes columns to a file below the test's folder; its suffix tells the format."""

    def to(name: str, columns: Columns) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        if path.suffix == ".parquet":
            pq.write_table(pa.table(dict(columns)), path)
        elif path.suffix in (".arrow", ".feather"):
            data = pa.table(dict(columns))
            new = pa.ipc.new_stream if path.suffix == ".arrow" else pa.ipc.new_file
            with new(path, data.schema) as writer:
                writer.write_table(data)
        elif ".jsonl" in path.suffixes:
            _text(path, "".join(json.dumps(row) + "\n" for row in rows))
        else:
            lines = io.StringIO()
            writer = csv.writer(lines, delimiter="\t" if path.suffix == ".tsv" else ",")
            writer.writerow(columns)
            writer.writerows(row.values() for row in rows)
            _text(path, lines.getvalue())
        return path

    return to


def _text(path: Path, text: str) -> None:
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


@pytest.fixture
def run(tmp_path: Path) -> StepRun:
    return StepRun("prepare", "run-1", tmp_path / "home")


@pytest.fixture
def prepared(tmp_path: Path, run: StepRun) -> Callable[..., dict[str, Any]]:
    """Runs the step on a source with the settings given; the splits as lists of rows beside dataset.json."""

    def on(source: Path, reference: str | None = None, **given: Any) -> dict[str, Any]:
        task = given.pop("task", "text_classification")
        settings = settings_for_name(PrepareSettings, task).model_validate(
            {"source": str(source), "task": task, "min_rows": 1, **given}
        )
        snapshot = json.dumps({"source_digest": "0" * 64, "reference": reference})
        folder = tmp_path / "out" / "dataset"
        prepare(settings, snapshot=snapshot, dataset=folder, card=tmp_path / "out" / "card.html", run=run)
        splits = {path.stem: pq.read_table(path).to_pylist() for path in folder.glob("*.parquet")}
        return {"json": json.loads((folder / "dataset.json").read_text()), **splits}

    return on


@pytest.fixture
def other_tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package whose tasks are those of `other_tasks`, by the names of their classes in lower case."""
    info = tmp_path / "site" / "other-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    points = "".join(f"{name.lower()} = other_tasks:{name}\n" for name in ("Cells", "Pictures", "Tags", "Baskets"))
    (info / "entry_points.txt").write_text(f"[stillhouse.tasks]\n{points}")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.syspath_prepend(Path(__file__).parent)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@pytest.fixture
def no_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """A card without plots, which would take most of the time."""
    monkeypatch.setattr("stillhouse.components.prepare.prepare.write_card", lambda path, *_: path.write_text("card"))


@pytest.fixture
def source(folder: Path) -> Iterator[Path]:
    """An empty folder for data."""
    path = folder / "source"
    path.mkdir()
    yield path
    subprocess.run(["rm", "-r", str(path)], check=True)
