"""The file that MLflow keeps beside a registered text classifier and runs to load it (models from code).

It needs torch, transformers and pandas, nothing of Stillhouse. MLflow runs it when the model is logged, too,
where there may be no torch: so that and transformers are imported when the model is loaded.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

BATCH_ROWS = 32
CHARACTERS_PER_TOKEN = 12
"""As stillhouse.components.tasks.text cuts long texts; a test holds the two together."""


class TextModel(PythonModel):
    """Answers for texts with the most likely label and the probability of each (or with a value)."""

    def load_context(self, context: Any) -> None:
        """Load the transformers folder that is the artifact `model`; safetensors only, no remote code."""
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        folder = context.artifacts["model"]
        safe = {"local_files_only": True, "trust_remote_code": False}
        self.info = json.loads(Path(folder, "model.json").read_text())
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder, **safe)
        self.model = AutoModelForSequenceClassification.from_pretrained(
            folder, use_safetensors=True, dtype=torch.float32, **safe
        ).eval()

    def predict(  # pyrefly: ignore[bad-override] - the parent's bare body reads as "returns None"
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Answer for a table with a column `text`; MLflow checks that it has one and drops the others.

        Returns:
            One row per text: `label` (for a multi-label target the list of those with at least 0.5), `score`
            (the highest probability) and `probability_<label>` of each label; for a numeric target `value`.
        """
        logits = self._logits(model_input["text"].tolist())
        target, labels = self.info["target"], self.info["labels"]
        if target == "number":
            return pd.DataFrame({"value": logits[:, 0]})
        scores = _sigmoid(logits) if target == "multi_label" else _softmax(logits)
        if target == "multi_label":
            chosen = [[label for label, p in zip(labels, row, strict=True) if p >= 0.5] for row in scores]
        else:
            chosen = [labels[index] for index in scores.argmax(axis=1)]
        columns = {f"probability_{label}": scores[:, index] for index, label in enumerate(labels)}
        return pd.DataFrame({"label": chosen, "score": scores.max(axis=1), **columns})

    def _logits(self, texts: list[str]) -> np.ndarray:
        """Float32 [texts, labels]; texts of like length share a batch, so that little is padded."""
        import torch

        logits = np.zeros((len(texts), self.model.config.num_labels), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        for start in range(0, len(order), BATCH_ROWS):
            rows = order[start : start + BATCH_ROWS]
            ids = self.tokenizer([self._shortened(texts[row]) for row in rows])["input_ids"]
            batch = self.tokenizer.pad({"input_ids": [self._ends(one) for one in ids]}, return_tensors="pt")
            with torch.inference_mode():
                logits[rows] = self.model(**batch).logits.numpy()
        return logits

    def _shortened(self, text: str) -> str:
        """Without the characters in the middle that no token of the answer comes from."""
        half = self.info["max_length"] * CHARACTERS_PER_TOKEN // 2
        return text if len(text) <= 2 * half else f"{text[:half]} {text[-half:]}"

    def _ends(self, ids: list[int]) -> list[int]:
        """The first and the last half of what is too long: what the model was trained on."""
        limit = self.info["max_length"]
        return ids if len(ids) <= limit else ids[: limit - limit // 2] + ids[-(limit // 2) :]


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits))


set_model(TextModel())
