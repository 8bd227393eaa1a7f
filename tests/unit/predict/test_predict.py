"""predict: every format in and out gives the same answers, row by row."""

import csv
import gzip
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from asking import answers, ask
from pyarrow import parquet

from stillhouse.components.artifacts.model import write_baseline
from stillhouse.components.artifacts.promotion_record import Entry, change
from stillhouse.components.models.tfidf_linear import TfidfLinear
from stillhouse.components.predict.__main__ import app
from stillhouse.components.predict.predict import BATCH_ROWS, predict
from stillhouse.components.storage.digests import digest_folder
from stillhouse.components.storage.home import local_store
from stillhouse.errors import UserError

ROWS = [{"id": f"00{i}", "text": text} for i, text in enumerate(["cheap pills", "see you", "naïve\nlines", ""])]


def near(score: float) -> Any:
    return pytest.approx(float(score), abs=1e-5)


@pytest.fixture
def expected(model: Path) -> list[dict[str, Any]]:
    """What the task itself answers for ROWS."""
    scores = ask(model, [row["text"] for row in ROWS])
    return [
        {
            **row,
            "label": ["ham", "spam"][score.argmax()],
            "score": pytest.approx(float(score.max()), abs=1e-5),
        }
        for row, score in zip(ROWS, scores, strict=True)
    ]


@pytest.fixture(params=["csv", "csv.gz", "tsv", "jsonl", "parquet", "arrow", "stream.arrow"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """ROWS as a file of each format."""
    path, kind = tmp_path / f"rows.{request.param}", request.param
    table = pa.Table.from_pylist(ROWS)
    if kind == "parquet":
        parquet.write_table(table, path)
    elif kind.endswith("arrow"):
        new = pa.ipc.new_file if kind == "arrow" else pa.ipc.new_stream
        with new(path, table.schema) as writer:
            writer.write_table(table)
    elif kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    else:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, ["id", "text"], delimiter="\t" if kind == "tsv" else ",")
        writer.writeheader()
        writer.writerows(ROWS)
        data = text.getvalue().encode()
        path.write_bytes(gzip.compress(data) if kind == "csv.gz" else data)
    return path


def test_every_format_keeps_its_columns_and_gets_the_tasks_answers(
    model: Path, source: Path, expected: list[dict[str, Any]], tmp_path: Path
) -> None:
    assert predict(str(model), source, out=tmp_path / "out.jsonl") == len(ROWS)

    assert answers(tmp_path / "out.jsonl") == expected


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """ROWS as JSON lines."""
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def test_csv_output_holds_the_same(model: Path, rows: Path, expected: list[dict[str, Any]], tmp_path: Path) -> None:
    predict(str(model), rows, out=tmp_path / "out.csv")

    with (tmp_path / "out.csv").open(newline="") as file:
        found = [{**row, "score": float(row["score"])} for row in csv.DictReader(file)]
    assert found == expected


def test_parquet_output_holds_the_same(model: Path, rows: Path, expected: list[dict[str, Any]], tmp_path: Path) -> None:
    predict(str(model), rows, out=tmp_path / "out.parquet")

    assert parquet.read_table(tmp_path / "out.parquet").to_pylist() == expected


def test_csv_is_read_as_the_training_data_was_and_as_the_command_says(
    make_model: Callable[..., Path], tmp_path: Path
) -> None:
    folder = make_model()
    info = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(info | {"csv": {"header": ["id", "text"]}}))
    (tmp_path / "rows.csv").write_text("1;cheap pills, now\n2;'see you'\n")

    predict(str(folder), tmp_path / "rows.csv", out=tmp_path / "out.jsonl", csv={"quote": "'"})

    assert [(row["id"], row["text"]) for row in answers(tmp_path / "out.jsonl")] == [
        ("1", "cheap pills, now"),
        ("2", "see you"),
    ]


