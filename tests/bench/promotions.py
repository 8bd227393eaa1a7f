"""A year of promotions in 1,000 worlds: what becomes of the true quality, with the anchor's ledger and without.

    python tests/bench/promotions.py

Each night a candidate answers 1,200 fresh test rows beside the champion and the anchor, and the gate decides. Models
are right or wrong on a row by a shared difficulty and a part of their own (a Gaussian copula), so that two of accuracy
0.97 differ on 0.6 % of the rows. Whole nights are drawn as counts of rows by who is right. The gate is a fast path of
the real one, held against it (`measured`, `paired_difference`, `paired_estimate`, `judge`) on a sample before the table
is written between the markers of docs/promotion.md.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from results_page import put
from scipy.special import ndtr, ndtri

from stillhouse.components.artifacts.evaluation import Evaluation
from stillhouse.components.artifacts.ledger import alpha_of
from stillhouse.components.artifacts.promotion_record import Entry
from stillhouse.components.evaluate.intervals import measured, paired_difference, paired_estimate
from stillhouse.components.promote.bounds import rows_needed
from stillhouse.components.promote.gates import judge
from stillhouse.components.promote.looking import Stake
from stillhouse.components.promote.settings import PromoteSettings
from stillhouse.components.targets.bounds import UNSEEN, student
from stillhouse.components.targets.measure import Measure

ROWS, NIGHTS, WORLDS, START, RESAMPLES, SEED = 1200, 365, 1000, 0.97, 2000, 1
SETTINGS = PromoteSettings(model_name="worlds", task="text_classification")
MARGIN, WITHIN = SETTINGS.within_anchor, SETTINGS.within_champion
DIFFERING = 0.006
"""Share of rows on which two models of accuracy 0.97 differ: so the gate promotes as often as it was seen to."""
STEP = 1e-4
"""True accuracies are multiples of this."""
ACCURACY = Measure("accuracy", "accuracy", lambda found, weights: weights @ found["right"] / weights.sum(axis=1))
PAGE = Path(__file__).parents[2] / "docs" / "promotion.md"
RIVALS = 500
"""Candidates of the adversary."""

Quality = Callable[[int, np.ndarray, np.random.Generator], np.ndarray]
"""True accuracy float64 [worlds] of a night's candidates, by the night and the champions' accuracy."""


class Bounds(NamedTuple):
    """Of the difference in accuracy, float64 of any shape."""

    lower: np.ndarray
    """The percentile of the resamples that the champion's gate goes by."""
    spread: np.ndarray
    """Their standard deviation."""


class Resamples:
    """Bounds of all differences that ROWS rows can show, by real resamples: each pair of counts is measured once."""

    def __init__(self) -> None:
        drawn: list[np.ndarray] = []
        watch = Measure("", "", lambda _, weights: drawn.append(weights) or np.zeros(len(weights)))
        measured({"": {}}, [watch], ROWS, resamples=RESAMPLES, seed=SEED)
        self._sums = np.zeros((RESAMPLES, ROWS + 1))
        np.cumsum(np.concatenate(drawn[:-1]), axis=1, out=self._sums[:, 1:])
        self._known = np.full((2, ROWS + 1, ROWS + 1), np.nan, np.float64)

    def of(self, gains: np.ndarray, losses: np.ndarray) -> Bounds:
        """Of rows that only the candidate, and only the other has right: the first ones, and those after them."""
        for gained, lost in np.unique(np.stack([gains, losses], 1)[np.isnan(self._known[0, gains, losses])], axis=0):
            both = self._sums[:, gained + lost]
            resampled = (2 * self._sums[:, gained] - both) / ROWS
            self._known[:, gained, lost] = np.percentile(resampled, 5), resampled.std()
        return Bounds(*self._known[:, gains, losses])


def lower_bounds(gains: np.ndarray, losses: np.ndarray, spread: np.ndarray, alpha: float) -> np.ndarray:
    """What `bounds.lower_bound` gives, for many at once."""
    z, differing = student(-float(ndtri(alpha)), ROWS - 1), np.maximum(gains + losses, 1)
    cost = np.maximum(1 / ROWS, spread / np.sqrt(differing))
    return (gains - losses) / ROWS - cost * (z * z + 2) / 3 - z * np.sqrt(spread**2 + UNSEEN * cost**2)


