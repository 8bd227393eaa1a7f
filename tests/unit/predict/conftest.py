"""A tiny model from random weights."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

MakeModel = Callable[..., Path]

TEXTS = ["buy cheap pills now", "the meeting is at noon", "win money win money", "see you tomorrow"]


@pytest.fixture(scope="session")
def make_model(tmp_path_factory: pytest.TempPathFactory) -> MakeModel:
    """Writes a model folder for a kind of target."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    from stillhouse.components.modalities.text.tokenizer import train_tokenizer

    def make(
        target: str = "classes", labels: Sequence[str] = ("ham", "spam"), columns: Sequence[str] = ("text",)
    ) -> Path:
        torch.manual_seed(1)
        folder = tmp_path_factory.mktemp("models") / "model"
        tokenizer = train_tokenizer(TEXTS, vocab_size=300, max_length=32)
        config = BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=32,
        )
        config.num_labels = max(len(labels), 1)
        BertForSequenceClassification(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        info = {
            "task": "text_classification",
            "target": target,
            "labels": list(labels),
            "columns": {"text": list(columns), "label": "label"},
            "max_length": 32,
        }
        (folder / "model.json").write_text(json.dumps(info))
        return folder

    return make


@pytest.fixture(scope="session")
def model(make_model: MakeModel) -> Path:
    """A model that tells ham from spam, at random."""
    return make_model()
