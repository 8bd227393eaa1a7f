"""The recipes for GPUs: the networks that they name have the published sizes, their pods ask for a GPU, and the same
settings train tiny networks to the losses of golden files.

The files are made by COMMAND; say in the commit why.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from golden_losses import hold
from pictures import write_pictures
from tagged_words import FILLER, write_tagged_dataset
from tiny_bases import BERT_NAMES, WORDS, wordpiece, write_base
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertForTokenClassification,
    PreTrainedConfig,
    PreTrainedModel,
    ResNetConfig,
    ResNetForImageClassification,
)

from stillhouse.components.inspect.settings import Parameters, StepSettings
from stillhouse.components.modalities.image.preprocessing import Preprocessing
from stillhouse.components.models.layers import num_positions, take_layers
from stillhouse.components.tasks import load_task
from stillhouse.pipelines.compiling.options import ClusterOptions
from stillhouse.pipelines.compiling.pipeline_yaml import compile_pipeline
from stillhouse.pipelines.recipes.recipe import load_recipe, shipped_recipes

GOLDEN = Path(__file__).parents[2] / "training" / "golden"
COMMAND = "STILLHOUSE_MAKE_GOLDEN=1 .venv/bin/pytest tests/unit/pipelines/recipes/test_gpu_recipes.py"
RECIPES = [name for name in shipped_recipes() if name.endswith("_gpu")]
SIDE = 32
Workshop = Any
"""conftest.Workshop"""

Network = tuple[type[PreTrainedModel], PreTrainedConfig]
SMALL_RESNET: dict[str, Any] = {"hidden_sizes": [64, 128, 256, 512], "depths": [2, 2, 2, 2], "layer_type": "basic"}
PUBLISHED: dict[str, tuple[Network, int]] = {
    "hf://microsoft/resnet-50": ((ResNetForImageClassification, ResNetConfig()), 25_557_032),
    "hf://microsoft/resnet-18": ((ResNetForImageClassification, ResNetConfig(**SMALL_RESNET)), 11_689_512),
    "hf://google-bert/bert-base-uncased": ((BertForSequenceClassification, BertConfig()), 109_482_240),
    "hf://google-bert/bert-base-cased": ((BertForTokenClassification, BertConfig(vocab_size=28_996)), 108_310_272),
}
"""Networks by address, their configurations as they are published, and the parameters that are said of them: of ResNets
with a head of 1,000 labels, of BERTs without any and with a pooler."""
TINY_RESNET: dict[str, Any] = {"embedding_size": 4, "hidden_sizes": [4, 8], "depths": [1, 1]}
QUICK = {"epochs": 1, "max_length": 32, "num_workers": 0}
BATCH = {"image": 16, "token": 256}
"""By the unit of a kind of problem."""


def steps_of(name: str, *overrides: str) -> StepSettings:
    """The settings of each step of a run of the recipe."""
    return Parameters.of_recipe(load_recipe(name, overrides).parameters()).steps(name)


def published(address: str, num_labels: int) -> PreTrainedModel:
    """The network at an address under a head, without memory."""
    (kind, config), _ = PUBLISHED[address]
    config.num_labels = num_labels
    with torch.device("meta"):
        return kind(config)


def size_of(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("address", PUBLISHED)
def test_networks_have_the_published_numbers_of_parameters(address: str) -> None:
    (kind, config), size = PUBLISHED[address]
    if kind is ResNetForImageClassification:
        assert size_of(published(address, 1000)) == size
    else:
        from transformers import BertModel

        with torch.device("meta"):
            assert size_of(BertModel._from_config(config)) == size


@pytest.mark.parametrize("name", RECIPES)
def test_the_networks_of_a_recipe_take_what_it_shows_them(name: str) -> None:
    steps = steps_of(name)
    teacher, student = published(steps["finetune"].base, 7), steps["distill"].student
    with torch.device("meta"):
        smaller = published(student.base, 7) if student.base else take_layers(teacher, student.layers or 1)
    for network in (teacher, smaller):
        if isinstance(network, ResNetForImageClassification):
            assert network(torch.empty(2, 3, 224, 224, device="meta")).logits.shape == (2, 7)
        else:
            longest = max(steps[step].loop.max_length for step in ("pretrain", "finetune", "distill"))
            assert longest <= num_positions(network)
            tokens = torch.ones(2, longest, dtype=torch.int64, device="meta")
            shape = (2, 7) if name.startswith("text") else (2, longest, 7)
            assert network(tokens).logits.shape == shape
    assert size_of(smaller) < 0.65 * size_of(teacher)


@pytest.mark.parametrize("name", RECIPES)
def test_pods_of_the_steps_that_train_ask_for_a_gpu(name: str, tmp_path: Path) -> None:
    compile_pipeline(load_recipe(name).parameters(), tmp_path / "run.yaml", ClusterOptions(hardware="gpu"))
    spec = next(yaml.safe_load_all((tmp_path / "run.yaml").read_text()))
    form = spec["root"]["inputDefinitions"]["parameters"]
    assert (form["gpu_count"]["defaultValue"], form["gpu_type"]["defaultValue"]) == ("1", "nvidia.com/gpu")
    containers = spec["deploymentSpec"]["executors"]
    asking = {
        step.removeprefix("exec-")
        for step, found in containers.items()
        if "accelerator" in found.get("container", {}).get("resources", {})
    }
    assert asking == {"finetune", "distill", "evaluate"} | ({"pretrain"} if name.startswith("text") else set())


def tiny_resnet(folder: Path, layer_type: str) -> Path:
    torch.manual_seed(1)
    config = ResNetConfig(**TINY_RESNET, layer_type=layer_type)
    config.num_labels = 5
    ResNetForImageClassification(config).save_pretrained(folder)
    Preprocessing(shortest=SIDE + 4, crop=(SIDE, SIDE)).save(folder)
    return folder


def pictures(folder: Path, recipe: Any) -> tuple[Path, list[str]]:
    bases = [tiny_resnet(folder / kind, kind) for kind in ("bottleneck", "basic")]
    dataset = write_pictures(folder / "dataset", **recipe.input.model_dump(exclude_unset=True))
    return dataset, [f"model.base={bases[0]}", f"model.student.base={bases[1]}"]


def tiny_bert(folder: Path) -> list[str]:
    base = write_base(folder / "base", wordpiece([*WORDS, *FILLER]), "bert", BERT, num_hidden_layers=2)
    return [f"model.base={base}", "model.student.layers=1"]


BERT = {"tokenizer_class": "BertTokenizer", **BERT_NAMES, "do_lower_case": False}
TINY: dict[str, Callable[[Workshop, Any], tuple[Path, list[str]]]] = {
    "image_classification_gpu": lambda workshop, recipe: pictures(workshop.folder, recipe),
    "text_classification_gpu": lambda workshop, recipe: (workshop.dataset(), tiny_bert(workshop.folder)),
    "token_classification_gpu": lambda workshop, recipe: (
        write_tagged_dataset(workshop.folder / "dataset"),
        tiny_bert(workshop.folder),
    ),
}
"""A dataset for each recipe, and what makes its networks tiny."""


@pytest.mark.parametrize("name", RECIPES)
def test_tiny_networks_train_to_the_losses_of_the_golden_file(name: str, workshop: Workshop) -> None:
    recipe = load_recipe(name)
    dataset, overrides = TINY[name](workshop, recipe)
    batch = BATCH[load_task(recipe.task).unit.name]
    for step in ("pretrain", "finetune", "distill"):
        loop = {**QUICK, "batch_tokens": batch, "micro_batch_tokens": batch}
        overrides += [f"{step}.loop.{key}={value}" for key, value in loop.items()]
    steps: dict[str, Any] = {**steps_of(name, *overrides)}
    losses: list[float] = []

    def run(step: str, **paths: Path) -> Path:
        done = workshop.run(step, steps[step].model_dump(), dataset=dataset, **paths)
        losses.extend(value for name, _, value in done.points if name == "train/loss")
        return done.model

    backbone = {} if steps["pretrain"].objective == "none" else {"backbone": run("pretrain")}
    run("distill", teacher=run("finetune", **backbone))
    hold(losses, GOLDEN / f"{name}.json", COMMAND)