class Rows:
    """Draws who of three models is right on each of ROWS rows."""

    def __init__(self) -> None:
        nodes = np.linspace(-6, 6, 241)
        weights = np.exp(-(nodes**2) / 2)
        self.nodes, self._weights = nodes, weights / weights.sum()
        low, high = 0.5, 0.9999
        while high - low > 1e-6:
            middle = (low + high) / 2
            self._set(middle, np.array([START]))
            shared = float((self._right[0] ** 2 * self._weights).sum())
            low, high = (middle, high) if 2 * (START - shared) > DIFFERING else (low, middle)
        self._set(low, np.arange(round(1 / STEP) + 1) * STEP)

    def chance(self, quality: float | np.ndarray, difficulty: np.ndarray) -> np.ndarray:
        """Of being right on rows of this difficulty, standard normal: float64, of the shape that both broadcast to."""
        return ndtr((ndtri(quality) - np.sqrt(self.tie) * difficulty) / np.sqrt(1 - self.tie))

    def draw(self, champion: np.ndarray, anchor: np.ndarray, candidate: np.ndarray, generator: Any) -> np.ndarray:
        """int64 [worlds, 2, 2, 2]: rows by whether champion, anchor and candidate are right.

        Args:
            champion, anchor, candidate: true accuracies, whole numbers of STEP, int64 [worlds]; an `anchor` below 0 is
                the champion itself.
        """
        itself = (anchor < 0)[:, None]
        a, c = self._right[champion], self._right[candidate]
        b = self._right[np.where(anchor < 0, champion, anchor)]
        ab, ac, bc = np.where(itself, a, a * b), a * c, b * c
        abc = np.where(itself, ac, ab * c)
        p = {name: found @ self._weights for name, found in zip(("a", "b", "c"), (a, b, c), strict=True)}
        q = {name: x @ self._weights for name, x in zip(("ab", "ac", "bc", "abc"), (ab, ac, bc, abc), strict=True)}
        cells = np.empty((len(champion), 2, 2, 2))
        cells[:, 1, 1, 1] = q["abc"]
        cells[:, 1, 1, 0], cells[:, 1, 0, 1], cells[:, 0, 1, 1] = (q[two] - q["abc"] for two in ("ab", "ac", "bc"))
        cells[:, 1, 0, 0] = p["a"] - q["ab"] - q["ac"] + q["abc"]
        cells[:, 0, 1, 0] = p["b"] - q["ab"] - q["bc"] + q["abc"]
        cells[:, 0, 0, 1] = p["c"] - q["ac"] - q["bc"] + q["abc"]
        cells[:, 0, 0, 0] = 0
        flat = np.clip(cells.reshape(-1, 8), 0, 1)
        flat[:, 0] = 1 - flat.sum(axis=1)
        return generator.multinomial(ROWS, np.clip(flat, 0, 1)).reshape(-1, 2, 2, 2)

    def _set(self, tie: float, qualities: np.ndarray) -> None:
        self.tie = tie
        self._right = self.chance(qualities[:, None], self.nodes)


class Night(NamedTuple):
    """What one world's night had to decide, and how the fast path did."""

    number: int
    gains: int
    losses: int
    """Against the champion."""
    ahead: int
    behind: int
    """The same against the anchor."""
    promoted: bool


@dataclass
class Year:
    """What became of the worlds; accuracies float64 [nights + 1, worlds], the first ones are those of the beginning."""

    quality: np.ndarray
    """Of the champion."""
    promotions: np.ndarray
    """int64 [worlds]"""
    loss: np.ndarray
    """float64 [worlds]: how far a promoted model was ever below what it was held against."""
    seen: list[Night] = field(default_factory=list)
    """Of another world each night."""


