"""The main job: `stillhouse run spam` on the real emails that ship."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from runs import Outcome, run_recipe, stillhouse

pytestmark = pytest.mark.pipeline

Spam = tuple[Path, Outcome]

LOCK = Path(__file__).parents[2] / "requirements.lock"

PLAIN = """
import importlib.util, sys
from transformers import AutoModelForSequenceClassification, AutoTokenizer
folder = sys.argv[1]
model = AutoModelForSequenceClassification.from_pretrained(folder, local_files_only=True)
tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
inputs = tokenizer("You have WON a free prize, click here to claim your money now", return_tensors="pt")
print(model.config.id2label[int(model(**inputs).logits.argmax())])
assert not any(importlib.util.find_spec(name) for name in ("stillhouse", "kfp", "mlflow", "datasets"))
"""


def test_it_promotes_the_student(spam: Spam) -> None:
    _, outcome = spam
    assert outcome.verdict["decision"] == "promoted", outcome.verdict["why"]
    assert outcome.verdict["candidate"] == "student", outcome.verdict["why"]
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


@pytest.fixture(scope="module")
def plain_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds torch and transformers, as locked, and what they need."""
    folder = tmp_path_factory.mktemp("plain")
    uv = Path(sys.executable).with_name("uv")
    install = [uv, "pip", "install", "--quiet", "--constraints", LOCK, "torch", "transformers"]
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    subprocess.run(install, check=True, env=os.environ | {"VIRTUAL_ENV": str(folder)})
    return folder / "bin/python"


def test_plain_transformers_loads_the_promoted_model_in_an_environment_of_its_own(
    spam: Spam, plain_python: Path
) -> None:
    home, _ = spam
    (model,) = home.glob("store/models/*/")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    answer = subprocess.run(
        [plain_python, "-c", PLAIN, model], capture_output=True, text=True, check=False, env=environment
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
    assert {name for name, state in states.items() if state != "cached"} == {"inspect", "promote", "conclude"}
