"""Text classification on transformers' models: masks, losses, answers, and which models are taken."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import (
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    PreTrainedConfig,
    PreTrainedModel,
)

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.modalities.text.load import BROADCAST_MASK
from stillhouse.components.modalities.text.samples import TextSamples
from stillhouse.components.modalities.text.tokenizer import train_tokenizer
from stillhouse.components.models.layers import output_layer
from stillhouse.components.models.loaded import LoadedModel
from stillhouse.components.models.settings import Architecture
from stillhouse.components.targets.label_losses import balanced_weights, label_loss
from stillhouse.components.tasks.interface.task import View
from stillhouse.components.tasks.text_classification import TextClassification
from stillhouse.errors import UserError

TEXTS = ["ab cd ef gh", "ij", "kl mn ab cd ef gh kl", "ab", "cd ij kl mn", "gh gh gh"]
SHAPE = Architecture(layers=1, width=8, heads=2, vocab_size=300, max_length=16)
CLASSES = {"target": "classes", "labels": ["x", "y", "z"], "max_length": 16}
NUMBER = {"target": "number", "labels": []}
NONE = Examples.of(text=[])
MakeConfig = Callable[..., PreTrainedConfig]


def task_of(target: str = "classes", *labels: str, augment: float = 0.0) -> TextClassification:
    """The task of a dataset with these labels; x, y and z if none are named, and no number has any."""
    about: dict[str, Any] = {"target": target, "labels": [] if target == "number" else list(labels or "xyz")}
    about |= {"columns": {}, "content_digest": "", "augment": augment}
    return TextClassification(Spec(format=1, task="text_classification", **about))


task = task_of()


def with_strong_weights(model: PreTrainedModel) -> PreTrainedModel:
    """Random weights so large that attention looks at something."""
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.5)
    return model.eval()


def ragged_batch(*lengths: int) -> dict[str, torch.Tensor]:
    """Random tokens, padded on the right."""
    torch.manual_seed(1)
    mask = torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
    return {"input_ids": torch.randint(5, 20, mask.shape) * mask, "attention_mask": mask}


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("kind", sorted(BROADCAST_MASK | {"gpt2"}))
def test_a_padded_batch_is_answered_as_each_row_alone(tiny_config: MakeConfig, kind: str, attention: str) -> None:
    model = with_strong_weights(
        AutoModelForSequenceClassification.from_config(tiny_config(kind), attn_implementation=attention)
    )
    lengths = (3, 9, 14)
    batch = ragged_batch(*lengths)
    with torch.inference_mode():
        together = task.forward(model, batch).logits
        alone = [
            task.forward(model, {name: tensor[row : row + 1, :length] for name, tensor in batch.items()}).logits
            for row, length in enumerate(lengths)
        ]
    assert together.std() > 0.1
    assert torch.allclose(together, torch.cat(alone), atol=1e-5)


@pytest.mark.parametrize("kind", ["bert", "roberta", "distilbert", "electra"])
def test_masked_words_cost_what_the_whole_models_logits_say(tiny_config: MakeConfig, kind: str) -> None:
    model = with_strong_weights(AutoModelForMaskedLM.from_config(tiny_config(kind)))
    batch = ragged_batch(6, 9)
    batch["labels"] = torch.where(torch.rand(2, 9) < 0.4, batch["input_ids"], -100)
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"].long()).logits
    expected = cross_entropy(logits.flatten(0, 1), batch["labels"].flatten(), ignore_index=-100, reduction="sum")
    loss, count = task.pretraining_loss(model, batch)
    assert count == (batch["labels"] != -100).sum()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_next_words_cost_what_transformers_says(tiny_config: MakeConfig) -> None:
    model = with_strong_weights(AutoModelForCausalLM.from_config(tiny_config("gpt2")))
    batch = ragged_batch(6, 9)
    batch["labels"] = torch.where(batch["attention_mask"], batch["input_ids"], -100)
    loss, count = task.pretraining_loss(model, batch)
    assert count == 5 + 8
    inputs = {**batch, "attention_mask": batch["attention_mask"].long()}
    assert loss.item() / count == pytest.approx(model(**inputs).loss.item(), rel=1e-5)


def test_a_batch_without_a_masked_word_costs_nothing(tiny_config: MakeConfig) -> None:
    batch = ragged_batch(4, 3)
    model = AutoModelForMaskedLM.from_config(tiny_config("bert"))
    loss, count = task.pretraining_loss(model, {**batch, "labels": torch.full((2, 4), -100)})
    assert (loss.item(), count) == (0.0, 0)


def head_and_batch(tiny_config: MakeConfig, labels: torch.Tensor) -> tuple[PreTrainedModel, dict[str, Any]]:
    config = tiny_config("bert")
    config.num_labels = 3
    model = with_strong_weights(AutoModelForSequenceClassification.from_config(config))
    return model, {**ragged_batch(5, 7, 3), "labels": labels}


@pytest.mark.parametrize("target", ["classes", "multi_label"])
def test_the_loss_is_that_of_the_targets_on_the_models_logits(tiny_config: MakeConfig, target: str) -> None:
    labels = torch.tensor([0, 2, 1]) if target == "classes" else torch.tensor([[1.0, 0, 0], [1, 1, 0], [0, 0, 0]])
    model, batch = head_and_batch(tiny_config, labels)
    outputs = task.forward(model, batch)
    train = [0, 0, 0, 1, 1, 2] if target == "classes" else [[1.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 1.0]]
    learning = task_of(target).training_loss(Examples.of(label=train), class_weights="balanced", label_smoothing=0.1)
    loss, count = learning(outputs, batch)
    weights = balanced_weights(target, np.array(train))
    expected, rows = label_loss(target, class_weights=weights, label_smoothing=0.1)(outputs.logits, labels)
    assert (loss.item(), count) == (expected.item(), rows)
    plain = label_loss(target, class_weights=None, label_smoothing=0.0)(outputs.logits, labels)[0].item()
    assert loss.item() != pytest.approx(plain, rel=0.01)


@pytest.mark.parametrize("target", ["classes", "multi_label"])
def test_without_weights_and_smoothing_what_is_learnt_is_the_plain_loss(tiny_config: MakeConfig, target: str) -> None:
    labels = torch.tensor([0, 2, 1]) if target == "classes" else torch.tensor([[1.0, 0, 0], [1, 1, 0], [0, 0, 0]])
    model, batch = head_and_batch(tiny_config, labels)
    bound, outputs = task_of(target), task.forward(model, batch)
    train = Examples.of(label=labels.tolist())
    learning, count = bound.training_loss(train, class_weights="none", label_smoothing=0.0)(outputs, batch)
    plain, rows = bound.loss(outputs, batch)
    assert (learning.item(), count) == (pytest.approx(plain.item(), rel=1e-6), rows)


def test_rows_without_a_label_are_left_out_of_the_loss(tiny_config: MakeConfig) -> None:
    model, batch = head_and_batch(tiny_config, torch.tensor([0, -100, 1]))
    outputs = task.forward(model, batch)
    loss, count = task.loss(outputs, batch)
    expected = cross_entropy(outputs.logits[[0, 2]], torch.tensor([0, 1]), reduction="sum")
    assert (loss.item(), count) == (pytest.approx(expected.item(), rel=1e-6), 2)


@pytest.fixture(scope="module")
def loaded() -> LoadedModel:
    """An untrained classifier of three classes."""
    made = task.build(None, SHAPE, Examples.of(text=TEXTS))
    with_strong_weights(made.model)
    return replace(made, info=CLASSES)


def test_a_new_head_knows_the_names_of_its_labels(loaded: LoadedModel) -> None:
    config = loaded.model.config
    assert config.id2label == {0: "x", 1: "y", 2: "z"}
    assert config.label2id == {"x": 0, "y": 1, "z": 2}
    assert config.problem_type == "single_label_classification"


def test_a_number_has_a_head_of_one_value() -> None:
    config = task_of("number").build(None, SHAPE, Examples.of(text=TEXTS)).model.config
    assert (config.num_labels, config.problem_type) == (1, "regression")


@pytest.mark.parametrize("batch_units", [1, 20, 10_000])
def test_answers_come_in_the_order_of_the_texts(loaded: LoadedModel, batch_units: int) -> None:
    scores = task.answer(loaded, Examples.of(text=TEXTS), batch_units=batch_units)
    alone = np.concatenate([task.answer(loaded, Examples.of(text=[text])) for text in TEXTS])
    assert scores.dtype == np.float32
    assert scores == pytest.approx(alone, abs=1e-5)
    assert scores.sum(1) == pytest.approx(1)


def test_no_texts_have_no_answers(loaded: LoadedModel) -> None:
    assert len(task.answer(loaded, NONE)) == 0


@pytest.mark.parametrize("target", ["classes", "multi_label", "number"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_row_with_a_logit_that_is_not_finite_has_no_answer_and_the_others_have(target: str, value: float) -> None:
    class OneBadLogit(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))
            self.config = SimpleNamespace(model_type="bert", _attn_implementation="eager")

        def forward(self, input_ids: torch.Tensor, **_: Any) -> Any:
            logits = torch.zeros(len(input_ids), 1 if target == "number" else 3)
            logits[(input_ids == 7).any(-1), 0] = value
            return SimpleNamespace(logits=logits)

    samples = TextSamples(np.array([5, 6, 7, 8, 9]), np.array([0, 2, 4, 5]), 0)
    scores = task_of(target).answer_samples(OneBadLogit(), samples)
    assert np.isnan(scores).all(axis=1).tolist() == [False, True, False]
    assert np.isfinite(scores[[0, 2]]).all()
    assert task_of(target).unanswered(scores).tolist() == [False, True, False]


def test_progress_counts_the_texts(loaded: LoadedModel) -> None:
    done: list[int] = []
    task.answer(loaded, Examples.of(text=TEXTS), batch_units=20, progress=done.append)
    assert len(done) > 1
    assert sum(done) == len(TEXTS)


@pytest.mark.parametrize(("target", "low", "high"), [("multi_label", 0.0, 1.0), ("number", -np.inf, np.inf)])
def test_label_sets_are_answered_one_by_one_and_numbers_as_they_are(
    loaded: LoadedModel, target: str, low: float, high: float
) -> None:
    scores = task_of(target).answer(loaded, Examples.of(text=TEXTS))
    assert ((scores > low) & (scores < high)).all()
    assert not np.allclose(scores.sum(1), 1)


def test_augmentation_hides_other_words_in_each_epoch_and_the_same_ones_again(loaded: LoadedModel) -> None:
    examples, rows = Examples.of(text=TEXTS, label=[0] * len(TEXTS)), np.arange(len(TEXTS))
    augmented = task_of(augment=0.5)
    samples = augmented.samples(loaded, examples, View(16, seed=1))
    views = [samples.batch(rows, epoch)["input_ids"] for epoch in (0, 1, 0)]
    assert views[0].equal(views[2])
    assert not views[0].equal(views[1])
    other = augmented.samples(loaded, examples, View(16, seed=2)).batch(rows, 0)["input_ids"]
    assert not views[0].equal(other)
    assert (augmented.is_augmented, task.is_augmented) == (True, False)


def test_evaluation_and_a_dataset_that_is_not_augmented_see_the_texts_as_they_are(loaded: LoadedModel) -> None:
    examples, rows = Examples.of(text=TEXTS, label=[0] * len(TEXTS)), np.arange(len(TEXTS))
    plain = task.samples(loaded, examples).batch(rows, 0)["input_ids"]
    for bound, view in ((task_of(augment=0.5), View(16)), (task, View(16, seed=1))):
        for epoch in (0, 1):
            assert bound.samples(loaded, examples, view).batch(rows, epoch)["input_ids"].equal(plain)


def test_texts_are_cut_to_the_view_and_else_to_what_the_model_was_trained_with(loaded: LoadedModel) -> None:
    examples, info = Examples.of(text=["ab cd ef gh kl mn"]), {**CLASSES, "max_length": 5}
    whole, trained = task.samples(loaded, examples), task.samples(replace(loaded, info=info), examples)
    viewed = task.samples(replace(loaded, info=info), examples, View(3))
    assert (len(whole.tokens) > 5, trained.lengths.tolist(), viewed.lengths.tolist()) == (True, [5], [3])


def test_examples_without_a_label_are_samples_without_one(loaded: LoadedModel) -> None:
    assert "labels" not in task.samples(loaded, Examples.of(text=TEXTS)).batch(np.array([0, 1]), 0)


def test_numbers_are_learnt_in_the_precision_of_the_model(loaded: LoadedModel) -> None:
    examples = Examples.of(text=TEXTS, label=np.linspace(0, 1, 6))
    labels = task_of("number").samples(loaded, examples, View(16)).batch(np.array([0, 5]), 0)["labels"]
    assert (labels.dtype, labels.tolist()) == (torch.float32, [0.0, 1.0])


def test_a_text_longer_than_the_model_takes_is_an_error_of_the_setting(loaded: LoadedModel) -> None:
    with pytest.raises(UserError, match="max_length is 17, but the model has 16 positions"):
        task.samples(loaded, Examples.of(text=TEXTS), View(17))


def save(folder: Path, model: PreTrainedModel, **without: None) -> Path:
    """A base: model and tokenizer, some of whose special tokens are taken away."""
    model.save_pretrained(folder)
    tokenizer = train_tokenizer(TEXTS, 300, 16)
    for name in without:
        setattr(tokenizer, name, None)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_base_with_other_labels_gets_a_new_head(tiny_config: MakeConfig, tmp_path: Path) -> None:
    config = tiny_config("bert", vocab_size=300)
    config.num_labels = 7
    base = AutoModelForSequenceClassification.from_config(config)
    start = save(tmp_path / "base", base)
    made = task.build(str(start), None, NONE)
    assert made.model.config.num_labels == 3
    words, expected = (next(model.get_input_embeddings().parameters()) for model in (made.model, base))
    assert words.equal(expected)


@pytest.mark.parametrize(
    ("known", "target", "kept"),
    [
        (CLASSES, CLASSES, True),
        (CLASSES, {**CLASSES, "labels": ["d", "e", "f"]}, False),
        (CLASSES, {**CLASSES, "target": "multi_label"}, False),
        ({"objective": "masked_lm"}, CLASSES, True),
        (NUMBER, NUMBER, False),
    ],
    ids=["the same labels", "other labels", "another target", "no head of ours", "a number"],
)
def test_the_head_of_a_base_is_kept_when_it_answers_the_same(
    tiny_config: MakeConfig, tmp_path: Path, known: dict[str, Any], target: dict[str, Any], kept: bool
) -> None:
    config = tiny_config("bert", vocab_size=300)
    config.num_labels = 1 if target["target"] == "number" else 3
    base = AutoModelForSequenceClassification.from_config(config)
    start = save(tmp_path / "base", base)
    (start / "model.json").write_text(json.dumps(known))

    made = task_of(target["target"], *target["labels"]).build(str(start), None, NONE).model

    assert output_layer(made).weight.equal(output_layer(base).weight) == kept


def test_a_base_in_half_precision_is_trained_in_float32(tiny_config: MakeConfig, tmp_path: Path) -> None:
    base = AutoModelForMaskedLM.from_config(tiny_config("bert", vocab_size=300)).to(torch.bfloat16)
    made = task.build(str(save(tmp_path / "base", base)), None, NONE)
    assert {parameter.dtype for parameter in made.model.parameters()} == {torch.float32}


def test_a_base_without_padding_and_mask_tokens_is_taken(tiny_config: MakeConfig, tmp_path: Path) -> None:
    base = AutoModelForCausalLM.from_config(tiny_config("gpt2", vocab_size=300))
    start = save(tmp_path / "base", base, pad_token=None, mask_token=None)
    config = json.loads((start / "config.json").read_text())
    (start / "config.json").write_text(json.dumps({**config, "pad_token_id": None}))
    tokens = json.loads((start / "tokenizer_config.json").read_text())
    (start / "tokenizer_config.json").write_text(json.dumps({**tokens, "eos_token": "[SEP]"}))

    made = task.build(str(start), None, NONE)
    samples = task_of(augment=0.3).samples(made, Examples.of(text=TEXTS, label=[0] * 6), View(16, seed=1))
    assert made.processor.pad_token == "[SEP]"
    assert made.model.config.pad_token_id == made.processor.pad_token_id
    assert task.forward(made.model, samples.batch(np.array([0, 1]), 0)).logits.shape == (2, 3)


@pytest.mark.parametrize(("kind", "objective"), [("gpt2", "masked_lm"), ("bert", "next_word")])
def test_a_base_reads_in_the_direction_of_the_objective(
    tiny_config: MakeConfig, tmp_path: Path, kind: str, objective: str
) -> None:
    auto = AutoModelForCausalLM if kind == "gpt2" else AutoModelForMaskedLM
    start = save(tmp_path / "base", auto.from_config(tiny_config(kind, vocab_size=300)))
    with pytest.raises(UserError, match=rf"'{objective}', and the base '.*' is a {kind}; masked_lm needs an encoder"):
        task.backbone(str(start), SHAPE, NONE, objective)


def test_remote_code_is_refused_and_not_run(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "trap", "auto_map": dict.fromkeys(("AutoConfig", "AutoModel"), "trap.Trap")})
    )
    (tmp_path / "trap.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')\nclass Trap: pass\n")
    with pytest.raises(UserError, match="cannot be loaded"):
        task.build(str(tmp_path), None, NONE)
    assert not (tmp_path / "sprung").exists()


def test_a_damaged_weight_file_is_one_sentence(tiny_config: MakeConfig, tmp_path: Path) -> None:
    start = save(tmp_path / "base", AutoModelForMaskedLM.from_config(tiny_config("bert", vocab_size=300)))
    (start / "model.safetensors").write_bytes((start / "model.safetensors").read_bytes()[:500])
    with pytest.raises(UserError, match=r"model\.safetensors cannot be read"):
        task.build(str(start), None, NONE)
