"""The main job: `stillhouse run spam` on the real emails that ship."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from runs import Outcome, run_recipe, stillhouse

pytestmark = pytest.mark.pipeline

Spam = tuple[Path, Outcome]

PLAIN = """
import sys
from transformers import AutoModelForSequenceClassification, AutoTokenizer
folder = sys.argv[1]
model = AutoModelForSequenceClassification.from_pretrained(folder, local_files_only=True)
tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
inputs = tokenizer("You have WON a free prize, click here to claim your money now", return_tensors="pt")
print(model.config.id2label[int(model(**inputs).logits.argmax())])
assert not any(name.split(".")[0] == "stillhouse" for name in sys.modules)
"""


def test_it_promotes_the_student(spam: Spam) -> None:
    _, outcome = spam
    assert outcome.verdict["decision"] == "promoted", outcome.verdict["why"]
    assert all(gate["passed"] for gate in outcome.verdict["gates"])


def test_the_teacher_reaches_its_quality_and_the_student_keeps_it(spam: Spam) -> None:
    models = spam[1].verdict["evaluation"]["models"]
    teacher, student = (models[name]["metrics"]["f1_macro"]["value"] for name in ("teacher", "student"))
    assert teacher >= 0.97
    assert student >= 0.98 * teacher
    assert models["student"]["parameters"] <= 0.5 * models["teacher"]["parameters"]


def test_the_verdict_says_where_a_baseline_wins(spam: Spam) -> None:
    evaluation = spam[1].verdict["evaluation"]
    student, peer = (
        evaluation["models"][name]["metrics"]["f1_macro"]["value"] for name in ("student", "tfidf_logistic")
    )
    told = any("TF-IDF" in note for note in evaluation["notes"])
    assert told == (peer > student)


def test_it_ends_with_the_verdict_the_report_the_model_and_the_command_that_opens_mlflow(spam: Spam) -> None:
    _, outcome = spam
    for words in ("promoted", "report.html", "mlflow ui"):
        assert words in outcome.printed


def test_all_rows_are_in_a_split_or_counted_as_dropped(spam: Spam) -> None:
    home, _ = spam
    (dataset,) = home.glob("store/datasets/*/dataset.json")
    about = json.loads(dataset.read_text())
    assert about["read"] == 6046 == sum(about["rows"].values()) + sum(about["dropped"].values())


def test_plain_transformers_loads_the_promoted_model_where_stillhouse_is_not_installed(spam: Spam) -> None:
    home, _ = spam
    (model,) = home.glob("store/models/*/")
    # -P and an empty folder as working directory; src/ and site-packages' link to it stay out by name.
    code = "import sys; sys.meta_path.insert(0, type('No', (), {'find_spec': staticmethod(block)}))"
    block = "def block(name, *_):\n    if name.split('.')[0] == 'stillhouse': raise ImportError(name)\n"
    answer = subprocess.run(
        [sys.executable, "-P", "-c", f"{block}\n{code}\n{PLAIN}", str(model)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.stdout.strip() == "spam", answer.stderr


def test_predict_answers_with_the_champion(spam: Spam, tmp_path: Path) -> None:
    home, _ = spam
    mail = tmp_path / "mail.jsonl"
    mail.write_text(json.dumps({"subject": "Re: patch", "body": "I applied the diff to cvs and it compiles now."}))
    done = stillhouse("predict", "models:/spam@champion", mail, home=home)
    assert json.loads(done.stdout)["label"] == "ham", done.stderr


def test_a_second_run_on_unchanged_data_takes_every_heavy_step_from_the_cache(spam: Spam) -> None:
    home, _ = spam
    again = run_recipe("spam", home)
    assert again.verdict["decision"] == "unchanged"
    states = {name: step["state"] for name, step in again.steps.items()}
    assert {name for name, state in states.items() if state != "cached"} == {"inspect", "promote"}
