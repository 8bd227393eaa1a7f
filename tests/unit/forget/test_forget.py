"""Rows that no dataset holds any more, whatever kind of problem they are of, and the models that learnt from them."""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from safetensors.numpy import save_file
from typer.testing import CliRunner

from stillhouse.components.artifacts.forgotten import FORGOTTEN, forgotten_rows
from stillhouse.components.artifacts.known_rows import put_known_rows
from stillhouse.components.artifacts.promotion_record import Entry, change
from stillhouse.components.forget.__main__ import app
from stillhouse.components.forget.forget import forget
from stillhouse.components.prepare.prepare import prepare
from stillhouse.components.prepare.settings import PrepareSettings
from stillhouse.components.storage.home import local_store
from stillhouse.components.tasks.interface.settings import settings_for_name
from stillhouse.components.tracking.run import StepRun
from stillhouse.errors import UserError

Rows = Sequence[dict[str, Any]]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("STILLHOUSE_STORE", raising=False)
    return tmp_path / "home"


def written(path: Path, rows: Rows) -> Path:
    if path.suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def prepared(folder: Path, source: Path, task: str, **settings: Any) -> Path:
    """A dataset, as the step makes it."""
    easy = {"min_rows": 1, "min_rows_per_label": 1, "near_duplicates": 1.0}
    given = {"source": str(source), "task": task, **easy, **settings}
    parsed = settings_for_name(PrepareSettings, task).model_validate(given)
    run = StepRun("prepare", "run", folder.parent / "home")
    prepare(parsed, snapshot="{}", dataset=folder, card=folder.parent / "card", run=run)
    return folder


def promoted(name: str, dataset: Path, digest: str) -> None:
    """A model of the dataset is the champion."""
    store, folder = local_store(), dataset.parent / digest
    known = json.loads((dataset / "dataset.json").read_text())
    folder.mkdir()
    (folder / "model.json").write_text(json.dumps({**known, "dataset_digest": known["content_digest"]}))
    store.put_folder(folder, f"models/{digest}")
    put_known_rows(store, digest, dataset, [])
    places = {"uri": "u", "statistics_uri": "s", "run": "r", "promoted_at": "2026-01-01T00:00:00+00:00"}
    entry = Entry(version=digest[0], digest=digest, dataset_digest="d", **places)
    change(store, name, lambda record: record.promoted(entry))


def dropped(dataset: Path) -> dict[str, int]:
    return json.loads((dataset / "dataset.json").read_text())["dropped"]


def held(dataset: Path) -> list[dict[str, Any]]:
    """All rows of a dataset."""
    splits = ("train", "validation", "test", "unlabelled")
    return [row for split in splits for row in pq.read_table(dataset / f"{split}.parquet").to_pylist()]


def texts(tmp_path: Path) -> tuple[Path, Path, dict[str, Any], Callable[[dict[str, Any]], Any]]:
    rows = [{"text": f" Mail  number {i} ", "label": ("ham", "spam")[i % 2]} for i in range(60)]
    asked = [{"text": row["text"].strip()} for row in rows[:7]]  # no label, and written otherwise
    return written(tmp_path / "a.csv", rows), written(tmp_path / "f.jsonl", asked), {}, lambda row: row["text"]


def cells(tmp_path: Path) -> Any:
    rows = [{"age": i, "town": f"t{i % 5}", "label": "ab"[i % 2], "list": "xy"[i % 2]} for i in range(60)]
    asked = [{name: row[name] for name in ("town", "age")} for row in rows[:7]]  # in another order, numbers as numbers
    source = written(tmp_path / "a.csv", rows)
    return source, written(tmp_path / "f.jsonl", asked), {"slices": ["list"]}, lambda row: int(row["features"]["age"])


def tags(tmp_path: Path) -> Any:
    rows = [{"tokens": ["Ann", f"w{i}"], "tags": ["B-PER", "O"]} for i in range(60)]
    source = written(tmp_path / "a.jsonl", rows)
    return source, written(tmp_path / "f.jsonl", rows[:7]), {}, lambda row: row["tokens"][1]


