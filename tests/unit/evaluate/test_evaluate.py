"""The whole step on a tiny case with random models: what evaluation.json holds, and whether it is honest."""

import html
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from asking import ask
from safetensors.numpy import save_file

from stillhouse.components.artifacts.dataset import read_split
from stillhouse.components.artifacts.evaluation import Evaluation
from stillhouse.components.artifacts.json_artifact import JsonArtifact
from stillhouse.components.artifacts.known_rows import put_known_rows
from stillhouse.components.storage.home import local_store
from stillhouse.errors import UserError

Make = Callable[..., Any]


def champion_record(folder: Path, version: str = "3") -> str:
    return json.dumps({"version": version, "digest": "d" * 64, "uri": str(folder)})


def test_evaluation_json_has_everything_that_promote_reads(done: Any) -> None:
    document = done.document
    assert set(document) == {
        *(
            "format",
            "task",
            "main_metric",
            "greater_is_better",
            "confidence",
            "rows",
            "models",
            "differences",
        ),
        *("latency_ratio", "latency_ratio_bounds", "slices", "notes", "never_answered", "seed"),
        *("candidates", "evidence"),
        *("lengths", "trained_with", "found_slices", "environment"),
    }
    assert document["rows"] == {"test": 40, "unseen_by_champion": None}
    assert set(document["models"]) == {"student", "teacher", "tfidf_logistic", "majority"}
    assert set(document["differences"]) == {"teacher", "tfidf_logistic", "majority"}
    assert set(document["latency_ratio"]) == {"teacher"}
    assert {name: slice["rows"] for name, slice in document["slices"].items()} == {
        "list=no": 30,
        "list=yes": 10,
    }


def unknown(part: Any) -> list[str]:
    """Keys of a file that `Evaluation` has no field for."""
    if isinstance(part, JsonArtifact):
        return [
            *(part.model_extra or {}),
            *(key for name in type(part).model_fields for key in unknown(getattr(part, name))),
        ]
    values = part.values() if isinstance(part, dict) else part if isinstance(part, list) else []
    return [key for value in values for key in unknown(value)]


def assert_read_whole(done: Any) -> None:
    """The file that evaluate wrote has a typed field for each of its keys, and is written again byte for byte."""
    path = done.folder / "evaluation"
    read = Evaluation.from_file(path)
    assert unknown(read) == []
    assert json.dumps(read.model_dump(mode="json"), indent=1) == path.read_text()


def test_evaluation_json_is_read_whole(done: Any) -> None:
    assert_read_whole(done)


def test_a_trained_model_is_described_whole(done: Any, workplace: Any) -> None:
    student = done.document["models"]["student"]
    info = json.loads((workplace.folder / "student" / "model.json").read_text())
    assert student["parameters"] == info["parameters"]
    assert student["bytes"] == (workplace.folder / "student" / "model.safetensors").stat().st_size
    assert 0 < student["latency_ms"]["p50"] <= student["latency_ms"]["p90"]
    assert student["tokens_per_second"] > student["rows_per_second"] > 0
    assert [row["label"] for row in student["per_label"]] == ["ham", "spam"]
    main = student["metrics"]["f1_macro"]
    assert main["low"] <= main["value"] <= main["high"]
    assert main["lower"] < main["value"] < main["upper"]
    assert student["metrics"]["accuracy"].keys() == {"value", "low", "high"}  # gates ask for no other


