"""The tables of docs/results.md out of the lines that tests/bench/kinds.py leaves."""

import statistics
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from results_page import put, rows_and_columns

from stillhouse.components.artifacts.evaluation import TRIVIAL

Line = dict[str, Any]
FIRST = ("teacher", "student", "alone")
"""Models that each case has; the others are baselines."""
QUALITY = ["case", "measure, test rows", "seeds", "teacher", "student", "student alone", "strong baseline", "trivial"]
AGAINST = ["case", "student − alone", "student − strong baseline", "who is ahead", "said"]
COST = ["case", "model", "parameters", "kB", "rows/s"]


def write(lines: Sequence[Line]) -> None:
    """Put the tables into the page, between its markers."""
    put("kinds.py", tables(lines))


def tables(lines: Sequence[Line]) -> list[str]:
    """How good, who is ahead, at what cost; of each case the newest line of each seed."""
    newest = {(line["case"], line["seed"]): line for line in lines}
    order = list(dict.fromkeys(line["case"] for line in lines))
    told = sorted(newest.values(), key=lambda line: (order.index(line["case"]), line["seed"]))
    failed = [f"{line['case']}, seed {line['seed']}: {line['error']}." for line in told if "error" in line]
    cases = [list(seeds) for _, seeds in groupby((x for x in told if "error" not in x), key=lambda line: line["case"])]
    if not cases:
        return failed
    codes = Counter(line["code"] for seeds in cases for line in seeds)
    made = ", ".join(f"{count} by `{code}`" for code, count in codes.items())
    return [
        rows_and_columns(QUALITY, [_quality(seeds) for seeds in cases], left=2),
        rows_and_columns(AGAINST, [_against(seeds) for seeds in cases]),
        rows_and_columns(COST, [row for seeds in cases for row in _cost(seeds)], left=2),
        f"All runs: {made}.",
        *failed,
    ]


def _quality(seeds: list[Line]) -> list[str]:
    first = seeds[0]
    of = [*FIRST, strong(first), TRIVIAL]
    values = [_spread([line["models"][name]["value"] for line in seeds]) if name else "–" for name in of]
    about = f"{first['measure']}, {first['rows']['test']:,}"
    return [first["case"], about, ", ".join(str(line["seed"]) for line in seeds), *values]


def _against(seeds: list[Line]) -> list[str]:
    baseline = strong(seeds[0])
    others = ["alone", baseline] if baseline else ["alone"]
    told = [_difference([line["differences"][other] for line in seeds]) for other in others]
    decisions = Counter(line["decision"] for line in seeds)
    said = ", ".join(f"{decision} {count}/{len(seeds)}" for decision, count in decisions.items())
    return [seeds[0]["case"], *told, *["–"] * (2 - len(told)), _ahead(seeds), said]


def _cost(seeds: list[Line]) -> list[list[str]]:
    """Sizes are of the first seed, rates the median over the seeds."""
    models = seeds[0]["models"]
    return [
        [
            seeds[0]["case"],
            about.get("title", name).lower(),
            f"{about['parameters']:,}",
            f"{about['bytes'] / 1000:,.0f}",
            f"{statistics.median(line['models'][name]['rows_per_second'] for line in seeds):,.0f}",
        ]
        for name, about in models.items()
        if "parameters" in about and name != "alone"
    ]


def strong(line: Line) -> str | None:
    """The baseline that is a model, or counts as one; None where there is none."""
    return next((name for name in line["models"] if name not in (*FIRST, TRIVIAL)), None)


def _ahead(seeds: list[Line]) -> str:
    """Which model is best, by the mean over the seeds."""
    means = {name: statistics.mean(line["models"][name]["value"] for line in seeds) for name in seeds[0]["models"]}
    best = max(means, key=lambda name: means[name])
    return str(seeds[0]["models"][best].get("title", "student alone" if best == "alone" else best)).lower()


def _spread(values: list[float]) -> str:
    """The mean, and from where to where."""
    if len(values) == 1:
        return f"{values[0]:.3f}"
    return f"{statistics.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def _difference(found: list[dict[str, float]]) -> str:
    """The mean, how far the bounds of all seeds reach, and in how many seeds both bounds are on one side."""
    mean = statistics.mean(each["difference"] for each in found)
    lower, upper = min(each["lower"] for each in found), max(each["upper"] for each in found)
    sure = sum(each["lower"] > 0 for each in found), sum(each["upper"] < 0 for each in found)
    return f"{mean:+.3f} ({lower:+.3f} to {upper:+.3f}); ahead {sure[0]}/{len(found)}, behind {sure[1]}/{len(found)}"
