"""How good ranked items are, under any weights of the users.

Definitions are RecBole's (1.2) and torchmetrics': gains of 1, a discount of log2(1 + rank), the ideal list as long as
min(10, items that were held out), recall over all items that were held out. Liang et al., 2018 divide recall@20 by
min(20, held out) instead, so theirs is higher for users with more. Users of whom nothing is held out are in no mean.
"""

from collections.abc import Sequence

import numpy as np

from stillhouse.components.targets.measure import Measure, Statistics, Weights
from stillhouse.components.targets.resamples import add_up, blocks

NDCG_AT = 10
RECALL_AT = 20
COVERAGE_AT = 10


def ranking_statistics(answers: Sequence[np.ndarray], held_out: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """All that the measures need of one model's answers.

    Args:
        answers: for each user whole numbers [up to 100], items, best first, none twice.
        held_out: for each user whole numbers [any], the items that were asked for, none twice.

    Returns:
        For each user, [users]: dcg and ideal_dcg float64, hits and wanted int64. Flat, for each of the first 10 answers
        of each user: flat_row and flat_item, int64 [answers].
    """
    discounts = 1 / np.log2(np.arange(2, NDCG_AT + 2))
    ideal = np.concatenate([[0.0], np.cumsum(discounts)])
    dcg, hits = np.zeros(len(answers)), np.zeros(len(answers), np.int64)
    wanted = np.array([len(each) for each in held_out], np.int64)
    for user, (answer, truth) in enumerate(zip(answers, held_out, strict=True)):
        hit = np.isin(answer[: max(NDCG_AT, RECALL_AT)], truth)
        first = hit[:NDCG_AT]
        dcg[user] = discounts[: len(first)][first].sum()
        hits[user] = hit[:RECALL_AT].sum()
    shown = [np.asarray(answer[:COVERAGE_AT], np.int64) for answer in answers]
    return {
        "dcg": dcg,
        "ideal_dcg": ideal[np.minimum(wanted, NDCG_AT)],
        "hits": hits,
        "wanted": wanted,
        "flat_row": np.repeat(np.arange(len(answers)), [len(each) for each in shown]),
        "flat_item": np.concatenate([np.zeros(0, np.int64), *shown]),
    }


def ndcg_of_each(statistics: Statistics) -> np.ndarray:
    """float64 [users]; nan where nothing was held out."""
    ideal = statistics["ideal_dcg"]
    return np.divide(statistics["dcg"], ideal, out=np.full(len(ideal), np.nan), where=ideal > 0)


def _mean(of_each: np.ndarray, weights: Weights) -> np.ndarray:
    known = np.isfinite(of_each)
    users = (weights @ known.astype(np.float64)).astype(np.float64)
    total = weights @ np.where(known, of_each, 0.0)
    return np.divide(total, users, out=np.full(len(users), np.nan), where=users > 0)


def _ndcg(statistics: Statistics, weights: Weights) -> np.ndarray:
    return _mean(ndcg_of_each(statistics), weights)


def _recall(statistics: Statistics, weights: Weights) -> np.ndarray:
    wanted = statistics["wanted"]
    of_each = np.divide(statistics["hits"], wanted, out=np.full(len(wanted), np.nan), where=wanted > 0)
    return _mean(of_each, weights)


def coverage(num_items: int) -> Measure:
    """Share of the `num_items` known items that some user is shown among the first 10 (RecBole's ItemCoverage,
    which counts its padding item among the known ones: n / (num_items + 1)).

    Under weights: of the union over users whose weight is above 0; how often a user was drawn changes nothing, as in
    the literal resample. A resample has about 63 % of the users, so that its coverage lies below that of all of them:
    its spread tells more than its place, and paired differences of two models are fair. Of no user at all it is nan.
    """

    def value(statistics: Statistics, weights: Weights) -> np.ndarray:
        known = np.flatnonzero(statistics["flat_item"] < num_items)  # a model of other data may know others, too
        by_item = known[np.argsort(statistics["flat_item"][known], kind="stable")]
        items = statistics["flat_item"][by_item]
        bounds = np.concatenate([np.flatnonzero(np.diff(items, prepend=-1)), [len(items)]])
        found = [np.zeros(0)]
        for block in blocks(weights):
            drawn = (block > 0).astype(np.int32)
            shown = (add_up(drawn, statistics["flat_row"][by_item], bounds) > 0).sum(axis=0) / num_items
            found.append(np.where(drawn.any(axis=0), shown, np.nan))
        return np.concatenate(found)

    return Measure("coverage_10", "coverage@10", value)


NDCG_10 = Measure("ndcg_10", "NDCG@10", _ndcg)
RECALL_20 = Measure("recall_20", "recall@20", _recall)