def test_the_strong_baseline_is_a_model_of_its_own_and_measured_as_one_that_may_be_promoted(
    done: Any, workplace: Any
) -> None:
    folder, document = done.folder / "baseline", done.document
    info = json.loads((folder / "model.json").read_text())
    assert {key: info[key] for key in ("load", "task", "target", "labels", "main_metric", "dataset_digest")} == {
        "load": "tfidf_linear",
        "task": "text_classification",
        "target": "classes",
        "labels": ["ham", "spam"],
        "main_metric": "f1_macro",
        "dataset_digest": "c" * 64,
    }
    assert info["columns"] == {"text": ["text"], "label": "label"}
    test = read_split(workplace.folder / "dataset", "test")
    scores = ask(folder, test.values("text"))
    accuracy = (scores.argmax(axis=1) == test.values("label")).mean()
    assert document["models"]["tfidf_logistic"]["metrics"]["accuracy"]["value"] == pytest.approx(accuracy)
    assert document["models"]["tfidf_logistic"]["bytes"] == (folder / "model.safetensors").stat().st_size
    (candidate,) = document["candidates"].values()
    assert set(candidate) == {"differences", "latency_ratio", "latency_ratio_bounds", "slices"}
    assert (set(candidate["differences"]), candidate["latency_ratio"]) == ({"majority"}, {})
    assert candidate["differences"]["majority"]["lower"] > 0
    assert candidate["slices"].keys() == document["slices"].keys()


def test_the_evidence_of_what_may_help_is_measured(done: Any) -> None:
    half = done.document["evidence"]["half_rows"]
    assert (half["rows"], half["of"]) == (30, 60)
    assert half["lower"] <= half["difference"] <= half["upper"]
    assert done.document["evidence"]["random_start"] is False  # these models do not say what they came from
    assert done.document["evidence"]["still_gaining"] == []


