"""Ranked items: learnt from, taught by the best of a teacher's scores, answered, guessed without a model.

In a batch what was held out of users' histories lies end to end: `held_out`, int64 [sum], are items and `held_out_row`,
int64 [sum], whose they are; so do `items` and `items_row`, which the model is given. Items are numbered from the most
popular one on (`modalities/interactions/items.py`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stillhouse.components.targets.measure import Measure
from stillhouse.components.targets.ranking_measures import (
    NDCG_10,
    RECALL_20,
    coverage,
    ranking_statistics,
)
from stillhouse.components.targets.signal import Ragged

if TYPE_CHECKING:
    from torch import Tensor

NUMBER = 100
"""Items of an answer, where no more is said."""
TOP = 200
"""Items whose scores a teacher tells, where no more is said."""
SHOWN = 10
"""Items that a person or a service is told."""


@dataclass(frozen=True)
class Ranking:
    """The items of one dataset, as a target."""

    items: Sequence[str]
    """From the most popular one on."""

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The main one first."""
        return NDCG_10, RECALL_20, coverage(len(self.items))

    def statistics(self, answers: Sequence[np.ndarray], held_out: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """What the measures need, of each user the items answered and those held out, int64 [items]; see
        `ranking_statistics`."""
        return ranking_statistics(answers, held_out)

    def rows(self, answers: Sequence[np.ndarray]) -> Iterator[dict[str, Any]]:
        """What predict says of each user, whose answer is int64 [items]: up to ten of them by name, best first."""
        return ({"items": [self.items[item] for item in answer[:SHOWN]]} for answer in answers)


def multinomial(logits: "Tensor", batch: "Mapping[str, Tensor]") -> "tuple[Tensor, int]":
    """Minus the log-likelihood of what was held out (Liang et al., 2018, arXiv:1802.05814, equation 2), of each user
    the mean over the items and not the sum: users count alike, as they do in measures and in a teacher's signal.

    Args:
        logits: float [users, items].
        batch: held_out and held_out_row.

    Returns:
        The sum over users in nats, and of how many something was held out.
    """
    row = batch["held_out_row"]
    counts = row.bincount(minlength=len(logits))
    log_probabilities = logits.float().log_softmax(-1)[row, batch["held_out"]]
    return -(log_probabilities / counts[row]).sum(), int((counts > 0).sum())


BETA = 0.01
"""Weight of a variational model's divergence. Liang et al., 2018, section 2.2.2, found 0.2 best on MovieLens, beside
the sum over some ten to hundred items; the likelihood here is their mean."""


def autoencoder_loss(outputs: Any, batch: "Mapping[str, Tensor]", beta: float = BETA) -> "tuple[Tensor, int]":
    """`multinomial`, and of a variational model `beta` times its divergence.

    Args:
        outputs: logits float [users, items], and divergence float [users] or None.
        batch: held_out and held_out_row.

    Returns:
        The sum over users in nats, and of how many something was held out.
    """
    total, users = multinomial(outputs.logits, batch)
    if outputs.divergence is not None:
        total = total + beta * outputs.divergence.sum()
    return total, users


def top(logits: "Tensor", temperature: float, number: int = TOP) -> dict[str, Ragged]:
    """What a teacher tells: its best items and the mass of all the others, at that temperature.

    The mass depends on the temperature and cannot be had from it at another one: `soft_top` takes the same one.

    Args:
        logits: float [users, items].
        temperature: the logits are divided by it.
        number: items that are told; all where there are fewer.

    Returns:
        items int64 [sum] and scores float32 [sum], log-probabilities, best first; tail float32 [users], a probability.
    """
    import torch

    log_probabilities = (logits.float() / temperature).log_softmax(-1)
    users, num_items = logits.shape
    number = min(number, num_items)
    scores, items = log_probabilities.topk(number, dim=-1)
    counts = torch.full((users,), number, dtype=torch.int64, device=logits.device)
    others = log_probabilities.scatter(1, items, -torch.inf).exp().sum(-1)
    return {
        "items": Ragged(items.flatten(), counts),
        "scores": Ragged(scores.flatten(), counts),
        "tail": Ragged.of(others),
    }


def signal_bytes(users: int, num_items: int) -> int:
    """Memory that `top` takes of so many users."""
    return users * (4 + 12 * min(TOP, num_items))


def soft_top(logits: "Tensor", signal: "Mapping[str, Tensor]", temperature: float) -> "tuple[Tensor, int]":
    """Kullback-Leibler divergence of the student from the teacher over the told items and the rest as one, times
    temperature² (Hinton et al., 2015, arXiv:1503.02531); with all items told it is that of the full distributions.

    Args:
        logits: float [users, items], the student's.
        signal: the values of `top`, end to end: items, scores, tail; every user has as many items.
        temperature: that of `top`.

    Returns:
        The sum over users in nats, and how many those are.
    """
    import torch

    users = len(logits)
    items = signal["items"].long().view(users, -1)
    scores, tail = signal["scores"].float().view(users, -1), signal["tail"].float().view(users)
    own = (logits.float() / temperature).log_softmax(-1)
    total = (scores.exp() * (scores - own.gather(1, items))).sum()
    if items.shape[1] < logits.shape[1]:
        own_tail = own.scatter(1, items, -torch.inf).logsumexp(-1)
        total = total + (torch.xlogy(tail, tail) - tail * own_tail).sum()
    return total * temperature**2, users


def best(logits: "Tensor", batch: "Mapping[str, Tensor]", number: int = NUMBER) -> list[np.ndarray]:
    """The best items that a user has not taken yet, best first; of equal scores the more popular item comes first.

    Args:
        logits: float [users, items].
        batch: items and items_row, what the users have taken.

    Returns:
        For each user int32 [up to number]: fewer where fewer are left, or have a score that is a finite number.
    """
    import torch

    scores = logits.float().clone()
    scores[~torch.isfinite(scores)] = -torch.inf
    scores[batch["items_row"], batch["items"]] = -torch.inf
    ranked = scores.sort(dim=-1, descending=True, stable=True)
    items = ranked.indices[:, :number].int().cpu().numpy()
    answered = torch.isfinite(ranked.values[:, :number]).cpu().numpy()
    return [row[there] for row, there in zip(items, answered, strict=True)]


def most_popular(num_items: int, taken: Sequence[np.ndarray], number: int = NUMBER) -> list[np.ndarray]:
    """The trivial baseline: for each user the most popular items but those `taken`, int32 [up to number]."""
    found = []
    for each in taken:
        first = np.arange(min(num_items, number + len(each)), dtype=np.int32)
        found.append(first[~np.isin(first, each)][:number])
    return found
