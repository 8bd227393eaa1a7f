"""The head of a network that answers with classes, label sets or a number: what it is called, what its logits say."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

PROBLEM_TYPES = {
    "classes": "single_label_classification",
    "multi_label": "multi_label_classification",
    "number": "regression",
}
"""What transformers calls our kinds of target."""


def head_options(target: str, labels: Sequence[str]) -> dict[str, Any]:
    """Options of a transformers configuration for a target and its labels; a number has one label, value.

    Returns:
        num_labels, id2label, label2id and problem_type.
    """
    return {**label_names(labels or ["value"]), "problem_type": PROBLEM_TYPES[target]}


def label_names(labels: Sequence[str]) -> dict[str, Any]:
    """Options of a transformers configuration for a head with these labels: num_labels, id2label, label2id."""
    return {
        "num_labels": len(labels),
        "id2label": dict(enumerate(labels)),
        "label2id": {label: i for i, label in enumerate(labels)},
    }


def answers_otherwise(known: Mapping[str, Any], target: str, labels: Sequence[str]) -> bool:
    """Whether the head of a model of ours, whose model.json is `known`, is of no use for this target and these labels;
    a model.json without target has no head of ours, and neither has one that is empty.

    The head of a number answers in real units, and a network learns a number in others.
    """
    return "target" in known and (target == "number" or known["target"] != target or known["labels"] != list(labels))


def probabilities(target: str, logits: "Tensor") -> "Tensor":
    """What logits (float [rows, labels]) say: float32 [rows, labels], probabilities that sum to 1 for classes, one for
    each label for multi_label, [rows, 1] values as they are for number.

    A row with a logit that is not a finite number is nan in all labels: there is no answer.
    """
    import torch

    logits = logits.float()
    logits = logits.masked_fill(~logits.isfinite().all(-1, keepdim=True), torch.nan)
    return {"classes": lambda x: x.softmax(-1), "multi_label": torch.sigmoid, "number": lambda x: x}[target](logits)
