"""Words are tagged over a whole run: entities of a small CoNLL file, with models so small that it takes seconds."""

import json
import random
from pathlib import Path

import pytest
import yaml
from runs import Outcome, run_recipe, stillhouse
from tagged_words import TAGS, sentence

pytestmark = pytest.mark.pipeline

SHAPE = {"layers": 2, "width": 32, "heads": 2, "vocab_size": 300, "max_length": 32}
FAST = {"loop": {"epochs": 4, "max_length": 32, "batch_tokens": 256}, "optimizer": {"learning_rate": 0.005}}
RECIPE = {
    "name": "names",
    "task": "token_classification",
    "data": {"source": "names.conll", "columns": {"group": "document"}},
    "model": {"teacher": SHAPE, "student": {"layers": 1}},
    "pretrain": {"objective": "masked_lm", "loop": {"epochs": 1, "max_length": 32}},
    "finetune": FAST,
    "distill": FAST,
    "evaluate": {"resamples": 200, "latency_rows": 16},
    "promote": {
        "must_beat": ["majority"],
        "min_test_rows": 100,
        "within_teacher": 0.5,
        "max_latency_vs_teacher": 10.0,
    },
}


def write_conll(path: Path, sentences: int) -> None:
    """A file with a document line before each ten sentences."""
    draw = random.Random(3)
    blocks = []
    for i in range(sentences):
        words, tags = sentence(draw)
        before, tag = draw.choice([("in", "B-LOC"), ("mr", "B-PER")])  # what is a place, and what a person
        words, tags = [*words, before, "paris"], [*tags, TAGS.index("O"), TAGS.index(tag)]
        lines = [f"{word} {TAGS[tag]}" for word, tag in zip(words, tags, strict=True)]
        blocks.append("\n".join(([] if i % 10 else ["-DOCSTART- O", ""]) + lines))
    path.write_text("\n\n".join(blocks) + "\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("names")
    write_conll(made / "names.conll", 900)
    (made / "names.yaml").write_text(yaml.safe_dump(RECIPE))
    return made


@pytest.fixture(scope="module")
def outcome(folder: Path) -> Outcome:
    """The whole run."""
    found = run_recipe(folder / "names.yaml", folder / "runs")
    assert found.code == 0, found.printed
    return found


def test_a_student_that_knows_the_entities_is_promoted(outcome: Outcome) -> None:
    assert outcome.verdict["decision"] == "promoted", outcome.verdict["why"]
    assert outcome.verdict["candidate"] == "student"
    models = outcome.verdict["evaluation"]["models"]
    assert outcome.verdict["evaluation"]["main_metric"] == "entity_f1"
    assert models["student"]["metrics"]["entity_f1"]["value"] > 0.9
    assert {row["label"] for row in models["student"]["per_label"]} == {"LOC", "PER"}
    assert {"majority", "perceptron"} <= set(models)


def test_its_report_tells_the_entities_label_by_label(outcome: Outcome) -> None:
    assert "Label by label" in (outcome.folder / "report.html").read_text()


def test_predict_gives_each_word_a_tag_and_says_where_the_entities_are(folder: Path, outcome: Outcome) -> None:
    asked = folder / "asked.jsonl"
    asked.write_text(json.dumps({"tokens": ["a", "kim", "lee", "q", "rome"]}))
    done = stillhouse("predict", "models:/names@champion", asked, home=folder / "runs")
    row = json.loads(done.stdout)
    assert row["tags"] == ["O", "B-PER", "I-PER", "O", "B-LOC"], done.stderr
    assert [(span["label"], span["text"]) for span in row["spans"]] == [("PER", "kim lee"), ("LOC", "rome")]


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("rome B-LOC\nfell O O\n", "row 2: 3 columns where the rows before have 2"),
        ("rome O\n\nfell O\n", "all words have the tag 'O', so there is nothing to learn"),
    ],
    ids=["ragged lines", "one tag"],
)
def test_what_cannot_be_learnt_from_is_refused_in_one_sentence(folder: Path, written: str, sentence: str) -> None:
    (folder / "wrong.conll").write_text(written)
    done = stillhouse(
        "run", folder / "names.yaml", "--set", f"data.source={folder / 'wrong.conll'}", home=folder / "wrong-runs"
    )
    assert done.returncode != 0
    assert sentence in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