def test_a_text_file_is_one_row_a_line(model: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.txt").write_text("one\ntwo\n")

    predict(str(model), tmp_path / "rows.txt", out=tmp_path / "out.jsonl")

    assert [row["text"] for row in answers(tmp_path / "out.jsonl")] == ["one", "two"]


def test_a_folder_is_read_file_after_file(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("b.txt", "a.txt", "notes.md"):
        (folder / name).write_text(f"from {name}\n")

    predict(str(model), folder, out=tmp_path / "out.jsonl")

    assert [row["text"] for row in answers(tmp_path / "out.jsonl")] == ["from a.txt", "from b.txt"]


def test_a_row_without_a_finite_answer_is_named_and_nothing_is_written(
    make_model: Callable[..., Path], tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file
    from transformers import AutoTokenizer

    folder = make_model()
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    weights = load_file(folder / "model.safetensors")
    token = tokenizer("pills", add_special_tokens=False)["input_ids"][0]
    weights["bert.embeddings.word_embeddings.weight"][token] = float("nan")
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    (tmp_path / "rows.csv").write_text("text\nsee you\npills\n")

    with pytest.raises(
        UserError, match=r"rows\.csv, row 3: the model has no finite answer \(nan or infinite\) for this"
    ):
        predict(str(folder), tmp_path / "rows.csv", out=tmp_path / "out.jsonl")

    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize(
    ("cleaning", "same"), [({"mask_pii": True}, True), ({"mask_pii": False}, False), (None, False)]
)
def test_personal_data_is_masked_where_it_was_in_training(
    make_model: Callable[..., Path], tmp_path: Path, cleaning: dict[str, bool] | None, same: bool
) -> None:
    """A model from before it said so keeps what it did."""
    folder = make_model()
    if cleaning is not None:
        info = json.loads((folder / "model.json").read_text()) | {"cleaning": cleaning}
        (folder / "model.json").write_text(json.dumps(info))
    (tmp_path / "rows.csv").write_text("text\nwrite to a.person@example.com\nwrite to <email>\n")

    predict(str(folder), tmp_path / "rows.csv", out=tmp_path / "out.jsonl")

    one, other = (row["score"] for row in answers(tmp_path / "out.jsonl"))
    assert (one == other) is same


def test_typed_values_are_written_out_as_text(model: Path, tmp_path: Path) -> None:
    table = pa.table({"text": ["a"], "raw": [b"abc"], "flag": [True], "none": [float("nan")]})
    parquet.write_table(table, tmp_path / "rows.parquet")

    predict(str(model), tmp_path / "rows.parquet", out=tmp_path / "out.jsonl")
    predict(str(model), tmp_path / "rows.parquet", out=tmp_path / "out.csv")

    assert '"raw": "abc", "flag": true, "none": null' in (tmp_path / "out.jsonl").read_text()
    assert (tmp_path / "out.csv").read_text().splitlines()[1].startswith("a,abc,true,,")


def test_the_models_own_text_columns_are_joined_as_in_training(make_model: Callable[..., Path], tmp_path: Path) -> None:
    folder = make_model(columns=("subject", "body"))
    (tmp_path / "two.jsonl").write_text('{"subject": "cheap", "body": "pills"}\n{"subject": null, "body": "x"}\n')
    (tmp_path / "one.jsonl").write_text('{"text": "cheap\\npills"}\n{"text": "\\nx"}\n')

    predict(str(folder), tmp_path / "two.jsonl", out=tmp_path / "a.jsonl")
    predict(str(folder), tmp_path / "one.jsonl", out=tmp_path / "b.jsonl", columns=["text"])

    scores = [[row["score"] for row in answers(tmp_path / name)] for name in ("a.jsonl", "b.jsonl")]
    assert scores[0] == pytest.approx(scores[1])


def test_text_is_cleaned_as_the_training_data_was(model: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(
        '{"text": "see  you\\r\\n\\r\\n\\r\\n\\r\\nnow "}\n{"text": "see you\\n\\nnow"}\n'
    )

    predict(str(model), tmp_path / "rows.jsonl", out=tmp_path / "out.jsonl")

    one, other = answers(tmp_path / "out.jsonl")
    assert one["score"] == other["score"]


def test_a_multi_label_model_gives_lists(make_model: Callable[..., Path], rows: Path, tmp_path: Path) -> None:
    predict(str(make_model("multi_label", ("a", "b", "c"))), rows, out=tmp_path / "out.jsonl")

    for row in answers(tmp_path / "out.jsonl"):
        assert set(row["label"]) <= {"a", "b", "c"}
        assert len(row["label"]) == len(row["score"])
        assert all(score >= 0.5 for score in row["score"])


def test_a_number_is_given_as_value(make_model: Callable[..., Path], rows: Path, tmp_path: Path) -> None:
    predict(str(make_model("number", ())), rows, out=tmp_path / "out.jsonl")

    assert all(row.keys() == {"id", "text", "value"} for row in answers(tmp_path / "out.jsonl"))


def test_progress_reaches_the_end_over_all_files(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text("row\n" * (BATCH_ROWS + 1))
    seen: list[tuple[int, float]] = []

    predict(
        str(model),
        folder,
        out=tmp_path / "out.jsonl",
        progress=lambda rows, share: seen.append((rows, share)),
    )

    assert [rows for rows, _ in seen] == [
        0,
        BATCH_ROWS,
        BATCH_ROWS + 1,
        2 * BATCH_ROWS + 1,
        2 * BATCH_ROWS + 2,
    ]
    assert [share for _, share in seen] == sorted(share for _, share in seen)
    assert seen[-1][1] == pytest.approx(1.0)


@pytest.mark.parametrize("target", ["classes", "multi_label", "number"])
def test_tfidf_with_a_linear_model_answers_like_any_other(rows: Path, tmp_path: Path, target: str) -> None:
    labels = [] if target == "number" else ["ham", "spam"]
    weights, bias = np.array([[-2.0, 1.0], [3.0, -1.0]]), np.array([0.25, -1.0])
    outputs = max(len(labels), 1)
    linear = TfidfLinear(target, ["pills", "money"], np.array([1.0, 2.0]), weights[:outputs], bias[:outputs])
    info = {"task": "text_classification", "target": target, "labels": labels, "columns": {"text": ["text"]}}
    write_baseline(linear, tmp_path / "words", info=info)

    assert predict(str(tmp_path / "words"), rows, out=tmp_path / "out.jsonl") == len(ROWS)

    found, scores = answers(tmp_path / "out.jsonl"), linear.score([row["text"] for row in ROWS])
    if target == "number":
        assert [row["value"] for row in found] == pytest.approx(scores[:, 0].tolist())
    elif target == "multi_label":
        assert [row["label"] for row in found] == [[labels[i] for i in np.flatnonzero(row >= 0.5)] for row in scores]
    else:
        assert [(row["label"], row["score"]) for row in found] == [
            (labels[row.argmax()], pytest.approx(row.max())) for row in scores
        ]


@pytest.mark.parametrize(("alias", "number"), [("champion", 1), ("previous", 0)])
def test_an_alias_is_read_from_the_promotion_record(
    make_model: Callable[..., Path],
    rows: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    alias: str,
    number: int,
) -> None:
    monkeypatch.setenv("STILLHOUSE_STORE", str(tmp_path / "store"))
    names = [("ham", "spam"), ("no", "yes")]
    for labels in names:
        folder = make_model(labels=labels)
        digest = digest_folder(folder)
        local_store().put_folder(folder, f"models/{digest}")
        entry = Entry(
            digest=digest,
            uri=local_store().uri(f"models/{digest}"),
            run="run",
            dataset_digest="d",
            statistics_uri="s",
            promoted_at="2026-01-01T00:00:00+00:00",
        )
        change(local_store(), "spam", lambda record, e=entry: record.promoted(e))

    predict(f"models:/spam@{alias}", rows, out=tmp_path / "out.jsonl")

    assert {row["label"] for row in answers(tmp_path / "out.jsonl")} <= set(names[number])


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", "text,x\nhello\n", r"a.csv, row 2: cannot be read \(Expected 2 columns, got 1: hello\)"),
        ("a.csv", "text,text\na,b\n", r"a.csv: column 'text' is there 2 times; give each its own name"),
        ("a.csv", "body\nhello\n", r"a.csv, row 2: column 'text' is missing; name one of body with --column"),
        ("a.jsonl", '{"text": "a"}\n{"text"\n', r"a.jsonl, row 2: not JSON \(Expecting"),
        ("a.jsonl", '{"text": "a"}\n[]\n', r"a.jsonl, row 2: not a JSON object"),
        ("a.parquet", "no parquet", r"a.parquet: cannot be read \("),
        ("a.txt", b"caf\xe9", r"a.txt: cannot be read \('utf-8' codec"),
        ("a.txt", "hello".encode("utf-16"), r"a.txt: cannot be read \(this is UTF-16\); save the file as UTF-8"),
        ("a.pdf", "x", r"a.pdf: no data file found; 'a.pdf' is a document: .*; it must hold .csv, .*, .txt "),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_no_output(
    model: Path, tmp_path: Path, name: str, content: str | bytes, sentence: str
) -> None:
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    with pytest.raises(UserError, match=sentence):
        predict(str(model), tmp_path / name, out=tmp_path / "out" / "out.jsonl")

    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("models:/nobody@champion", "models:/nobody@champion: .* has no such promotion"),
        ("nowhere", "^nowhere: not a model of Stillhouse .* has a model.json.$"),
    ],
)
def test_a_model_that_is_not_there_is_one_sentence(
    rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str, sentence: str
) -> None:
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path))

    with pytest.raises(UserError, match=sentence):
        predict(wrong, rows, out=tmp_path / "out.jsonl")


def test_a_mistyped_model_is_answered_with_the_one_that_was_meant(
    rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLHOUSE_STORE", str(tmp_path / "store"))
    local_store().put("promotions/tickets.json", b"{}")
    with pytest.raises(UserError, match=r"models:/ticket@champion: .*; did you mean 'tickets'\?$"):
        predict("models:/ticket@champion", rows, out=tmp_path / "out.jsonl")


def test_the_command_names_itself_and_takes_a_home(
    rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STILLHOUSE_HOME", "elsewhere")
    monkeypatch.delenv("STILLHOUSE_STORE", raising=False)
    with pytest.raises(SystemExit):
        app(["--help"], prog_name="stillhouse predict")
    assert "Usage: stillhouse predict [OPTIONS] {MODEL} {FILE}" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        app(["models:/nobody@champion", str(rows), "--home", str(tmp_path / "mine")])
    assert f"{tmp_path / 'mine' / 'store'} has no such promotion" in capsys.readouterr().err


def test_an_unknown_output_format_is_refused_before_the_model_is_loaded(rows: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"out.xlsx: unknown format; end the name of the output with one of .jsonl"):
        predict(str(tmp_path), rows, out=tmp_path / "out.xlsx")


def test_the_command_writes_json_lines_to_stdout_and_says_the_rate_on_stderr(model: Path, rows: Path) -> None:
    command = [sys.executable, "-m", "stillhouse.components.predict", str(model), str(rows)]

    answer = subprocess.run(command, capture_output=True, text=True, check=True)

    assert [json.loads(line)["id"] for line in answer.stdout.splitlines()] == [row["id"] for row in ROWS]
    assert re.fullmatch(r"4 rows in [\d.]+ s \([\d,]+ rows/s\)\n", answer.stderr)


def test_the_command_ends_with_code_2_and_one_sentence(rows: Path) -> None:
    command = [sys.executable, "-m", "stillhouse.components.predict", "nowhere", str(rows)]

    answer = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (answer.returncode, answer.stdout, answer.stderr.count("\n")) == (2, "", 1)
