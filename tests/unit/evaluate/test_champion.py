"""Which champion is compared, on which rows, and what is said of one that is not."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file, save_file

from stillhouse.components.artifacts.dataset import read_split
from stillhouse.components.artifacts.known_rows import put_known_rows
from stillhouse.components.artifacts.spec import read_spec
from stillhouse.components.evaluate.champion import Champion, open_champion
from stillhouse.components.storage.home import local_store
from stillhouse.components.storage.row_key import row_key
from stillhouse.components.tasks import task_of


def entry_of(folder: Path, version: str | None = "3") -> str:
    return json.dumps({"version": version, "digest": "d" * 64, "uri": str(folder)})


def find(workplace: Any, folder: Path, version: str | None = "3", **card: Any) -> Champion:
    dataset = workplace.folder / "dataset"
    spec = read_spec(dataset).model_copy(update=card)
    champion = open_champion(entry_of(folder, version), task_of(spec), read_split(dataset, "test"))
    assert champion
    return champion


def change_info(folder: Path, **values: Any) -> Path:
    info = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(info | values))
    return folder


@pytest.fixture(scope="module")
def model(workplace: Any) -> Path:
    """A champion that has seen none of the test rows."""
    return workplace.write_model("a-champion", saw=0)


def test_without_a_champion_there_is_nothing_to_say() -> None:
    assert open_champion("", None, None) is None  # type: ignore[arg-type]


def test_rows_of_its_training_are_told_from_unseen_ones(workplace: Any) -> None:
    champion = find(workplace, workplace.write_model("seen-15", saw=15))

    assert champion.ground is not None
    assert np.flatnonzero(~champion.rows).tolist() == list(range(15))
    assert champion.why_not == ""


@pytest.fixture
def of_the_store(workplace: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Path) -> Path:
    """A champion without hashes in its folder: the store says, under its key, that it saw the first 12 test rows."""
    monkeypatch.setenv("STILLHOUSE_STORE", str(tmp_path / "store"))
    folder = Path(shutil.copytree(model, tmp_path / "model"))
    (folder / "training_rows.safetensors").unlink()
    seen = read_split(workplace.folder / "dataset", "test").hashes[:12]
    save_file({"labelled": seen, "unlabelled": seen[:0]}, tmp_path / "learnt_rows.safetensors")
    put_known_rows(local_store(), "d" * 64, tmp_path, [])
    return folder


def test_rows_that_the_store_says_it_learnt_from_are_left_out(workplace: Any, of_the_store: Path) -> None:
    champion = find(workplace, of_the_store)

    assert np.flatnonzero(~champion.rows).tolist() == list(range(12))


def test_one_whose_rows_were_hashed_with_a_lost_key_is_not_compared(workplace: Any, of_the_store: Path) -> None:
    local_store().delete("keys/rows")
    gone = find(workplace, of_the_store).why_not
    row_key(local_store())
    another = find(workplace, of_the_store).why_not

    assert gone.startswith("which test rows it never saw is not known ('") and "is gone; copy it back)" in gone
    assert "keys/rows' is not the key that '" in another


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        (["eggs", "phish"], "it answers with 'eggs', 'phish', the data hold 'ham', 'spam'; no label is one of both"),
        (
            ["ham", "phish"],
            "it answers with 'ham', 'phish', the data hold 'ham', 'spam'; only 'ham' is a label of both",
        ),
        (["Spam", "ham"], "it answers with 'Spam', 'ham', the data hold 'ham', 'spam'; only 'ham' is a label of both"),
    ],
    ids=["another recipe of the same name", "renamed", "another spelling"],
)
def test_one_that_shares_fewer_than_two_labels_cannot_be_compared(
    workplace: Any, tmp_path: Path, model: Path, labels: list[str], why: str
) -> None:
    folder = change_info(Path(shutil.copytree(model, tmp_path / "model")), labels=labels)

    champion = find(workplace, folder)

    assert (champion.folder, champion.why_not) == (None, why)


@pytest.mark.parametrize(
    ("theirs", "card", "why"),
    [
        (
            {"target": "number", "labels": []},
            {},
            "it answers with numbers, the data hold one of several labels ('ham', 'spam')",
        ),
        (
            {},
            {"target": "multi_label"},
            "it answers with one of several labels ('ham', 'spam'), the data hold sets of labels ('ham', 'spam')",
        ),
        (
            {"task": "token_classification"},
            {},
            "it is a model of the task token_classification, and the data are of text_classification",
        ),
    ],
    ids=["numbers turned classes", "classes turned sets", "another task"],
)
def test_one_that_answers_another_question_cannot_be_compared(
    workplace: Any, tmp_path: Path, model: Path, theirs: dict[str, Any], card: dict[str, Any], why: str
) -> None:
    folder = change_info(Path(shutil.copytree(model, tmp_path / "model")), **theirs)

    assert find(workplace, folder, **card).why_not == why


def test_one_that_saw_every_test_row_cannot_be_compared(workplace: Any) -> None:
    champion = find(workplace, workplace.write_model("seen-all", saw=40), version=None)

    assert (champion.name, champion.why_not) == ("champion", "it was trained on every one of the test rows")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda folder: shutil.rmtree(folder), "its model cannot be read (model folder '"),
        (lambda folder: (folder / "model.json").unlink(), "its model cannot be read ("),
        (lambda folder: (folder / "model.json").write_text("{"), "its model cannot be read ("),
        (
            lambda folder: (folder / "training_rows.safetensors").write_bytes(b"x" * 9),
            "which test rows it never saw is not known (its training_rows.safetensors cannot be read (",
        ),
        (
            lambda folder: (folder / "training_rows.safetensors").unlink(),
            "which test rows it never saw is not known ('",
        ),
        (lambda folder: os.truncate(folder / "model.safetensors", 2000), "its model cannot be read ("),
    ],
    ids=["gone", "no model.json", "torn model.json", "torn rows", "no rows", "torn weights"],
)
def test_one_that_cannot_be_read_is_said_and_fails_nothing(
    workplace: Any, tmp_path: Path, model: Path, spoil: Any, why: str
) -> None:
    folder = Path(shutil.copytree(model, tmp_path / "model"))
    spoil(folder)

    champion = find(workplace, folder)

    assert champion.folder is None
    assert champion.why_not.startswith(why)


def test_weights_that_cannot_be_loaded_leave_the_report_of_all_others(
    workplace: Any, tmp_path: Path, model: Path, evaluate: Any
) -> None:
    folder = Path(shutil.copytree(model, tmp_path / "model"))
    weights = load_file(folder / "model.safetensors")
    weights["nameless"] = weights.pop(next(name for name in weights if name.endswith("query.weight")))
    save_file(weights, folder / "model.safetensors", {"format": "pt"})

    done = evaluate(workplace, champion=entry_of(folder))

    about = done.document["champion"]
    assert not about["compared"]
    assert about["why_not"].startswith("its model cannot be loaded and asked (")
    assert set(done.document["models"]) == {"student", "teacher", "tfidf_logistic", "majority"}
    assert "The champion (version 3) cannot be compared: its model cannot be loaded" in done.document["notes"][-1]
    assert "it cannot be compared" in done.page


def test_answers_that_are_not_finite_are_no_comparison(
    workplace: Any, tmp_path: Path, model: Path, evaluate: Any
) -> None:
    from safetensors.numpy import load_file, save_file

    folder = Path(shutil.copytree(model, tmp_path / "model"))
    weights = load_file(folder / "model.safetensors")
    weights["classifier.bias"][:] = np.nan
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})

    about = evaluate(workplace, champion=entry_of(folder)).document["champion"]

    assert not about["compared"]
    assert "not finite" in about["why_not"]


def test_other_text_columns_are_said(workplace: Any, tmp_path: Path, model: Path) -> None:
    folder = change_info(Path(shutil.copytree(model, tmp_path / "model")), columns={"text": ["subject", "body"]})

    champion = find(workplace, folder, columns={"text": ["body"]})

    assert champion.note == "The champion (version 3) learnt texts of subject, body; here it answers texts of body."


@pytest.fixture(scope="module")
def three(make_workplace: Any) -> Any:
    """Data with a third label, 'hardware', on the last rows of each split; student and teacher know it."""
    place = make_workplace()
    for split in ("train", "validation", "test"):
        table = pq.read_table(place.folder / "dataset" / f"{split}.parquet")
        labels = [1 if old else 0 for old in table["label"].to_pylist()]
        labels = [{0: 0, 1: 2}[old] for old in labels[:-5]] + [1] * 5
        column = table.column_names.index("label")
        changed = table.set_column(column, "label", pa.array(labels, pa.int64()))
        pq.write_table(changed, place.folder / "dataset" / f"{split}.parquet")
    card = json.loads((place.folder / "dataset" / "dataset.json").read_text()) | {"labels": ["ham", "hardware", "spam"]}
    (place.folder / "dataset" / "dataset.json").write_text(json.dumps(card))
    for name, width in (("teacher", 32), ("student", 16)):
        shutil.rmtree(place.folder / name)
        place.write_model(name, width=width, labels=card["labels"])
    return place


def test_a_new_label_is_reported_apart_and_both_are_compared_on_the_others(three: Any, evaluate: Any) -> None:
    champion = three.write_model("two-labels", labels=["ham", "spam"], saw=10)

    document = evaluate(three, champion=entry_of(champion)).document

    about, student = document["champion"], document["models"]["student"]["per_label"]
    assert about["compared"]
    assert (about["rows"], about["shared_labels"], about["lost_labels"]) == (25, ["ham", "spam"], [])
    assert document["differences"]["champion"]["rows"] == 25
    assert about["added_labels"] == {
        "hardware": {key: student[1][key] for key in ("rows", "precision", "recall", "f1")}
    }
    assert about["added_labels"]["hardware"]["rows"] == 5
    assert [row["label"] for row in document["models"]["champion"]["per_label"]] == ["ham", "spam"]
    f1 = about["added_labels"]["hardware"]["f1"]
    assert document["notes"][-2:] == [
        f"The champion (version 3) does not know: 'hardware' (5 test rows, the student's F1 {f1:.3f}).",
        "Both are compared on the 25 test rows that it never saw and whose labels both know; "
        "an answer outside these labels counts as wrong.",
    ]


def test_a_label_that_is_gone_from_the_data_is_named(workplace: Any, evaluate: Any) -> None:
    champion = workplace.write_model("three-labels", labels=["ham", "phish", "spam"])

    document = evaluate(workplace, champion=entry_of(champion)).document

    assert document["champion"]["lost_labels"] == ["phish"]
    assert document["differences"]["champion"]["rows"] == 40
    assert "Only the champion (version 3) knows: 'phish'." in document["notes"]


def test_a_champion_none_of_whose_labels_is_on_unseen_rows_is_not_compared(three: Any) -> None:
    champion = find(three, three.write_model("seen-all-but-new", labels=["ham", "spam"], saw=35))

    assert champion.why_not == "none of the test rows that it never saw has only labels that both know"
