"""What became of all runs of a model name: as rows of a table, and as a page with curves."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from stillhouse.components.artifacts.nights import Night, nights_of, told_saved
from stillhouse.components.artifacts.promotion_record import model_names
from stillhouse.components.artifacts.verdict import Verdict
from stillhouse.components.reporting.charts import curve
from stillhouse.components.reporting.page import Badge, Section, Table, Tile, write_page
from stillhouse.components.runtime.attempts import VERDICTS
from stillhouse.components.storage.store import Store
from stillhouse.errors import UserError
from stillhouse.spelling import did_you_mean

COLUMNS = ("decided", "run", "verdict", "version", "quality", "gain", "expected", "flips", "drift", "new rows", "cost")
"""Of the table; `why` comes behind them where there is room."""


def history(store: Store, model_name: str) -> list[Night]:
    """All runs of a model name, the oldest first: those that the store notes, and those of earlier releases whose
    verdicts it still has.

    Raises:
        UserError: there are none, or the store cannot be read.
    """
    known = {night.run: night for night in nights_of(store, model_name)}
    for entry in store.list(VERDICTS):
        run = entry.key.rpartition("/")[2].removesuffix(".json")
        if run not in known and json.loads(data := store.get(entry.key)).get("model_name") == model_name:
            known[run] = Night.of(Verdict.from_json(data, store.uri(entry.key)))
    if not known:
        mend = did_you_mean(model_name, model_names(store), "`stillhouse runs` lists all runs.")
        raise UserError(f"No run of a model '{model_name}' is in {store.url}; {mend}")
    return sorted(known.values(), key=lambda night: night.time)


def cells(night: Night) -> list[str]:
    """A row of the table, as `COLUMNS` has it; empty where something is not known."""
    news, cost, expected = night.news, night.cost, night.expected
    return [
        f"{night.time[:10]} {night.time[11:16]}".strip(),
        night.run,
        night.decision,
        night.version or "",
        _figure(night.value),
        _figure(night.gain, "+"),
        f"{expected.gain:+.4f} ({expected.low:+.4f} to {expected.high:+.4f})" if expected else "",
        _figure(night.flips),
        _figure(news.drift if news else None),
        f"{news.new_rows:,}" if news and news.new_rows is not None else "",
        f"{cost.amount:.3g} {cost.unit}" if cost else "",
    ]


def _figure(value: float | None, sign: str = "") -> str:
    return "" if value is None else f"{value:{sign}.4f}"


def write_history(path: Path, model_name: str, nights: Sequence[Night]) -> None:
    """Write the page; the newest run comes first in its table."""
    promoted = sum(night.decision == "promoted" for night in nights)
    skipped = sum(night.is_skipped for night in nights)
    costs = [night.cost for night in nights if night.cost]
    tiles = [
        Tile("runs", f"{len(nights):,}", f"{nights[0].time[:10]} to {nights[-1].time[:10]}"),
        Tile("promoted", f"{promoted:,}"),
        Tile("skipped", f"{skipped:,}", told_saved(nights)),
        *([Tile(costs[-1].unit, f"{sum(cost.amount for cost in costs):.3g}", "in all")] if costs else []),
    ]
    table = Table((*COLUMNS, "why"), [[*cells(night), night.why] for night in reversed(nights)])
    write_page(
        path,
        f"Verdicts of {model_name}",
        "What became of each run, and how quality, flips, drift and cost went over the runs.",
        [
            Section("At a glance", tiles=tiles),
            Section(
                "Over the runs",
                "A run of which a figure is not known has no point.",
                charts=_curves(nights),
            ),
            Section("Each run", tables=[table]),
        ],
        [Badge(nights[-1].decision)],
    )


def _curves(nights: Sequence[Night]) -> list:
    metric = next((night.metric for night in reversed(nights) if night.metric), None)
    unit = next((night.cost.unit for night in reversed(nights) if night.cost), "hours")
    figures: list[tuple[str, Callable[[Night], float | None]]] = [
        (f"Quality: {metric} of the candidate", lambda night: night.value if night.metric == metric else None),
        ("Gain over the champion", lambda night: night.gain if night.metric == metric else None),
        ("Negative flips: share of the rows", lambda night: night.flips),
        ("Drift from the champion's data", lambda night: night.news.drift if night.news else None),
        (f"Cost: {unit}", lambda night: night.cost.amount if night.cost and night.cost.unit == unit else None),
    ]
    charts = []
    for title, figure in figures:
        points = [(number, value) for number, night in enumerate(nights, 1) if (value := figure(night)) is not None]
        if points:
            charts.append(curve(points, title=title, x="run", y=title.partition(":")[0].lower()))
    return charts