def histories(tmp_path: Path) -> Any:
    rows = [{"user": f"u{i % 60}", "item": f"i{i % 7}", "time": i} for i in range(240)]
    source = written(tmp_path / "a.csv", rows)
    asked = [{**row, "time": 0} for row in rows[:7]]  # one of many items each: the user is what is forgotten
    return source, written(tmp_path / "f.csv", asked), {}, lambda row: row["user"]


def pictures(tmp_path: Path) -> Any:
    for i in range(60):
        for folder in ("data", *(["asked"] if i < 7 else [])):
            path = tmp_path / folder / "ab"[i % 2] / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((4, 4, 3), 4 * i, np.uint8)).save(path)
    return tmp_path / "data", tmp_path / "asked", {}, lambda row: row["image"]


KINDS = {
    "text_classification": texts,
    "tabular": cells,
    "token_classification": tags,
    "recommendation": histories,
    "image_classification": pictures,
}


@pytest.mark.parametrize("task", KINDS)
def test_of_every_kind_given_rows_are_in_no_later_dataset(task: str, tmp_path: Path, home: Path) -> None:
    source, asked, settings, name = KINDS[task](tmp_path)
    first = prepared(tmp_path / "first", source, task, **settings)
    promoted("m", first, "1" * 64)
    learnt = {split: pq.read_table(first / f"{split}.parquet").num_rows for split in ("train", "validation", "test")}

    said = list(forget(asked, local_store(), home))
    second = prepared(tmp_path / "second", source, task, **settings)

    assert said[0] == f"7 rows of {asked} are forgotten: no dataset that is made from now on holds them."
    before, after = ({str(name(row)) for row in held(dataset)} for dataset in (first, second))
    assert (len(before - after), after <= before) == (7, True)
    assert dropped(second) == dropped(first) | {"forgotten": 7}
    tested = {str(name(row)) for row in pq.read_table(first / "test.parquet").to_pylist()} & (before - after)
    assert learnt["test"] > 0
    title = "Version 1 of 'm', in production, the anchor of the next candidates"
    assert said[1] == f"{title}, has learnt from {7 - len(tested)} of them."


@pytest.fixture
def forgetful(tmp_path: Path) -> tuple[Path, Path]:
    """A store whose champion has learnt from texts; its source, and rows of it to be forgotten."""
    source, asked, *_ = texts(tmp_path)
    promoted("m", prepared(tmp_path / "first", source, "text_classification"), "1" * 64)
    return source, asked


def test_when_nothing_knows_them_any_more_it_says_so(forgetful: tuple[Path, Path], tmp_path: Path, home: Path) -> None:
    source, asked = forgetful
    store = local_store()
    list(forget(asked, store, home))
    listed = store.get(FORGOTTEN)
    promoted("m", prepared(tmp_path / "second", source, "text_classification"), "2" * 64)

    _, previous = forget(asked, store, home)
    assert previous.startswith("Version 1 of 'm', the way back of `stillhouse rollback m`, the anchor of the next ")
    promoted("m", tmp_path / "second", "3" * 64)
    for _ in range(2):  # it is the anchor, too, and the one before
        change(store, "m", lambda record: record.promoted(record.roles["champion"], record.champion))
    _, kept = forget(asked, store, home)
    assert kept.startswith("The model 111111111111, in the store until `stillhouse sweep` removes it, has learnt from ")
    store.delete("models/" + "1" * 64)

    assert list(forget(asked, store, home))[1:] == [
        f"Nothing in production or in {store.url} has learnt from any of them."
    ]
    assert store.get(FORGOTTEN) == listed


def test_what_runs_have_left_is_named(forgetful: tuple[Path, Path], home: Path) -> None:
    store = local_store()
    store.put("checkpoints/abc/state", b"x")

    assert list(forget(forgetful[1], store, home))[-1] == (
        f"What runs have left may still hold them, until `stillhouse sweep` removes it: {store.url}/checkpoints."
    )