def test_a_champion_that_is_the_baseline_is_measured_like_any_other(
    workplace: Any, done: Any, evaluate: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLHOUSE_STORE", str(tmp_path / "store"))
    none = np.zeros(0, np.int64)
    save_file({"labelled": none, "unlabelled": none}, tmp_path / "learnt_rows.safetensors")
    put_known_rows(local_store(), "d" * 64, tmp_path, [])
    document = evaluate(workplace, champion=champion_record(done.folder / "baseline")).document
    assert document["champion"]["compared"]
    assert document["rows"]["unseen_by_champion"] == 40
    assert document["differences"]["champion"]["difference"] == document["differences"]["tfidf_logistic"]["difference"]
    same = document["candidates"]["tfidf_logistic"]["differences"]["champion"]
    assert [same[key] for key in ("difference", "lower", "upper")] == [0, 0, 0]
    assert set(document["candidates"]["tfidf_logistic"]["latency_ratio"]) == {"champion"}


def test_a_baseline_that_wins_is_named_in_notes_and_report(done: Any) -> None:
    begins = "TF-IDF + logistic regression beats the student"
    (note,) = [note for note in done.document["notes"] if note.startswith(begins)]
    assert note in html.unescape(done.page)


def test_what_was_said_of_the_bases_is_said_once_in_notes_and_report(done: Any) -> None:
    assert done.document["notes"].count("The tokenizer of the base counts.") == 1
    assert "The tokenizer of the base counts." in done.page


def test_kfp_gets_metrics_a_confusion_matrix_and_a_roc_curve(done: Any) -> None:
    student = done.document["models"]["student"]
    assert done.metrics.metadata["student_f1_macro"] == student["metrics"]["f1_macro"]["value"]
    drawn = done.classification.metadata
    assert sum(sum(row["row"]) for row in drawn["confusionMatrix"]["rows"]) == 40
    assert drawn["confidenceMetrics"][0]["confidenceThreshold"] == 1
    assert drawn["confidenceMetrics"][-1]["recall"] == 1


def test_tracking_gets_every_models_metrics_and_both_files(done: Any) -> None:
    points = [event["values"] for event in done.events if event["event"] == "metric"]
    accuracy = done.document["models"]["teacher"]["metrics"]["accuracy"]["value"]
    assert accuracy in [values.get("teacher/accuracy") for values in points]
    files = [Path(event["path"]) for event in done.events if event["event"] == "artifact"]
    assert [path.name for path in files if path.is_file()] == ["evaluation.json", "report.html"]


def test_progress_names_what_is_being_done(done: Any) -> None:
    notes = {event["note"] for event in done.events if event["event"] == "progress"}
    assert {"student answers", "report"} <= notes


def test_a_champion_is_compared_on_the_rows_it_never_saw(workplace: Any, evaluate: Make) -> None:
    champion = workplace.write_model("champion", width=24, saw=15)
    done = evaluate(workplace, champion=champion_record(champion))
    document = done.document
    assert_read_whole(done)
    assert document["rows"]["unseen_by_champion"] == 25
    assert document["differences"]["champion"]["rows"] == 25
    assert "champion" in document["latency_ratio"]


def test_a_champion_that_is_the_student_itself_is_no_different(workplace: Any, evaluate: Make) -> None:
    document = evaluate(workplace, champion=champion_record(workplace.folder / "student")).document
    difference = document["differences"]["champion"]
    assert [difference[key] for key in ("difference", "lower", "upper", "p_value")] == [0, 0, 0, 1]


def test_the_notes_say_why_a_champion_is_not_compared(workplace: Any, evaluate: Make) -> None:
    champion = workplace.write_model("phisher", labels=["eggs", "phish"])
    document = evaluate(workplace, champion=champion_record(champion)).document
    assert "champion" not in {*document["models"], *document["differences"], *document["latency_ratio"]}
    assert document["champion"]["digest"] == "d" * 64
    assert any(note.startswith("The champion (version 3) cannot be compared: it") for note in document["notes"])


def test_a_slice_that_the_dataset_lacks_is_refused_before_anything_is_written(
    workplace: Any, evaluate: Make, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="'country'"):
        evaluate(workplace, slices=["country"])
    assert not (tmp_path / "out" / "evaluation").exists()


def test_label_sets_are_evaluated(make_workplace: Make, evaluate: Make) -> None:
    done = evaluate(make_workplace("multi_label"))
    document = done.document
    assert_read_whole(done)
    assert document["main_metric"] == "f1_micro"
    assert document["models"]["tfidf_logistic"]["metrics"]["f1_micro"]["value"] > 0.9


def test_numbers_are_evaluated(make_workplace: Make, evaluate: Make) -> None:
    done = evaluate(make_workplace("number"))
    assert_read_whole(done)
    assert done.document["main_metric"] == "r2"
    assert done.document["models"]["tfidf_logistic"]["metrics"]["r2"]["value"] > 0.5
    assert "TF-IDF + ridge regression" in " ".join(done.document["notes"])
    assert "True against answered" in done.page


@pytest.mark.parametrize("target", ["classes", "multi_label", "number"])
def test_rows_without_a_finite_answer_count_as_wrong_and_are_counted(
    make_workplace: Make, evaluate: Make, target: str
) -> None:
    """Weights of nan for one token: each row that has it gets no answer, in its slice too."""
    from safetensors.torch import load_file, save_file
    from transformers import AutoTokenizer

    workplace = make_workplace(target)
    folder = workplace.folder / "student"
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    token = tokenizer("please", add_special_tokens=False)["input_ids"][0]
    weights = load_file(folder / "model.safetensors")
    weights["bert.embeddings.word_embeddings.weight"][token] = float("nan")
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    texts = pq.read_table(workplace.folder / "dataset" / "test.parquet")["text"].to_pylist()
    missing = sum(token in ids for ids in tokenizer(texts)["input_ids"])
    assert 0 < missing < len(texts)

    done = evaluate(workplace, slices=["list"])

    student = done.document["models"]["student"]
    assert student["unanswered_rows"] == missing
    if target == "number":
        assert student["metrics"]["r2"]["value"] < done.document["models"]["teacher"]["metrics"]["r2"]["value"]
    else:
        assert student["metrics"]["accuracy"]["value"] <= 1 - missing / len(texts)
    sentence = f"The student has no finite answer (nan or infinite) for {missing} of {len(texts)} test rows; they count"
    assert any(note.startswith(sentence) for note in done.document["notes"])