def a_year(
    quality: Quality, start: float, rows: Rows, resamples: Resamples, *, ledger: bool, worlds: int, nights: int
) -> Year:
    """Let a year pass; without the ledger the gate is that of before."""
    generator = np.random.default_rng(SEED)
    champion = np.full(worlds, round(start / STEP))
    anchor, is_anchor = champion.copy(), np.ones(worlds, bool)
    year = Year(np.empty((nights + 1, worlds)), np.zeros(worlds, int), np.zeros(worlds))
    year.quality[0] = champion * STEP
    for night in range(1, nights + 1):
        true = np.clip(quality(night, champion * STEP, generator), 0.5, 0.9999)
        candidate = np.round(true / STEP).astype(int)
        drawn = rows.draw(champion, np.where(is_anchor, -1, anchor), candidate, generator)
        gains, losses = drawn[:, 0, :, 1].sum(1), drawn[:, 1, :, 0].sum(1)
        passed = -resamples.of(gains, losses).lower <= WITHIN + 1e-9
        moved = np.zeros(worlds, bool)
        if ledger:
            ahead, behind = drawn[:, :, 0, 1].sum(1), drawn[:, :, 1, 0].sum(1)
            lead = lower_bounds(ahead, behind, resamples.of(ahead, behind).spread, alpha_of(night))
            passed &= -lead <= MARGIN
            moved = passed & (lead > 0)
            one = night % worlds
            told = (int(counts[one]) for counts in (gains, losses, ahead, behind))
            year.seen.append(Night(night, *told, promoted=bool(passed[one])))
        year.loss = np.maximum(year.loss, np.where(passed, (anchor - candidate) * STEP, 0))
        year.promotions += passed
        champion = np.where(passed, candidate, champion)
        is_anchor = np.where(passed, moved, is_anchor)
        anchor = np.where(moved, candidate, anchor)
        year.quality[night] = champion * STEP
    return year


STREAMS: dict[str, tuple[float, Quality]] = {
    "as good as the champion": (START, lambda night, champion, _: champion),
    "0.1 points worse than the champion": (START, lambda night, champion, _: champion - 0.001),
    "0.97 give or take 0.3 points": (START, lambda night, champion, r: START + r.normal(0, 0.003, len(champion))),
    "0.05 points better each night, from 0.80": (0.8, lambda night, champion, _: champion * 0 + 0.8 + 0.0005 * night),
    "0.05 points better each night, from 0.97 to 0.995": (
        START,
        lambda night, champion, _: champion * 0 + min(START + 0.0005 * night, 0.995),
    ),
    "0.97, from night 180 on 5 points worse": (
        START,
        lambda night, champion, _: champion * 0 + (START if night < 180 else START - 0.05),
    ),
}
"""Candidates: the accuracy that a world begins with, and what comes each night."""


def real_gate(night: Night) -> tuple[bool, float]:
    """Whether the candidate is promoted, and its bound against the anchor, by the code that decides about models."""
    paired, estimate = {}, {}
    counts = {"champion": (night.gains, night.losses), "anchor": (night.ahead, night.behind)}
    for other, (gained, lost) in counts.items():
        right = {"student": np.ones(ROWS), other: np.ones(ROWS)}
        right[other][:gained] = right["student"][gained : gained + lost] = 0
        found = measured(
            {name: {"right": each} for name, each in right.items()}, [ACCURACY], ROWS, resamples=RESAMPLES, seed=SEED
        )
        pair = found["student"], found[other]
        paired[other] = {"rows": ROWS, **paired_difference("accuracy", *pair, 0.95), "p_value": 1.0}
        estimate[other] = paired_estimate("accuracy", *pair, (1 - right["student"], 1 - right[other]))
    about = {"digest": "d", "compared": True}
    evaluation = Evaluation.model_validate(
        {
            "format": 1,
            "task": "text_classification",
            "main_metric": "accuracy",
            "greater_is_better": True,
            "confidence": 0.95,
            "rows": {"test": ROWS},
            "latency_ratio": {},
            "slices": {},
            "models": {"student": {"metrics": {"accuracy": {"value": 1.0, "low": 1.0, "high": 1.0}}}},
            "differences": {"champion": paired["champion"]},
            "champion": {"name": "champion", **about},
            "anchor": {"name": "anchor", **about},
            "to_anchor": estimate["anchor"],
        }
    )
    known = Entry(digest="d", uri="", run="", dataset_digest="", statistics_uri="", promoted_at="")
    alpha = alpha_of(night.number)
    look: Any = object()
    gates = judge(evaluation, SETTINGS, known, Stake(known, alpha, rows_needed(alpha, MARGIN), look))
    within = next(gate for gate in gates if gate.name == "within_anchor")
    assert within.measured is not None
    return all(gate.passed for gate in gates), -float(within.measured)


