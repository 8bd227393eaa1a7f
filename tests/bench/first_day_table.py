"""The tables of docs/results.md out of the lines that tests/bench/first_day.py leaves."""

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from data_sets import CHOOSE, DATA_SETS, STATE
from results_page import put, rows_and_columns

BUDGET_SECONDS = 480.0
BELOW_TFIDF, BELOW_TRAINER = 0.01, 0.005
KEPT, FASTER = 0.97, 3.0
NAMES = {"student": "student", "tfidf": "TF-IDF"}
HEADINGS = {"choose": "Sets that defaults were chosen on", "state": "Sets that no default was chosen on"}
ON = {"f1": "the test split of each run", "fresh": "rows of the set that no run was given, up to 1,000"}


@dataclass(frozen=True)
class Result:
    """A run and what the Trainer did in its time."""

    run: dict[str, Any]
    trainers: list[dict[str, Any]]

    def score(self, model: str, on: str) -> float | None:
        """Macro-F1 of a model on the test split (f1) or on rows that no run had (fresh); none where there is none."""
        if model != "trainer":
            return self.run.get(on, {}).get(model)
        if not self.trainers:
            return None
        best = max(self.trainers, key=lambda line: line["f1"])  # on the test split: in the peer's favour
        return best["f1" if on == "f1" else "fresh_f1"]

    @property
    def speed(self) -> float | None:
        """The student's throughput as a multiple of the teacher's."""
        rates = self.run.get("rows_per_second")
        return rates["student"] / rates["teacher"] if rates else None


def _at_least(result: Result, on: str, model: str, other: str, margin: float) -> bool | None:
    """Whether `model` is no more than `margin` below `other`; a model that is not there is below any."""
    limit, value = result.score(other, on), result.score(model, on)
    if limit is None:
        return False if "f1" not in result.run else None
    return value is not None and value >= limit - margin


def _beats_tfidf(result: Result, on: str) -> bool | None:
    return _at_least(result, on, "promoted", "tfidf", BELOW_TFIDF)


def _beats_trainer(result: Result, on: str) -> bool | None:
    return _at_least(result, on, "teacher", "trainer", BELOW_TRAINER)


def _keeps(result: Result, on: str) -> bool | None:
    teacher, student = result.score("teacher", on), result.score("student", on)
    if teacher is None or student is None or result.speed is None:
        return False if "f1" not in result.run else None
    return student >= KEPT * teacher and result.speed >= FASTER


def _in_time(result: Result, on: str) -> bool | None:
    return "error" not in result.run and result.run["wall_seconds"] <= BUDGET_SECONDS


BARS: dict[str, Callable[[Result, str], bool | None]] = {
    "promoted ≥ TF-IDF − 0.01": _beats_tfidf,
    "teacher ≥ Trainer − 0.005": _beats_trainer,
    "student ≥ 97 % of the teacher at ≥ 3x": _keeps,
    "≤ 8 min": _in_time,
}


def write(results: Sequence[Result]) -> None:
    """Put the tables into the page, between its markers."""
    put("first_day.py", [table(results, use, on) for use in (STATE, CHOOSE) for on in ("f1", "fresh")])


def table(results: Iterable[Result], use: str, on: str) -> str:
    """One line for each set and number of rows, the mean over its seeds; empty where no run is to be told of."""
    mine = sorted((r for r in results if DATA_SETS[r.run["set"]].use == use), key=_place)
    if not mine:
        return ""
    heads = ["set", "rows", "seeds", "TF-IDF", "teacher", "student", "promoted", "Trainer", "speed", "minutes", *BARS]
    lines = [
        [name, f"{rows:,}", *_cells(list(seeds), on)]
        for (name, rows), seeds in groupby(mine, key=lambda r: (r.run["set"], r.run["rows"]))
    ]
    held = [f"{title}: {_tally([bar(r, on) for r in mine])}" for title, bar in BARS.items()]
    codes = Counter(r.run["code"] for r in mine)
    made = ", ".join(f"{count} by `{code}`" for code, count in codes.items())
    title = f"#### {HEADINGS[use]}: on {ON[on]}"
    return "\n\n".join([title, rows_and_columns(heads, lines), f"All runs ({made}): {'; '.join(held)}."])


def _place(result: Result) -> tuple[int, int, int]:
    return list(DATA_SETS).index(result.run["set"]), result.run["rows"], result.run["seed"]


def _cells(seeds: list[Result], on: str) -> list[str]:
    def mean(values: Iterable[float | None], form: str) -> str:
        there = [value for value in values if value is not None]
        return format(statistics.mean(there), form) if there else "–"

    scores = {
        model: mean((r.score(model, on) for r in seeds), ".3f")
        for model in ("tfidf", "teacher", "student", "promoted", "trainer")
    }
    kinds = [NAMES[r.run["promoted"]] if r.run.get("promoted") else "nothing" for r in seeds]
    scores["promoted"] += f" ({', '.join(f'{kinds.count(kind)} {kind}' for kind in dict.fromkeys(kinds))})"
    return [
        ", ".join(str(r.run["seed"]) for r in seeds),
        *scores.values(),
        mean((r.speed for r in seeds), ".1f") + "x",
        mean((r.run["wall_seconds"] / 60 for r in seeds), ".1f"),
        *(_tally([bar(r, on) for r in seeds]) for bar in BARS.values()),
    ]


def _tally(held: Sequence[bool | None]) -> str:
    """✓ 3/3, ✗ 2/3, or – where nothing was compared."""
    compared = [each for each in held if each is not None]
    if not compared:
        return "–"
    return f"{'✓' if all(compared) else '✗'} {sum(compared)}/{len(compared)}"
