"""pretrain learns a backbone from text without labels, or does nothing quickly."""

import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from asking import task_of_model
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

from stillhouse.components.artifacts.dataset import read_split
from stillhouse.components.artifacts.spec import read_spec
from stillhouse.components.pretrain.settings import PretrainSettings
from stillhouse.components.storage.digests import digest_folder
from stillhouse.components.tasks import task_of
from stillhouse.components.tasks.interface.settings import settings_for_name
from stillhouse.components.tasks.interface.task import View
from stillhouse.components.tasks.text_classification import TextClassification
from stillhouse.errors import UserError

Workshop = Any
"""conftest.Workshop"""
Trained = Any
"""conftest.Trained"""

SKIP = """
import sys
from pathlib import Path
from stillhouse.components.pretrain.pretrain import pretrain
from stillhouse.components.pretrain.settings import PretrainSettings
from stillhouse.components.tracking.run import StepRun
home = Path(sys.argv[1])
settings = PretrainSettings(task="text_classification", objective="none")
pretrain(settings, dataset=home / "no dataset", model=home / "model", run=StepRun("pretrain", "run", home))
print(sorted({"torch", "transformers", "numpy", "mlflow", "pyarrow"} & sys.modules.keys()))
"""


def perplexities(done: Any) -> list[float]:
    return [value for name, _, value in done.points if name == "validation/perplexity"]


def test_without_an_objective_it_imports_nothing_heavy_and_says_so(tmp_path: Path) -> None:
    answer = subprocess.run([sys.executable, "-c", SKIP, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "torch" not in answer.stdout
    assert "transformers" not in answer.stdout
    assert json.loads((tmp_path / "model" / "model.json").read_text()) == {"format": 1, "load": "nothing"}
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["model.json"]


@pytest.mark.parametrize("objective", ["masked_lm", "next_word"])
def test_perplexity_on_held_out_text_falls(workshop: Workshop, objective: str) -> None:
    settings = {"objective": objective, "loop": {"evaluations_per_epoch": 3}, "optimizer": {"learning_rate": 1e-2}}
    done = workshop.run("pretrain", settings, dataset=workshop.dataset())
    found = perplexities(done)
    assert len(found) == 6
    assert found[-1] < 0.9 * found[0]
    assert done.figures["perplexity"] == min(found)


def test_held_out_texts_of_which_no_word_is_hidden_give_no_perplexity(workshop: Workshop) -> None:
    settings = {"mask_probability": 1e-6, "loop": {"epochs": 1}}
    done = workshop.run("pretrain", settings, dataset=workshop.dataset())
    assert perplexities(done) == []
    assert "perplexity" not in done.figures


def test_the_backbone_loads_with_plain_transformers(trained: Trained) -> None:
    model = AutoModelForMaskedLM.from_pretrained(trained.backbone.model)
    assert model.config.num_hidden_layers == 2
    assert trained.backbone.info["load"] == "transformers"
    assert trained.backbone.info["objective"] == "masked_lm"


def test_it_learns_from_the_unlabelled_and_the_train_split(trained: Trained) -> None:
    task = task_of(read_spec(trained.dataset))
    both = [read_split(trained.dataset, split) for split in ("unlabelled", "train")]
    loaded = task.build(str(trained.backbone.model), None, both[1])
    lengths = [task.samples(loaded, examples, View(48)).lengths.sum() for examples in both]
    assert trained.backbone.figures["tokens"] == 2 * sum(lengths)


def test_it_goes_on_from_a_base_with_its_tokenizer(workshop: Workshop, trained: Trained) -> None:
    dataset = workshop.dataset()
    base = trained.backbone
    more = workshop.run(
        "pretrain", {"objective": "masked_lm", "base": str(base.model), "loop": {"epochs": 1}}, dataset=dataset
    )
    assert perplexities(more)[0] < perplexities(base)[-1]
    assert (more.model / "tokenizer.json").read_bytes() == (base.model / "tokenizer.json").read_bytes()
    assert more.info["parents"] == [digest_folder(base.model)]


def test_a_task_without_the_objective_says_which_it_has(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    settings_for_name(PretrainSettings, "text_classification")  # read while it had it
    monkeypatch.setattr(TextClassification, "objectives", ("next_word",))
    with pytest.raises(UserError, match=r"pretrain.objective is 'masked_lm', .*; use none or one of: next_word\."):
        workshop.run("pretrain", {"objective": "masked_lm"}, dataset=workshop.dataset())


def test_next_words_teach_a_decoder_that_is_tuned_and_distilled(workshop: Workshop) -> None:
    dataset = workshop.dataset()
    learning = {"loop": {"epochs": 12}, "optimizer": {"learning_rate": 1e-2}}
    backbone = workshop.run("pretrain", {"objective": "next_word"}, dataset=dataset)
    teacher = workshop.run("finetune", learning, dataset=dataset, backbone=backbone.model)
    student = workshop.run("distill", {**learning, "student": {"layers": 1}}, dataset=dataset, teacher=teacher.model)

    assert AutoModelForCausalLM.from_pretrained(backbone.model).config.model_type == "gpt2"
    assert teacher.figures["validation_f1_macro"] > 0.8
    assert student.figures["validation_f1_macro"] > 0.8
    assert task_of_model(student.model).load(student.model).model.config.num_hidden_layers == 1


@pytest.mark.parametrize("stop_after", [3, 8])
def test_stopped_by_sigterm_it_goes_on_to_the_same_bits(workshop: Workshop, stop_after: int) -> None:
    run = partial(workshop.run, "pretrain", {}, dataset=workshop.dataset())
    unbroken, resumed = workshop.whole_and_resumed(run, stop_after)

    assert resumed.weights == unbroken.weights
    assert resumed.points == unbroken.points


def test_no_checkpoint_is_left_when_it_has_ended(workshop: Workshop) -> None:
    workshop.run("pretrain", {"loop": {"checkpoint_seconds": 1e-6}}, dataset=workshop.dataset())
    assert list((workshop.folder / "home" / "store").rglob("*.safetensors")) == []