def differing(seen: list[Night], resamples: Resamples) -> list[Any]:
    """Nights about which the real gate says otherwise than the fast path, or by another bound."""
    found = []
    for night in seen:
        really, bound = real_gate(night)
        counts = np.array([night.ahead]), np.array([night.behind])
        fast = float(lower_bounds(*counts, resamples.of(*counts).spread, alpha_of(night.number))[0])
        if really != night.promoted or abs(fast - bound) > 1e-9:
            found.append((night, really, fast, bound))
    return found


def adversary(rows: Rows, resamples: Resamples, worlds: int) -> dict[str, float]:
    """What an adversary gains, who has 500 candidates as good as the champion answer the same rows; in standard
    errors of the difference, the mean over worlds. The true gain is 0."""
    generator, found = np.random.default_rng(SEED), np.empty((worlds, 4))
    alphas = [alpha_of(look + 1) for look in range(SETTINGS.shelf_life)]
    for world in range(worlds):
        chance = rows.chance(START, generator.standard_normal(ROWS))
        champion = generator.random(ROWS) < chance
        right = generator.random((RIVALS, ROWS), np.float32) < chance
        gains, losses = right[:, ~champion].sum(1), (~right[:, champion]).sum(1)
        bounds, best = resamples.of(gains, losses), int(np.argmax(gains - losses))
        looks = [lower_bounds(gains, losses, bounds.spread, alpha)[look] for look, alpha in enumerate(alphas)]
        alone = lower_bounds(gains, losses, bounds.spread, alphas[0])[best]
        found[world] = (gains - losses)[best] / ROWS, bounds.lower.max(), max(looks), alone
    names = ("the estimate", "the champion's gate", "all submitted", "the best submitted alone")
    return dict(zip(names, found.mean(axis=0) / np.sqrt(DIFFERING / ROWS), strict=True))


def table(years: dict[str, tuple[Year, Year]], gained: dict[str, float]) -> Iterator[str]:
    """The lines between the markers."""
    yield f"| candidates, {NIGHTS} nights | gate | promotions | accuracy at the end | worst loss | within the margin |"
    yield "|---|---|---:|---:|---:|---:|"
    for name, pair in years.items():
        for gate, year in zip(("champion alone", "and anchor"), pair, strict=True):
            end, low, high = np.median(year.quality[-1]), *np.percentile(year.quality[-1], [2.5, 97.5])
            yield (
                f"| {name if year is pair[0] else ''} | {gate} | {np.median(year.promotions):.0f} | "
                f"{end:.4f} ({low:.4f} to {high:.4f}) | {year.loss.max() * 100:.1f} points | "
                f"{np.mean(year.loss <= MARGIN + STEP / 2):.1%} of worlds |"
            )
    yield ""
    for name, (before, after) in years.items():
        if "better" in name:
            share = (after.quality[-1] - after.quality[0]).mean() / (before.quality[-1] - before.quality[0]).mean()
            yield f"- {name}: {share:.1%} of the gain of the gate with the champion alone."
    creep = years["0.1 points worse than the champion"][0].quality[120]
    yield (
        "- The champion alone, after 120 nights of candidates that are 0.1 points worse: "
        f"accuracy {creep.min():.3f} to {creep.max():.3f}, {creep.mean():.3f} in the mean."
    )
    yield (
        f"- The best of {RIVALS} candidates as good as the champion, on the same rows, in standard errors: "
        + ", ".join(f"{name} {value:+.2f}" for name, value in gained.items())
        + "."
    )


def main() -> None:
    """Run all worlds, hold the fast path against the real gate, and write the table."""
    rows, resamples = Rows(), Resamples()
    size = {"worlds": WORLDS, "nights": NIGHTS}
    years = {
        name: (
            a_year(quality, start, rows, resamples, ledger=False, **size),
            a_year(quality, start, rows, resamples, ledger=True, **size),
        )
        for name, (start, quality) in STREAMS.items()
    }
    sample = [night for _, year in years.values() for night in year.seen[::18]]
    if wrong := differing(sample, resamples):
        raise SystemExit(f"The fast path and the real gate differ on {len(wrong)} of {len(sample)} nights: {wrong[:3]}")
    lines = [
        *table(years, adversary(rows, resamples, 200)),
        f"- Fast path and real gate agree on {len(sample)} nights.",
    ]
    put("promotions.py", ["\n".join(lines)], PAGE)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
