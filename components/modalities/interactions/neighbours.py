"""The strong baseline, and groups of items."""

from collections.abc import Sequence

import numpy as np

from stillhouse.components.modalities.interactions.items import Encoded

NEIGHBOURS = 100
_USERS = 256
"""Users that are scored together."""


def item_neighbours(
    train: Encoded, shown: Sequence[np.ndarray], num_items: int, number: int = 100, neighbours: int = NEIGHBOURS
) -> list[np.ndarray]:
    """For each user the items most like those shown, without them: the sum of cosines over users who took both
    (Sarwar et al., 2001, doi:10.1145/371920.372071). Equal sums: the more popular item first.

    Args:
        train: training histories.
        shown: for each user whole numbers [any], items.
        num_items: items that are known.
        number: items of an answer.
        neighbours: an item counts for so many others, those most like it.

    Returns:
        int32 [up to number] for each user: only items that have something in common with those shown.
    """
    from scipy.sparse import csr_matrix

    counts = np.bincount(train.items, minlength=num_items)
    scale = 1 / np.sqrt(np.maximum(counts, 1))
    taken = csr_matrix((scale[train.items], train.items, train.offsets), shape=(len(train.offsets) - 1, num_items))
    like = csr_matrix(taken.T @ taken)
    like.setdiag(0.0)
    like = _nearest(like, neighbours)
    found: list[np.ndarray] = []
    for start in range(0, len(shown), _USERS):
        some = shown[start : start + _USERS]
        bounds = np.concatenate([[0], np.cumsum([len(each) for each in some])])
        items = np.concatenate([np.zeros(0, np.int64), *some])
        scores = (csr_matrix((np.ones(len(items)), items, bounds), shape=(len(some), num_items)) @ like).toarray()
        for score, each in zip(scores, some, strict=True):
            score[each] = 0.0
            order = np.argsort(-score, kind="stable")[:number]
            found.append(order[score[order] > 0].astype(np.int32))
    return found


def _nearest(like, neighbours: int):  # noqa: ANN001, ANN202 (a matrix of SciPy, which has no types)
    """The same with only the largest values of each row."""
    from scipy.sparse import csr_matrix

    rows, columns, values = [], [], []
    for row in range(like.shape[0]):
        begin, end = like.indptr[row], like.indptr[row + 1]
        order = np.lexsort((like.indices[begin:end], -like.data[begin:end]))[:neighbours]
        columns.append(like.indices[begin:end][order])
        values.append(like.data[begin:end][order])
        rows.append(len(order))
    bounds = np.concatenate([[0], np.cumsum(rows)])
    return csr_matrix((np.concatenate(values), np.concatenate(columns), bounds), shape=like.shape)


def item_groups(embeddings: np.ndarray, number: int, seed: int, shown: int = 8) -> list[tuple[int, list[int]]]:
    """k-means of the items' embeddings by direction: how many items each group has, and its most popular ones.

    Args:
        embeddings: float [items, hidden], from the most popular item on.
        number: groups; no more than there are items.
        seed: of the first centres.
        shown: items of a group that are told.

    Returns:
        From the largest group on.
    """
    from sklearn.cluster import KMeans

    length = np.linalg.norm(embeddings, axis=1, keepdims=True)
    directions = embeddings / np.where(length > 0, length, 1.0)
    group_of = KMeans(min(number, len(directions)), n_init=3, random_state=seed).fit_predict(directions)
    groups = [np.flatnonzero(group_of == group) for group in np.unique(group_of)]
    groups.sort(key=lambda group: (-len(group), group[0]))
    return [(len(group), group[:shown].tolist()) for group in groups]
