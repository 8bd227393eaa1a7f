"""A year of nights in 10 worlds of three streams, with shocks: which runs were worth it, and what it costs not to know.

    python tests/bench/worth.py

Each night the data hold more rows, or other ones, and the model in production is as good as they let it be. A run costs
what `prepare.skip_below` says, in points of quality for one night; a model that is worse than tonight's could be costs
the difference, each night. The oracle knows every night to come, and what each run would give: no plan costs less. Runs
are measured on test rows by chance and decided by the code of promote (`judge`, `Night.of`); whether there is one, by
that of prepare (`expected_gain`). The table goes between the markers of docs/promotion.md.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
from results_page import put

from stillhouse.components.artifacts.evaluation import Evaluation
from stillhouse.components.artifacts.gain import expected_gain
from stillhouse.components.artifacts.nights import SKIPPED, Night, saved
from stillhouse.components.artifacts.verdict import Verdict
from stillhouse.components.artifacts.worth import Cost, News
from stillhouse.components.promote.gates import judge
from stillhouse.components.promote.settings import PromoteSettings

NIGHTS, WORLDS, SEED = 365, 10, 1
PRICE = 0.002
"""What a run costs, in points of accuracy for one night: `skip_below`."""
OTHER_PRICES = (0.001, 0.005)
TEST_ROWS, DIFFERING = 2000, 0.008
"""Test rows, and the share of them that two models of the same accuracy answer differently."""
LUCK = 0.0005
"""Standard deviation of a training's true accuracy over seeds."""
HOURS = Cost(hours=1.0, gpus=1)
"""Of each run."""
RECOVERY, SHOWN = 3.0, 5.0
"""Nights in which a model learns all but a third of a shock, and in which the drift shows it."""
SETTINGS = PromoteSettings(model_name="worlds", task="text_classification")
PAGE = Path(__file__).parents[2] / "docs" / "promotion.md"


class Stream(NamedTuple):
    """What comes night by night."""

    title: str
    first_rows: int
    more_rows: int
    """A night."""
    wear: float
    """What a model loses a night because the world moves on."""
    shocks: int
    """In a year."""
    hurt: tuple[float, float]
    """Least and most that one costs the models of before."""
    drift: tuple[float, float]
    """The same of the distance that it makes."""


STREAMS = (
    Stream("grows; 3 shocks that the drift shows", 4000, 40, 0.0, 3, (0.01, 0.05), (0.05, 0.3)),
    Stream("wears out by 0.02 points a night; 3 such shocks", 20_000, 20, 0.0002, 3, (0.01, 0.05), (0.05, 0.3)),
    Stream("stands still; 2 shocks that nothing shows", 20_000, 20, 0.0, 2, (0.01, 0.02), (0.0, 0.0)),
)


class World:
    """One year of a stream."""

    def __init__(self, stream: Stream, seed: int) -> None:
        self.generator = generator = np.random.default_rng([SEED, seed])
        night = np.arange(NIGHTS)
        self.rows = stream.first_rows + stream.more_rows * night
        at = np.sort(generator.choice(np.arange(20, NIGHTS - 20), stream.shocks, replace=False))
        hurt, drift = generator.uniform(*stream.hurt, stream.shocks), generator.uniform(*stream.drift, stream.shocks)
        since = night[:, None] - at[None, :] + 1
        learnt = np.where(since > 0, 1 - np.exp(-since / RECOVERY), 0.0)
        shown = np.where(since > 0, 1 - np.exp(-since / SHOWN), 0.0)
        alone, self._luck = 0.98 - 0.5 * self.rows**-0.35, generator.normal(0, LUCK, NIGHTS)
        hurting = (since > 0).astype(float) * hurt
        age = np.maximum(night[:, None] - night[None, :], 0)
        self.quality = alone[None, :] - hurting @ (1 - learnt).T - stream.wear * age
        """float64 [nights, nights]: true accuracy in the first night of the model of the second one."""
        moved = shown @ drift
        noise = np.abs(generator.normal(0.02, 0.004, NIGHTS))
        self.best = np.array([self.quality[each, : each + 1].max() for each in night])
        """float64 [nights]: the best accuracy in a night that any model has that was trained until then."""
        self.drift = np.clip(noise[:, None] + np.abs(moved[:, None] - moved[None, :]) + 4 * stream.wear * age, 0, 1)
        """float64 [nights, nights]: distance of the data of the first night to those of the second."""

    def news(self, night: int, champion: int) -> News:
        """What the data of a night hold that the champion, of another night, has not seen."""
        new, known = int(self.rows[night] - self.rows[champion]), int(self.rows[champion])
        return News(new_rows=new, known_rows=known, drift=float(self.drift[night, champion]))

    def verdict(self, night: int, champion: int) -> Verdict:
        """What the gates say of tonight's model, by one draw of test rows."""
        gain = self.quality[night, night] - self.quality[night, champion] + self._luck[night] - self._luck[champion]
        differ = min(max(DIFFERING, 2 * abs(gain)), 1.0)
        won = self.generator.binomial(TEST_ROWS, (differ + gain) / 2)
        lost = self.generator.binomial(TEST_ROWS - won, (differ - gain) / 2 / (1 - (differ + gain) / 2))
        difference, error = (won - lost) / TEST_ROWS, np.sqrt(max(won + lost, 1)) / TEST_ROWS
        evaluation = _evaluation(float(self.quality[night, night]), float(difference), float(1.6449 * error))
        gates = judge(evaluation, SETTINGS)
        return Verdict(
            format=1,
            decision="promoted" if all(gate.passed for gate in gates) else "rejected",
            why="",
            model_name="worlds",
            gates=gates,
            evaluation=evaluation,
            news=self.news(night, champion),
            cost=HOURS,
            run=f"night-{night}",
            time=_time(night),
        )

    def cheapest(self, price: float) -> float:
        """What the nights after the first cost who knows everything, by Bellman's equation from the last night on."""
        left = np.zeros(NIGHTS)
        lost = self.best[:, None] - self.quality
        for night in range(NIGHTS - 1, 0, -1):
            run = price + lost[night, night] + left[night]
            left[:night] = np.minimum(lost[night, :night] + left[:night], run)
        return float(left[0])


