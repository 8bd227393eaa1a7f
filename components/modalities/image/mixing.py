"""The truth of pictures that were mixed with others."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

NO_CLASS = -100


def with_mixed_labels(batch: "Mapping[str, Tensor]", num_labels: int) -> "Mapping[str, Tensor]":
    """A batch of `ImageSamples` whose labels are those of both pictures by their shares; as it is where none is mixed.

    Args:
        num_labels: classes; their labels int64 [rows] become float32 [rows, labels], zeros where both have none.
    """
    from torch.nn.functional import one_hot

    if "own_share" not in batch:
        return batch
    own, labels, others = batch["own_share"], batch["labels"], batch["other_labels"]
    if not labels.is_floating_point():
        labels, others = (
            one_hot(each.clamp(min=0), num_labels).float() * (each != NO_CLASS)[:, None] for each in (labels, others)
        )
    share = own[:, None] if labels.dim() > 1 else own
    return {**batch, "labels": share * labels + (1 - share) * others}
