"""Streams of days in which something changes: whether the gate sees on the first night what a candidate has forgotten.

    python tests/bench/forgetting.py

Each day has 2,000 rows of two topics, each with a rule of its own for its label. A logistic regression learns each
night from the newest day, with the share of older rows that prepare replays or without; the champion is that of the
night before. Which rows are replayed and which are kept, what is measured of these, and the gate are the product's own
code (`is_taken`, `remembered`, `judge`). The table goes between the markers of docs/promotion.md.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from results_page import put
from sklearn.linear_model import LogisticRegression

from stillhouse.components.artifacts.evaluation import Evaluation, Forgetting
from stillhouse.components.artifacts.examples import PERIOD, Examples
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.artifacts.verdict import Gate
from stillhouse.components.evaluate.champion import Champion
from stillhouse.components.evaluate.contestants import Contestant
from stillhouse.components.evaluate.over_time import remembered
from stillhouse.components.evaluate.settings import EvaluateSettings
from stillhouse.components.prepare.replay import is_kept, is_taken
from stillhouse.components.prepare.rows import digest
from stillhouse.components.prepare.settings import PrepareSettings
from stillhouse.components.promote.gates import judge
from stillhouse.components.promote.settings import PromoteSettings
from stillhouse.components.tasks import task_of

ROWS, FEATURES, SEEDS, NIGHTS = 2000, 10, 20, 5
NOISE = 0.6
"""Of the rule that gives a label, in standard deviations of its sum."""
FRESH = 20_000
"""Rows of the old days by which the true loss is known."""
PREPARED = PrepareSettings(source="days", task="text_classification")
REPLAY = PREPARED.replay
TASK = task_of(Spec(format=1, task="text_classification", target="classes", labels=["no", "yes"], content_digest=""))
MEASURED = EvaluateSettings(task="text_classification", resamples=1000)
ASKED = PromoteSettings(model_name="days", task="text_classification")
PAGE = Path(__file__).parents[2] / "docs" / "promotion.md"


class Day(NamedTuple):
    """Rows of one day."""

    inputs: np.ndarray
    """float64 [rows, 2 * FEATURES + 1]: the features of each topic, zero in the rows of the other; the topic."""
    labels: np.ndarray
    """int64 [rows]."""
    kept: np.ndarray
    """bool [rows]: those that are test for ever."""
    again: np.ndarray
    """bool [rows]: those that later nights learn again, where they replay any."""


@dataclass
class World:
    """What gives rows their labels."""

    seed: int

    def __post_init__(self) -> None:
        self.generator = np.random.default_rng(self.seed)
        self.rules = self.generator.normal(size=(2, FEATURES)) / np.sqrt(FEATURES)

    def day(self, number: int, *, first: float = 0.5, turned: bool = False, rows: int = ROWS) -> Day:
        """A day.

        Args:
            first: share of the first topic.
            turned: whether its rule is the other way round.
        """
        topics = (self.generator.random(rows) >= first).astype(int)
        features = self.generator.normal(size=(rows, FEATURES))
        rules = self.rules * np.array([[-1.0 if turned else 1.0], [1.0]])
        sums = (features * rules[topics]).sum(axis=1) + NOISE * self.generator.normal(size=rows) * 0.5
        inputs = np.concatenate(
            [features * (topics == 0)[:, None], features * (topics == 1)[:, None], topics[:, None]], 1
        )
        keys = [digest(f"{self.seed} {number} {row}") for row in range(rows)]
        kept = np.array([is_kept(key, PREPARED) for key in keys])
        again = ~kept & np.array([is_taken(key, key, None, PREPARED) for key in keys])
        return Day(inputs, (sums > 0).astype(int), kept, again)


def learnt(days: list[Day], *, replays: bool) -> LogisticRegression:
    """The model of the night after the last one of the days, which are as many as a window looks back and one more."""
    parts = [(day.inputs[day.again], day.labels[day.again]) for day in days[:-1] if replays]
    new = ~days[-1].kept
    parts.append((days[-1].inputs[new], days[-1].labels[new]))
    inputs, labels = (np.concatenate(each) for each in zip(*parts, strict=True))
    return LogisticRegression(max_iter=200).fit(inputs, labels)


def gate(champion: LogisticRegression, candidate: LogisticRegression, older: list[Day]) -> Gate:
    """What the product says of the candidate, by the kept rows of the older days."""
    inputs = np.concatenate([day.inputs[day.kept] for day in older])
    labels = np.concatenate([day.labels[day.kept] for day in older])
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    names = [
        (begin + timedelta(days=number)).isoformat() for number, day in enumerate(older) for _ in range(day.kept.sum())
    ]
    test = Examples.of(text=["row"] * len(labels), label=labels, **{PERIOD: pa.array(names)})
    models = {"champion": champion, "student": candidate}
    contestants = {name: Contestant(model.predict_proba(inputs)) for name, model in models.items()}
    rows = np.ones(len(labels), bool)
    rival = Champion("champion", "d", Path(), TASK, TASK.ground(TASK, test), rows)
    found = remembered(rival, contestants, TASK, test, MEASURED)["student"]
    evaluation = Evaluation.model_validate({**EVALUATION, "forgetting": Forgetting.model_validate(found)})
    return next(one for one in judge(evaluation, ASKED) if one.name == "max_forgetting")


EVALUATION: dict[str, Any] = {
    "format": 1,
    "task": "text_classification",
    "main_metric": TASK.measures[0].name,
    "greater_is_better": True,
    "confidence": MEASURED.confidence,
    "rows": {"test": ROWS},
    "latency_ratio": {},
    "slices": {},
    "models": {"student": {"metrics": {}}},
    "differences": {},
}


class Found(NamedTuple):
    """What came of some nights."""

    refused: list[bool]
    loss: list[float]
    """Of accuracy on rows of the old days, the true one."""


def nights(shift: Callable[[World, int], Day] | None, *, replays: bool, seeds: int, number: int) -> Found:
    """Let days pass: with a shift the night after it, of each seed; without one so many nights of each seed."""
    back, found = REPLAY.partitions, Found([], [])
    for seed in range(seeds):
        world = World(seed)
        days = [world.day(day) for day in range(back + 1)]
        fresh = world.day(-1, rows=FRESH)
        champion = learnt(days, replays=replays)
        for _ in range(number):
            days.append(shift(world, len(days)) if shift else world.day(len(days)))
            candidate = learnt(days[-back - 1 :], replays=replays)
            found.refused.append(not gate(champion, candidate, days[-back - 1 : -1]).passed)
            found.loss.append(champion.score(fresh.inputs, fresh.labels) - candidate.score(fresh.inputs, fresh.labels))
            champion = candidate
            if shift:
                break
    return found


SHIFTS: dict[str, Callable[[World, int], Day]] = {
    "one topic is gone": lambda world, day: world.day(day, first=0.0),
    "one topic has 2 % of the rows": lambda world, day: world.day(day, first=0.02),
    "one topic's labels are turned round": lambda world, day: world.day(day, turned=True),
}


def table(seeds: int = SEEDS, number: int = NIGHTS) -> Iterator[str]:
    """The lines between the markers."""
    yield "| the newest day | older rows | true loss on old days | refused by `max_forgetting` |"
    yield "|---|---|---:|---:|"
    for name, shift in {"is as the others": None, **SHIFTS}.items():
        for replays, said in ((False, "none"), (True, f"{REPLAY.share:.0%} are replayed")):
            found = nights(shift, replays=replays, seeds=seeds, number=number)
            refused, of = sum(found.refused), len(found.refused)
            unit = "first nights" if shift else "nights"
            yield (
                f"| {name} | {said} | {100 * np.mean(found.loss):.1f} points | {refused} of {of} {unit} "
                f"({refused / of:.1%}) |"
            )


def main() -> None:
    """Let all days pass, and write the table."""
    lines = list(table())
    put("forgetting.py", ["\n".join(lines)], PAGE)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
