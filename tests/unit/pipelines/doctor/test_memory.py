"""The doctor's estimate of memory: held against real models, and against the room there is."""

from types import SimpleNamespace
from typing import Any

import pytest

from stillhouse.components.models.settings import Architecture
from stillhouse.components.tasks.interface.settings import settings_for_name
from stillhouse.components.training.settings import LoopSettings
from stillhouse.pipelines.compiling.options import ClusterOptions
from stillhouse.pipelines.doctor.check import Visit
from stillhouse.pipelines.doctor.memory import activation_bytes, memory
from stillhouse.pipelines.recipes.recipe import Recipe

SHAPES = [
    Architecture(),
    Architecture(layers=2, width=96, heads=2, vocab_size=8000, max_length=256),
    Architecture(layers=6, width=384, heads=12, feed_forward=1000, vocab_size=30000),
    Architecture(network="lstm", layers=3, width=64, vocab_size=8000),
]


def backbone(architecture: Architecture) -> Any:
    """The model that the tasks make of it; a transformer without memory of its own."""
    import torch
    from transformers import BertConfig, BertModel

    from stillhouse.components.models.lstm import LstmConfig, LstmModel

    if architecture.network == "lstm":
        shape = {"vocab_size": architecture.vocab_size, "num_hidden_layers": architecture.layers}
        return LstmModel(LstmConfig(hidden_size=2 * architecture.width, **shape))
    with torch.device("meta"):
        return BertModel(
            BertConfig(
                vocab_size=architecture.vocab_size,
                hidden_size=architecture.width,
                num_hidden_layers=architecture.layers,
                num_attention_heads=architecture.heads,
                intermediate_size=architecture.feed_forward or 4 * architecture.width,
                max_position_embeddings=architecture.max_length,
                attention_probs_dropout_prob=0.0,
            )
        )


@pytest.mark.parametrize("architecture", SHAPES, ids=str)
def test_the_parameters_are_counted_to_the_last(architecture: Architecture) -> None:
    assert architecture.parameters == sum(weight.numel() for weight in backbone(architecture).parameters())


@pytest.mark.parametrize("architecture", [SHAPES[1], SHAPES[3]], ids=str)
def test_the_activations_are_those_that_torch_keeps_within_a_tenth(architecture: Architecture) -> None:
    import torch

    rows, length = 16, 64
    model = backbone(architecture).train()
    weights = {id(weight) for weight in model.parameters()}
    kept: dict[Any, int] = {}

    def keep(tensor: Any) -> Any:
        if id(tensor) not in weights and not (tensor._base is not None and id(tensor._base) in weights):
            kept[id(tensor)] = tensor.numel() * tensor.element_size()
            held.append(tensor)  # so that no other gets its id
        return tensor

    held: list[Any] = []
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model(input_ids=torch.zeros(rows, length, dtype=torch.long, device=model.device))
    guessed = activation_bytes(architecture, LoopSettings(micro_batch_tokens=rows * length))
    assert sum(kept.values()) == pytest.approx(guessed, rel=0.1)


def judged(hardware: str = "cpu", **teacher: Any) -> tuple[str, str]:
    """Level and sentence for a teacher of that shape."""
    recipe = {"name": "spam", "data": {"source": "s3://data/spam.csv"}, "model": {"teacher": teacher}}
    found = memory(Visit(Recipe.model_validate(recipe), ClusterOptions(hardware=hardware), None))
    return found.level, found.text


def test_a_small_model_fits() -> None:
    level, text = judged(layers=2, width=96, heads=2)
    assert (level, "the pod has 8 GiB" in text) == ("ok", True)


def test_an_lstm_is_judged_as_well() -> None:
    level, text = judged(network="lstm", layers=2, width=64)
    assert (level, "(0.645 million parameters, a batch); the pod has 8 GiB" in text) == ("ok", True)


def test_what_other_kinds_of_models_take_is_not_known_from_here() -> None:
    recipe = {"name": "flights", "task": "tabular", "data": {"source": "s3://data/flights.csv"}}
    found = memory(Visit(settings_for_name(Recipe, "tabular").model_validate(recipe), ClusterOptions(), None))
    assert (found.level, found.text) == (
        "not checked",
        "The size of models of the task tabular is not known from here.",
    )


def test_a_batch_that_is_too_large_is_a_warning() -> None:
    level, text = judged(layers=12, width=768, heads=12)
    assert (level, "take --hardware FILE.yaml, or a smaller micro_batch_tokens" in text) == ("warning", True)


def test_a_model_that_cannot_fit_is_a_failure() -> None:
    level, text = judged(layers=48, width=2048, heads=16)
    assert (level, "less than the models alone need" in text) == ("failure", True)


def labelled(mebibytes: str) -> Any:
    """A cluster whose node has a GPU of that size."""
    node = SimpleNamespace(
        metadata=SimpleNamespace(labels={"nvidia.com/gpu.memory": mebibytes}),
        status=SimpleNamespace(allocatable={"nvidia.com/gpu": "1"}),
    )
    return SimpleNamespace(list_node=lambda **_: SimpleNamespace(items=[node]))


@pytest.mark.parametrize(("mebibytes", "level"), [("81920", "ok"), ("8192", "warning"), ("2048", "failure")])
def test_on_a_gpu_the_memory_that_its_node_tells_counts(
    monkeypatch: pytest.MonkeyPatch, mebibytes: str, level: str
) -> None:
    monkeypatch.setattr(Visit, "core", labelled(mebibytes))
    found, text = judged("gpu", layers=12, width=768, heads=12)
    assert (found, "a GPU has" in text) == (level, True)


def test_in_a_gpu_pod_processes_and_shared_memory_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Visit, "core", labelled("0"))
    level, text = judged("gpus-4", layers=2, width=96, heads=2)
    assert (level, "CUDA for each of 4 GPUs, all of the shared memory); the pod has 128 GiB." in text) == ("ok", True)


def test_the_size_of_a_pretrained_model_is_not_known_from_here() -> None:
    recipe = {"name": "spam", "data": {"source": "s3://data/spam.csv"}, "model": {"base": "hf://owner/bert"}}
    found = memory(Visit(Recipe.model_validate(recipe), ClusterOptions(), None))
    assert (found.level, found.text) == ("not checked", "The size of hf://owner/bert is not known from here.")


def test_a_base_that_the_run_chooses_takes_no_more_than_the_packaged_one() -> None:
    recipe = {"name": "spam", "data": {"source": "s3://data/spam.csv"}}
    found = memory(Visit(Recipe.model_validate(recipe), ClusterOptions(), None))
    assert found.level == "ok"
    assert "(22.7 million parameters, a batch)" in found.text