class Year(NamedTuple):
    """What became of a world under a plan."""

    regret: float
    """What all nights cost beyond the oracle's."""
    lost: float
    """Mean accuracy below the best that any night's model has."""
    nights: list[Night]


Plan = Callable[[list[Night], News, int], bool]
"""Whether to run, by the nights before, what tonight's data hold, and the number of the night."""


def every(period: int) -> Plan:
    """A fixed schedule."""
    return lambda _, __, night: night % period == 0


def worth(price: float) -> Plan:
    """What prepare decides."""

    def runs(nights: list[Night], news: News, _: int) -> bool:
        expected = expected_gain(nights, news)
        return not (expected and expected.too_little(price))

    return runs


def a_year(world: World, runs: Plan, price: float) -> Year:
    """Let a year pass."""
    nights, champion, lost, cost = [], 0, [], 0.0
    for night in range(1, NIGHTS):
        if runs(nights, world.news(night, champion), night):
            verdict = world.verdict(night, champion)
            nights.append(Night.of(verdict))
            cost += price
            champion = night if verdict.decision == "promoted" else champion
        else:
            nights.append(Night(run=f"night-{night}", time=_time(night), decision=SKIPPED))
        lost.append(float(world.best[night] - world.quality[night, champion]))
    return Year(cost + sum(lost) - world.cheapest(price), float(np.mean(lost)), nights)


Years = dict[str, dict[str, list[Year]]]
"""By the title of a stream and the name of a plan: one of each world."""


def years(price: float, worlds: int, **others: Plan) -> Years:
    """What becomes of all streams under a run every night, the decision of prepare, and other plans."""
    plans = {"every night": every(1), **others, "skip_below": worth(price)}
    return {
        stream.title: {
            name: [a_year(World(stream, seed), plan, price) for seed in range(worlds)] for name, plan in plans.items()
        }
        for stream in STREAMS
    }


def shares(of_stream: dict[str, list[Year]]) -> dict[str, float]:
    """The mean regret of each plan, as a share of that of a run every night."""
    regret = {name: float(np.mean([year.regret for year in found])) for name, found in of_stream.items()}
    return {name: each / regret["every night"] for name, each in regret.items()}


def table(found: Years) -> Iterator[str]:
    """A line for each stream and plan."""
    yield "| stream | runs | number | GPU-hours saved | accuracy lost, points | regret | of every night's |"
    yield "|---|---|---:|---:|---:|---:|---:|"
    for title, of_stream in found.items():
        share = shares(of_stream)
        for name, of_worlds in of_stream.items():
            runs = np.mean([sum(not night.is_skipped for night in year.nights) for year in of_worlds])
            hours = np.mean([cost.amount if (cost := saved(year.nights)) else 0.0 for year in of_worlds])
            lost, regret = (100 * np.mean([getattr(year, what) for year in of_worlds]) for what in ("lost", "regret"))
            stream = title if name == "every night" else ""
            yield f"| {stream} | {name} | {runs:.0f} | {hours:.0f} | {lost:.2f} | {regret:.1f} | {share[name]:.0%} |"


def further(price: float, worlds: int) -> str:
    """The same at another price, in one line."""
    told = ", ".join(f"{shares(of_stream)['skip_below']:.0%}" for of_stream in years(price, worlds).values())
    return f"- `skip_below: {price}`, a run at that price: {told} of the regret of a run every night."


def _evaluation(value: float, difference: float, margin: float) -> Evaluation:
    paired = {"rows": TEST_ROWS, "difference": difference, "lower": difference - margin, "upper": difference + margin}
    estimate = {"value": value, "low": value - margin, "high": value + margin}
    return Evaluation.model_validate(
        {
            "format": 1,
            "task": "text_classification",
            "main_metric": "accuracy",
            "greater_is_better": True,
            "confidence": 0.95,
            "rows": {"test": TEST_ROWS},
            "latency_ratio": {},
            "slices": {},
            "models": {"student": {"metrics": {"accuracy": estimate}}},
            "differences": {"champion": {**paired, "p_value": 1.0}},
            "champion": {"name": "champion", "digest": "d", "compared": True},
        }
    )


def _time(night: int) -> str:
    return (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=night)).isoformat(timespec="seconds")


def main() -> None:
    """Run all worlds, and write the table."""
    lines = [
        *table(years(PRICE, WORLDS, **{"every 7th night": every(7)})),
        "",
        *(further(price, WORLDS) for price in OTHER_PRICES),
    ]
    put("worth.py", ["\n".join(lines)], PAGE)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
