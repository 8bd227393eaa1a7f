"""The losses of a small fine-tuning, kept as test data: a change of the loop that moves them is seen.

The file is made by `STILLHOUSE_MAKE_GOLDEN=1 pytest tests/unit/training/test_golden.py`; say in the commit why.
"""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from golden_losses import hold
from transformers import AutoModelForSequenceClassification, BertConfig

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.modalities.text.samples import TextSamples
from stillhouse.components.tasks.text_classification import TextClassification
from stillhouse.components.training.loop import Training
from stillhouse.components.training.randomness import seed_everything
from stillhouse.components.training.settings import LoopSettings, OptimizerSettings

SPEC = Spec(
    format=1,
    task="text_classification",
    target="classes",
    labels=["without", "with"],
    columns={},
    content_digest="",
)
task = TextClassification(SPEC)

GOLDEN = Path(__file__).parent / "golden" / "finetune.json"
COMMAND = "STILLHOUSE_MAKE_GOLDEN=1 .venv/bin/pytest tests/unit/training/test_golden.py"
Toy = Any
"""conftest.Toy"""


def losses(toy: Toy) -> list[float]:
    """Loss of each step of a BERT of two layers on 120 samples that hold token 7 or not; dropout on, one thread."""
    draw = np.random.default_rng(11)
    lengths = draw.integers(4, 40, size=120)
    tokens = draw.integers(5, 50, size=lengths.sum()).astype(np.int32)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    targets = np.array([int(7 in tokens[a:b]) for a, b in pairwise(offsets)])
    loss = task.training_loss(Examples.of(label=targets), class_weights="none", label_smoothing=0.1)
    seed_everything(3)
    model = AutoModelForSequenceClassification.from_config(
        BertConfig(
            vocab_size=50,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=40,
        )
    )
    Training(
        model,
        TextSamples(tokens, offsets, 0, targets),
        lambda network, batch: loss(task.forward(network, batch), batch),
        settings=LoopSettings(epochs=5, batch_tokens=400, micro_batch_tokens=300, seed=3),
        optimizer=OptimizerSettings(learning_rate=3e-3, layer_decay=0.9),
        num_layers=2,
        report=toy.record,
    ).run()
    return list(toy.record.curve("train/loss").values())


def test_the_losses_are_those_of_the_golden_file(toy: Toy) -> None:
    hold(losses(toy), GOLDEN, COMMAND)
