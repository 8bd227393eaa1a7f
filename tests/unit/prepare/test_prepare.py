"""The step as a whole, from a file to the dataset."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from stillhouse.components.artifacts.spec import read_spec
from stillhouse.components.prepare.prepare import prepare
from stillhouse.components.prepare.settings import PrepareSettings
from stillhouse.components.tracking.run import StepRun
from stillhouse.errors import UserError

Make = Callable[..., Any]
SPLITS = ("train", "validation", "test", "unlabelled")
SHARES = {"validation": 0.2, "test": 0.3}


def untidy(table: Make, rows: int = 80) -> dict[str, list[Any]]:
    """A table with a row for each reason to be dropped."""
    columns = table(rows)
    text = columns["text"][0]
    extra = [
        ("  ", "ham"),
        ("x" * 600, "ham"),
        (f"{text}", "ham"),
        (columns["text"][1], "ham"),
        ("said " * 3 + columns["text"][2].upper(), "ham"),
        ("a text without a label", None),
    ]
    return {
        "text": [*columns["text"], *(text for text, _ in extra)],
        "label": [*columns["label"], *(label for _, label in extra)],
    }


def test_every_row_is_in_a_split_or_counted_by_reason(write: Make, table: Make, prepared: Make) -> None:
    found = prepared(write("a.parquet", untidy(table)), max_characters=500, near_duplicates=0.5)
    kept = sum(len(found[split]) for split in SPLITS)
    dropped = found["json"]["dropped"]
    assert kept + sum(dropped.values()) == found["json"]["read"] == 86
    assert {name: dropped[name] for name in ("empty", "too_long", "duplicate", "conflicting_label")} == {
        "empty": 1,
        "too_long": 1,
        "duplicate": 1,
        "conflicting_label": 2,
    }
    assert dropped.keys() - {"empty", "too_long", "duplicate", "conflicting_label"}


def test_the_counts_are_those_of_the_files(write: Make, table: Make, prepared: Make) -> None:
    found = prepared(write("a.csv", untidy(table)))
    assert found["json"]["rows"] == {split: len(found[split]) for split in SPLITS}


def test_dataset_and_card_say_how_the_files_were_written(write: Make, table: Make, prepared: Make) -> None:
    path = write("a.tsv", table(60))
    found = prepared(path, csv={"escape": "none", "decimal": ","})["json"]
    written = ".tsv: separator tab, quote '\"', header"
    assert found["files"] == {"read": [{"written": written, "files": 1, "rows": 60}], "left_out": []}
    assert found["csv"] == {"escape": "", "decimal": ",", "header": True}


def test_dataset_json_is_read_whole(write: Make, table: Make, prepared: Make, tmp_path: Path) -> None:
    prepared(write("a.csv", table(60)))
    spec = read_spec(tmp_path / "out" / "dataset")

    assert spec.model_extra == {}
    text = json.dumps(spec.model_dump(mode="json"), indent=1, ensure_ascii=False)
    assert text + "\n" == (tmp_path / "out" / "dataset" / "dataset.json").read_text()


def test_rows_have_hash_text_and_class(write: Make, table: Make, prepared: Make) -> None:
    columns = table(60)
    found = prepared(write("a.csv", columns))
    label = dict(zip(columns["text"], columns["label"], strict=True))
    for one in found["train"] + found["validation"] + found["test"]:
        assert list(one) == ["hash", "text", "label"]
        assert found["json"]["labels"][one["label"]] == label[one["text"]]


def test_rows_without_a_label_have_no_label_column(write: Make, table: Make, prepared: Make) -> None:
    found = prepared(write("a.parquet", untidy(table)))
    assert [(list(one), one["text"]) for one in found["unlabelled"]] == [(["hash", "text"], "a text without a label")]


def test_the_description_says_how_the_dataset_was_made(write: Make, table: Make, prepared: Make) -> None:
    path = write("a.csv", table(60))
    described = prepared(path, augment=0.1)["json"]
    assert {key: described[key] for key in ("format", "task", "target", "labels", "augment", "source", "drift")} == {
        "format": 1,
        "task": "text_classification",
        "target": "classes",
        "labels": ["ham", "spam"],
        "augment": 0.1,
        "source": str(path),
        "drift": None,
    }
    assert described["source_digest"] == "0" * 64
    assert described["columns"]["label"] == "label"


def test_order_names_and_formats_do_not_change_the_content(
    write: Make, table: Make, shuffled: Make, prepared: Make
) -> None:
    columns = table(60)
    one = prepared(write("a.csv", columns))
    half = {name: values[30:] for name, values in shuffled(columns).items()}
    write("folder/z.jsonl", half)
    rest = {name: values[:30] for name, values in shuffled(columns).items()}
    other = prepared(write("folder/b.parquet", rest).parent)
    assert one["json"]["content_digest"] == other["json"]["content_digest"]
    assert all(one[split] == other[split] for split in SPLITS)


@pytest.mark.parametrize("change", [{"text": "another text of a row"}, {"label": "spam"}])
def test_another_text_or_label_changes_the_content_digest(
    write: Make, table: Make, prepared: Make, change: dict[str, str]
) -> None:
    columns = table(60)
    before = prepared(write("a.csv", columns))["json"]
    for name, value in change.items():
        columns[name][0] = value
    assert prepared(write("a.csv", columns))["json"]["content_digest"] != before["content_digest"]


def test_training_views_are_part_of_the_content(write: Make, table: Make, prepared: Make) -> None:
    path = write("a.csv", table(60))
    assert prepared(path)["json"]["content_digest"] != prepared(path, augment=0.1)["json"]["content_digest"]


def test_as_the_data_grows_every_row_stays_in_its_split(write: Make, table: Make, prepared: Make) -> None:
    more = table(150)
    less = {name: values[:60] for name, values in more.items()}
    before, after = prepared(write("a.csv", less)), prepared(write("a.csv", more))
    for split in SPLITS:
        assert {one["hash"] for one in before[split]} <= {one["hash"] for one in after[split]}


def test_sets_of_labels_become_vectors(write: Make, texts: Make, prepared: Make) -> None:
    labels = [["a|b", "a", "b"][i % 3] for i in range(60)]
    path = write("a.csv", {"text": texts(60), "label": labels})
    found = prepared(path, target="multi_label")
    assert (found["json"]["target"], found["json"]["labels"]) == ("multi_label", ["a", "b"])
    assert {tuple(one["label"]) for one in found["train"]} == {(1.0, 1.0), (1.0, 0.0), (0.0, 1.0)}


def test_numbers_stay_numbers(write: Make, texts: Make, prepared: Make) -> None:
    found = prepared(write("a.csv", {"text": texts(60), "label": [i / 2 for i in range(60)]}))
    assert (found["json"]["target"], found["json"]["labels"]) == ("number", [])
    assert all(one["label"] * 2 % 1 == 0 for one in found["train"])


def test_column_types_are_those_that_training_reads(write: Make, table: Make, prepared: Make, tmp_path: Path) -> None:
    prepared(write("a.csv", table(60)))
    schema = pq.read_schema(tmp_path / "out" / "dataset" / "test.parquet")
    assert [(field.name, str(field.type)) for field in schema] == [
        ("hash", "string"),
        ("text", "string"),
        ("label", "int64"),
    ]


def test_slices_are_kept_beside_the_text(write: Make, table: Make, prepared: Make) -> None:
    columns = table(60)
    columns["list"] = ["fork" if label == "ham" else None for label in columns["label"]]
    found = prepared(write("a.parquet", columns), slices=["list"])
    assert {(one["label"], one["slice_list"]) for one in found["test"]} == {(0, "fork"), (1, "")}


def test_given_splits_are_honoured(write: Make, table: Make, prepared: Make) -> None:
    columns = table(60)
    columns["part"] = [("train", "train", "dev", "dev", "test", "test")[i % 6] for i in range(60)]
    found = prepared(write("a.csv", columns), columns={"split": "part"})
    assert found["json"]["rows"] == {"train": 20, "validation": 20, "test": 20, "unlabelled": 0}


def test_rows_of_a_group_share_a_split(write: Make, table: Make, prepared: Make) -> None:
    columns = table(200)
    columns["thread"] = [i // 2 % 40 for i in range(200)]
    found = prepared(write("a.csv", columns), columns={"group": "thread"}, slices=["thread"])
    threads = [{one["slice_thread"] for one in found[split]} for split in SPLITS]
    assert sum(map(len, threads)) == 40


def test_few_labels_leave_the_rest_as_text(write: Make, table: Make, prepared: Make) -> None:
    path = write("a.csv", table(120))
    everything, few = prepared(path), prepared(path, labelled_rows=10)
    assert len(few["train"]) == 10
    assert few["train"] == everything["train"][:10]
    assert [one["hash"] for one in few["unlabelled"]] == [one["hash"] for one in everything["train"][10:]]
    assert few["test"] == everything["test"]


def test_personal_data_is_masked_when_asked(write: Make, table: Make, prepared: Make) -> None:
    columns = table(60)
    columns["text"] = [f"{text} ask jo{i}@example.org" for i, text in enumerate(columns["text"])]
    found = prepared(write("a.csv", columns), mask_pii=True)
    assert all(one["text"].endswith(" ask <email>") for split in SPLITS for one in found[split])


def test_texts_are_cleaned(write: Make, table: Make, prepared: Make) -> None:
    columns = table(60)
    columns["text"] = [f"  {text} \r\n Ã©t\u00e9" for text in columns["text"]]
    assert all(one["text"].endswith("\nété") for one in prepared(write("a.jsonl", columns))["train"])


def test_a_step_alone_knows_no_source_digest(write: Make, table: Make, run: StepRun, tmp_path: Path) -> None:
    settings = PrepareSettings(source=str(write("a.csv", table(200))), task="text_classification")
    prepare(settings, snapshot='{"reference": null}', dataset=tmp_path / "d", card=tmp_path / "c.html", run=run)
    assert json.loads((tmp_path / "d" / "dataset.json").read_text())["source_digest"] == ""


# Limits and errors


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"min_rows": 100},
            r"60 rows with a label are left of 60 rows, and prepare.min_rows is 100; add rows, or lower",
        ),
        ({"columns": {"text": ["body"]}}, r"column 'body' is missing; the file has text, label"),
        ({"columns": {"label": None}}, r"0 rows with a label are left of 60 rows"),
        ({"target": "number"}, r"row 2, column 'label': 'ham' is not a number"),
        ({"source": "nowhere.csv"}, r"'nowhere.csv' does not exist"),
    ],
)
def test_what_cannot_be_prepared_is_said_in_one_sentence(
    write: Make, table: Make, prepared: Make, given: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        prepared(**{"source": write("a.csv", table(60)), **given})


def test_too_many_rows_dropped_are_refused(write: Make, table: Make, prepared: Make) -> None:
    columns = table(60)
    columns["text"][:40] = [""] * 40
    sentence = r"40 of 60 rows \(66.7%\) are dropped, and prepare.max_dropped is 60.0%; clean .* as empty: 40"
    with pytest.raises(UserError, match=sentence):
        prepared(write("a.csv", columns), max_dropped=0.6)


def test_one_class_only_is_refused(write: Make, texts: Make, prepared: Make) -> None:
    path = write("a.csv", {"text": texts(60), "label": ["ham"] * 60})
    with pytest.raises(UserError, match=r"column 'label': the 60 rows left hold one class only \('ham'\); add rows"):
        prepared(path)


def test_one_number_only_is_refused(write: Make, texts: Make, prepared: Make) -> None:
    path = write("a.csv", {"text": texts(60), "label": [0.5] * 60})
    with pytest.raises(UserError, match=r"hold one number only \(0.5\)"):
        prepared(path)


def test_three_rows_are_too_few_by_default(write: Make, table: Make, prepared: Make) -> None:
    with pytest.raises(UserError, match=r"3 rows with a label are left of 3 rows, and prepare.min_rows is 100"):
        prepared(write("a.csv", table(3)), min_rows=100)


def test_an_empty_split_is_refused(write: Make, table: Make, prepared: Make) -> None:
    with pytest.raises(
        UserError, match=r"no row is left for the split \w+ \(train \d, validation \d, test \d\); add rows"
    ):
        prepared(write("a.csv", table(3)))


def test_a_given_split_without_rows_is_refused(write: Make, table: Make, prepared: Make) -> None:
    columns = {**table(60), "part": ["train"] * 60}
    with pytest.raises(UserError, match=r"for the split test .*; put rows into it in 'part'"):
        prepared(write("a.csv", columns), columns={"split": "part"})


def test_nothing_is_written_when_a_limit_does_not_hold(
    write: Make, table: Make, prepared: Make, tmp_path: Path
) -> None:
    with pytest.raises(UserError):
        prepared(write("a.csv", table(3)), min_rows=100)
    assert not list((tmp_path / "out").glob("**/*"))


def test_an_earlier_dataset_is_replaced_whole(write: Make, table: Make, prepared: Make, tmp_path: Path) -> None:
    path = write("a.csv", table(60))
    (tmp_path / "out" / "dataset").mkdir(parents=True)
    (tmp_path / "out" / "dataset" / "stale").write_text("")
    prepared(path)
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["card.html", "dataset"]
    assert not (tmp_path / "out" / "dataset" / "stale").exists()


# Drift


@pytest.fixture
def reference(write: Make, table: Make, prepared: Make, tmp_path: Path) -> str:
    prepared(write("before.csv", table(80)))
    kept = tmp_path / "store" / "dataset.json"
    kept.parent.mkdir()
    (tmp_path / "out" / "dataset" / "dataset.json").rename(kept)
    return str(kept)


def test_drift_is_measured_against_the_reference(write: Make, table: Make, prepared: Make, reference: str) -> None:
    drift = prepared(write("a.csv", table(80, 5)), reference)["json"]["drift"]
    assert drift.keys() == {"words", "lengths", "labels"}
    assert 0 < drift["words"] < 0.3


def test_too_much_drift_ends_the_run(write: Make, table: Make, prepared: Make, reference: str) -> None:
    columns = table(80)
    columns["text"] = [text.replace("word", "term") for text in columns["text"]]
    with pytest.raises(
        UserError, match=r"the words lie 1\.000 .* away from .*, and prepare.max_drift is 0\.2; look into"
    ):
        prepared(write("a.csv", columns), reference, max_drift=0.2)


# Tracking


def test_progress_parameters_counts_and_files_are_tracked(
    write: Make, table: Make, prepared: Make, run: StepRun, tmp_path: Path
) -> None:
    found = prepared(write("a.csv", table(60)))
    spool = run.folder / "spool" / "prepare.jsonl"
    events = [json.loads(line) for line in spool.read_text().splitlines()]
    kinds = {event["event"] for event in events}
    assert kinds == {
        "param",
        "progress",
        "metric",
        "dataset",
        "artifact",
        "tag",
        "whole",
    }  # the tag says which base was chosen
    [dataset] = [event for event in events if event["event"] == "dataset"]
    assert (dataset["digest"], dataset["rows"]) == (found["json"]["content_digest"], found["json"]["rows"])
    [metric] = [event for event in events if event["event"] == "metric"]
    assert metric["values"]["rows/train"] == len(found["train"])


def test_the_log_says_what_was_dropped(
    write: Make, table: Make, prepared: Make, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        prepared(write("a.csv", untidy(table)))
    assert "'empty': 1" in caplog.text


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"label_separator": ";", "target": "classes"},
            "label_separator separates several labels, and target is classes",
        ),
        ({"label_names": ["a", "b"], "target": "number"}, "label_names names labels, and target is number"),
        ({"label_names": ["a", "b", "a"]}, "label_names has 'a' twice"),
    ],
)
def test_settings_of_labels_that_contradict_one_another_are_refused(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        PrepareSettings.model_validate({"source": "a.csv", "task": "text_classification", **given})


def test_a_day_without_several_labels_in_a_row_is_read_as_the_champions_data(
    write: Make, texts: Make, prepared: Make, tmp_path: Path
) -> None:
    labels = ["billing|login", "billing", "login", "shipping"]
    before = write("a.csv", {"text": texts(120), "label": [labels[i % 4] for i in range(120)]})
    assert prepared(before)["json"]["target"] == "multi_label"
    known = (tmp_path / "out" / "dataset" / "dataset.json").rename(tmp_path / "champion.json")
    day = write("b.csv", {"text": texts(120, 1), "label": [labels[1 + i % 3] for i in range(120)]})
    assert prepared(day)["json"]["target"] == "classes"
    assert prepared(day, str(known))["json"]["target"] == "multi_label"
