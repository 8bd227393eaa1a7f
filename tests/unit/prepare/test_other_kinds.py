"""Kinds of problems that know neither texts nor labels go the same way: read, brought into form, told apart, split."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillhouse.components.config.settings import check
from stillhouse.components.formats.pictures import as_file
from stillhouse.components.formats.splits import SPLITS
from stillhouse.components.prepare.prepare import refine
from stillhouse.components.prepare.read import read
from stillhouse.components.prepare.settings import PrepareSettings
from stillhouse.components.prepare.write_dataset import Prepared
from stillhouse.components.tasks.interface.settings import settings_for_name
from stillhouse.errors import UserError

pytestmark = pytest.mark.usefixtures("other_tasks")


def settings_of(source: Path, task: str, **given: Any) -> PrepareSettings:
    cls = settings_for_name(PrepareSettings, task)
    return cls.model_validate({"source": str(source), "task": task, **given})


def refined(source: Path, task: str, **given: Any) -> Prepared:
    settings = settings_of(source, task, **given)
    files = sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]
    return refine(read(files, settings), settings)


def examples(prepared: Prepared) -> list[tuple[dict[str, Any], Any]]:
    """All of them with their targets."""
    return [(row.example, row.target) for split in SPLITS for row in prepared.splits[split]]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_all_columns_that_play_no_other_part_are_cells(write: Any, name: str) -> None:
    columns = {"age": [3, 5, 3, 3], "kind": ["a", "b", "a", "b"], "height": [1.5, None, 1.5, 2.5]}
    path = write(name, {**columns, "who": ["x", "y", "z", "z"]})
    found = refined(path, "cells", columns={"label": "kind", "group": "who"}, min_rows_per_label=1)
    assert found.labels == ["a", "b"]
    assert sorted(examples(found), key=str) == [
        ({"features": {"age": 3.0, "height": 1.5}}, 0),
        ({"features": {"age": 3.0, "height": 2.5}}, 1),
    ]
    assert found.dropped == {"not a number": 1, "duplicate": 1}


def test_a_column_that_is_named_must_be_there_where_all_others_are_read_too(write: Any) -> None:
    path = write("a.jsonl", {"age": [3], "kind": ["a"]})
    with pytest.raises(UserError, match=r"a\.jsonl: column 'label' is missing; the file has age, kind"):
        refined(path, "cells")


def test_columns_of_two_files_that_do_not_go_together_are_named(write: Any, tmp_path: Path) -> None:
    write("x/a.parquet", {"age": [3], "label": ["a"]})
    pq.write_table(pa.table({"age": [[3]], "label": ["a"]}), tmp_path / "x" / "b.parquet")
    with pytest.raises(UserError, match=r"b.parquet, column 'age': holds list.*write both alike"):
        refined(tmp_path / "x", "cells", columns={"features": ["age"]})


def test_words_have_tags_that_no_row_must_have_often(tmp_path: Path) -> None:
    lines = [f"{name} B-PER\nfell O\n" for name in ("Ada", "Bob", "Cy", "Dee", "Ada")]
    (tmp_path / "a.conll").write_text("\n".join(lines))
    found = refined(tmp_path / "a.conll", "tags", near_duplicates=1.0)
    assert (found.kind, found.labels, found.dropped, found.rare) == ("tags", ["B-PER", "O"], {"duplicate": 1}, [])
    assert ({"tokens": ["Cy", "fell"]}, (0, 1)) in examples(found)


def test_near_copies_are_found_by_what_the_task_looks_at(tmp_path: Path) -> None:
    lines = ["".join(f"{word} X\n" for word in words) for words in ("abcdefgh", "hgfedcba", "nopqrstu")]
    (tmp_path / "a.bio").write_text("\n".join(lines))
    found = refined(tmp_path / "a.bio", "tags")
    assert sum(found.dropped.values()) + sum(map(len, found.splits.values())) == 3
    assert set(found.dropped) <= {"near_duplicate", "overlaps_test", "overlaps_validation"}


def test_all_rows_of_a_user_are_one_example(tmp_path: Path) -> None:
    rows = [("ann", "x"), ("bob", "x"), ("ann", "y"), ("ann", "z"), ("bob", "y"), ("cat", "z")]
    head = "user_id:token\titem_id:token\trating:float\n"
    (tmp_path / "a.inter").write_text(head + "".join(f"{user}\t{item}\t5\n" for user, item in rows))
    found = refined(tmp_path / "a.inter", "baskets", columns={"user": "user_id", "item": "item_id"})
    assert sorted(examples(found), key=str) == [
        ({"user": "ann", "items": ["x", "y"]}, "z"),
        ({"user": "bob", "items": ["x"]}, "y"),
    ]
    assert (found.dropped, found.examples["too_short"][0][0]) == ({"too_short": 1}, "a.inter, row 7")


def test_pictures_in_folders_have_the_folder_as_their_class(tmp_path: Path) -> None:
    for split, kind, grey in (("train", "cat", 0), ("train", "dog", 1), ("test", "cat", 2), ("test", "dog", 3)):
        path = tmp_path / "data" / split / kind / "one.pgm"
        path.parent.mkdir(parents=True)
        path.write_bytes(as_file(np.full((2, 2), grey, np.uint8)))
    (tmp_path / "data" / "README.md").write_text("about")
    found = refined(tmp_path / "data", "pictures", columns={"split": "split"}, min_rows_per_label=1)
    assert {split: len(found.splits[split]) for split in ("train", "test")} == {"train": 2, "test": 2}
    assert found.labels == ["cat", "dog"]
    assert ({"image": as_file(np.full((2, 2), 3, np.uint8))}, 1) in examples(found)


def test_pictures_and_labels_of_idx_are_read_together(tmp_path: Path) -> None:
    pixels = np.arange(8, dtype=np.uint8)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(
        bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2]) + pixels.tobytes()
    )
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]))
    settings = settings_of(tmp_path, "pictures")
    table = read(sorted(tmp_path.glob("train*")), settings)
    assert (table.targets, table.left_out, table.files[0].written) == (["7", "9"], [], "IDX")
    assert table.inputs["image"].to_pylist() == [as_file(pixels[:4].reshape(2, 2)), as_file(pixels[4:].reshape(2, 2))]


def test_bytes_of_pictures_come_from_parquet_as_the_hugging_face_library_writes_them(tmp_path: Path) -> None:
    picture = as_file(np.zeros((1, 1), np.uint8))
    images = [{"bytes": picture, "path": "a.pgm"}, None]
    pq.write_table(pa.table({"image": images, "label": ["x", "y"]}), tmp_path / "a.parquet")
    table = read([tmp_path / "a.parquet"], settings_of(tmp_path, "pictures"))
    assert table.inputs["image"].to_pylist() == [picture, None]


def test_other_values_than_bytes_are_refused_where_pictures_are_needed(write: Any) -> None:
    path = write("a.csv", {"image": ["a.png"], "label": ["x"]})
    with pytest.raises(UserError, match="column 'image': holds string, and the bytes of pictures' files are needed"):
        refined(path, "pictures")


def test_text_reads_none_of_these_files(tmp_path: Path) -> None:
    for name in ("a.conll", "a.inter", "train-images-idx3-ubyte", "data_batch_1.bin", "a.png"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(UserError, match="no data file found"):
        refined(tmp_path, "text_classification")


def numbers(rows: int) -> dict[str, list[Any]]:
    return {"age": list(range(rows)), "height": [i / 8 for i in range(rows)], "label": ["a", "b"] * (rows // 2)}


def test_a_dataset_of_cells_goes_through_the_step(write: Any, prepared: Any, tmp_path: Path) -> None:
    found = prepared(write("a.csv", numbers(60)), task="cells", input={"scale": 2})
    about = found["json"]
    assert about["columns"] == {"features": [], "label": "label", "group": None, "split": None}
    assert (about["target"], about["labels"], about["input"]) == ("classes", ["a", "b"], {"scale": 2.0})
    largest = [max(row["features"][name] for row in found["train"]) * 2 for name in ("age", "height")]
    assert about["fitted"] == {"largest": largest}
    assert set(about["statistics"]) == {"labels", "numbers"}
    assert set(found["train"][0]) == {"hash", "features", "label"}
    card = (tmp_path / "out" / "card.html").read_text()
    assert "all that play no other part" in card
    assert "Not looked for: this kind of problem has nothing by which to tell them." in card
    assert "typical words" not in card


def test_what_is_set_of_the_input_is_part_of_the_content(write: Any, prepared: Any) -> None:
    path = write("a.csv", numbers(60))
    one, other = (prepared(path, task="cells", input={"scale": scale})["json"] for scale in (1, 2))
    assert one["content_digest"] != other["content_digest"]
    assert one["rows"] == other["rows"]


def test_a_dataset_without_labels_goes_through_the_step(prepared: Any, tmp_path: Path) -> None:
    lines = [f"name{i} B-PER\nfell O\n" for i in range(60)]
    (tmp_path / "a.conll").write_text("\n".join(lines))
    found = prepared(tmp_path / "a.conll", task="tags", near_duplicates=1.0)
    assert (found["json"]["target"], found["json"]["labels"]) == ("tags", ["B-PER", "O"])
    assert found["train"][0]["tags"] == [0, 1]
    assert found["json"]["statistics"] == {}
    assert not {"input", "fitted"} & set(found["json"])


@pytest.mark.usefixtures("no_card")
def test_what_a_user_took_is_part_of_the_content_though_users_are_split(prepared: Any, tmp_path: Path) -> None:
    def digest_of(last: str) -> str:
        rows = [f"user{i}\t{item}\n" for i in range(60) for item in ("x", "y", f"z{i % 7}")]
        text = "user:token\titem:token\n" + "".join(rows).replace("user0\ty", f"user0\t{last}")
        (tmp_path / "a.inter").write_text(text)
        found = prepared(tmp_path / "a.inter", task="baskets")
        assert sum(found["json"]["rows"].values()) == 60
        return found["json"]["content_digest"]

    assert digest_of("y") != digest_of("q")


def test_the_keys_of_columns_are_the_fields_of_the_task() -> None:
    with pytest.raises(UserError, match=r"unknown key 'columns.text'; use one of: group, image, label, split"):
        check(settings_for_name(PrepareSettings, "pictures"), {**WHERE, "columns": {"text": "a"}}, "recipe")
    with pytest.raises(UserError, match=r"unknown key 'input.size'; use one of: scale"):
        check(settings_for_name(PrepareSettings, "cells"), {**WHERE, "input": {"size": 8}}, "recipe")


WHERE = {"source": "here", "task": "pictures"}