def test_another_cleaning_lets_no_forgotten_row_in(forgetful: tuple[Path, Path], tmp_path: Path, home: Path) -> None:
    source, _ = forgetful
    list(forget(source, local_store(), home))

    with pytest.raises(UserError, match="0 rows with a label are left of 60 rows"):
        prepared(tmp_path / "second", source, "text_classification", mask_pii=True, max_characters=50)


def test_the_list_holds_no_plain_hashes(forgetful: tuple[Path, Path], tmp_path: Path, home: Path) -> None:
    plain = np.concatenate([np.array([int(row["hash"][:16], 16)], np.uint64) for row in held(tmp_path / "first")])
    list(forget(forgetful[0], local_store(), home))

    found = forgotten_rows(local_store())
    assert found is not None
    assert not np.isin(found.hashes, plain.view(np.int64)).any()
    assert found.holds(plain.view(np.int64)).all()


def test_many_forgotten_rows_are_not_a_sign_of_a_bad_source(
    forgetful: tuple[Path, Path], tmp_path: Path, home: Path
) -> None:
    list(forget(forgetful[1], local_store(), home))

    assert dropped(prepared(tmp_path / "d", forgetful[0], "text_classification", max_dropped=0.01)) == {"forgotten": 7}


def test_a_model_of_an_earlier_release_is_named_by_the_hashes_in_its_folder(
    forgetful: tuple[Path, Path], tmp_path: Path, home: Path
) -> None:
    store, digest = local_store(), "1" * 64
    seen = [row["hash"] for row in pq.read_table(tmp_path / "first" / "train.parquet").to_pylist()]
    hashes = np.array([int(one[:16], 16) for one in seen], np.uint64).view(np.int64)
    save_file({"hashes": hashes}, tmp_path / digest / "training_rows.safetensors")
    store.delete(f"models/{digest}")
    store.put_folder(tmp_path / digest, f"models/{digest}")
    store.delete("rows")

    assert f"has learnt from {len(seen)} of them." in list(forget(forgetful[0], store, home))[1]


def test_what_cannot_be_told_of_a_model_is_said(forgetful: tuple[Path, Path], home: Path) -> None:
    store = local_store()
    store.delete("rows")

    (told,) = list(forget(forgetful[1], store, home))[1:]
    assert told.startswith("Version 1 of 'm', in production, ")
    assert "whether it has learnt from them is not known ('" in told


def test_without_the_key_nobody_forgets_and_no_dataset_is_made(
    forgetful: tuple[Path, Path], tmp_path: Path, home: Path
) -> None:
    list(forget(forgetful[1], local_store(), home))
    local_store().delete("keys/rows")

    lost = r"keys/rows', the key that '.*forgotten/rows' was written with, is gone; copy it back, or remove '"
    with pytest.raises(UserError, match=lost):
        list(forget(forgetful[1], local_store(), home))
    with pytest.raises(UserError, match=lost):
        prepared(tmp_path / "second", forgetful[0], "text_classification")
    assert not (tmp_path / "second").exists()


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([{"body": "x"}], r"f\.jsonl, row 1: column 'text' is missing"),
        ([], "holds no rows; name a file with those that are to be forgotten"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_sentence_and_forgets_nothing(
    forgetful: tuple[Path, Path], tmp_path: Path, home: Path, rows: Rows, sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        list(forget(written(tmp_path / "f.jsonl", rows), local_store(), home))
    assert forgotten_rows(local_store()) is None


def test_the_command_says_a_mistake_on_stderr_with_exit_code_2(tmp_path: Path) -> None:
    asked = written(tmp_path / "f.jsonl", [{"text": "x"}])
    ended = CliRunner().invoke(app, [str(asked), "--home", str(tmp_path / "home")])

    assert (ended.exit_code, ended.stdout) == (2, "")
    assert "holds no model, and without one nothing says how rows are read" in ended.stderr
