"""The charts that pages share, as altair charts; every one takes plain lists and labels its axes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stillhouse.components.reporting.theme import BLUE, CHART_WIDTH, GREY, ORANGE, PALETTE

if TYPE_CHECKING:
    import altair as alt

MAX_MARKED = 30
"""Points of a curve up to which each has its dot."""
_ROW_HEIGHT = 26


@dataclass(frozen=True)
class Interval:
    """A measured value with the interval's ends; `group` picks its colour."""

    name: str
    value: float
    low: float
    high: float
    group: str = ""


def histogram(
    edges: Sequence[float],
    counts: Sequence[float],
    *,
    title: str,
    x: str,
    y: str = "rows",
    log: bool = False,
) -> "alt.Chart":
    """Counts between neighbouring `edges` (one more than counts); `log`: logarithmic axis, edges above 0."""
    import altair as alt

    bins = [{"from": a, "to": b, "count": n, "zero": 0} for a, b, n in zip(edges, edges[1:], counts, strict=False)]
    scale = alt.Scale(type="log" if log else "linear", nice=False, zero=False)
    axis = alt.Axis(format="~s", grid=False, tickCount=6)
    if log:
        axis.values = [10.0**power for power in range(-3, 13)]
    return (
        alt.Chart(alt.Data(values=bins), title=title)
        .mark_rect(color=BLUE, stroke="none")
        .encode(
            x=alt.X("from:Q", title=x, scale=scale, axis=axis),
            x2="to:Q",
            y=alt.Y("count:Q", title=y, axis=_count_axis(counts)),
            y2="zero:Q",
        )
        .properties(width=CHART_WIDTH)
    )


def bars(
    names: Sequence[str],
    values: Sequence[float],
    *,
    title: str,
    x: str,
    groups: Sequence[str] | None = None,
    group: str = "",
    format: str = ",",
) -> "alt.TopLevelMixin":
    """Horizontal bars in the order given, each with its number.

    With `groups` (one per bar) the bars of a name are stacked instead.
    `format` is a d3 number format of the numbers beside the bars; `group` titles the legend.
    """
    import altair as alt

    rows = [{"name": n, "value": v} for n, v in zip(names, values, strict=True)]
    if groups is not None:
        rows = [row | {"group": g, "order": i} for i, (row, g) in enumerate(zip(rows, groups, strict=True))]
    base = alt.Chart(alt.Data(values=rows), title=title).encode(
        y=alt.Y("name:N", title=None, sort=None, axis=alt.Axis(labelLimit=150)),
        x=alt.X("value:Q", title=x, axis=_count_axis(values)),
    )
    size = {"width": _width(names), "height": {"step": _ROW_HEIGHT}}
    if groups is not None:
        color = alt.Color("group:N", title=group or None, sort=None)
        return base.mark_bar(height={"band": 0.7}).encode(color=color, order="order:Q").properties(**size)
    numbers = base.mark_text(align="left", dx=5).encode(text=alt.Text("value:Q", format=format))
    return alt.layer(base.mark_bar(height={"band": 0.7}), numbers, title=title).properties(**size)


def curve(
    points: Sequence[Sequence[float]],
    *,
    title: str,
    x: str,
    y: str,
    kept: tuple[float, float] | None = None,
    log: bool = False,
) -> "alt.TopLevelMixin":
    """A line through pairs of numbers; `kept` is the one that is marked; `log`: logarithmic axis, values above 0."""
    import altair as alt

    rows = [{"x": float(a), "y": float(b)} for a, b in points]
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("x:Q", title=x, scale=alt.Scale(zero=False, nice=False), axis=alt.Axis(tickCount=5, format="~s")),
        y=alt.Y(
            "y:Q", title=y, scale=alt.Scale(type="log" if log else "linear", zero=False), axis=alt.Axis(tickCount=5)
        ),
    )
    layers: list[Any] = [base.mark_line(point=len(rows) <= MAX_MARKED)]
    if kept is not None:
        mark = alt.Chart(alt.Data(values=[{"x": kept[0], "y": kept[1]}])).encode(x="x:Q", y="y:Q")
        layers.append(mark.mark_point(size=110, color=ORANGE, opacity=1))
        # At the right end the number would leave the picture.
        right = kept[0] > (rows[0]["x"] + rows[-1]["x"]) / 2
        number = mark.mark_text(align="right" if right else "left", dx=-9 if right else 9, dy=-11, fontSize=11.5)
        layers.append(number.encode(text=alt.value(f"kept: {kept[1]:.4g}"), color=alt.value("currentColor")))
    return alt.layer(*layers, title=title).properties(width=CHART_WIDTH - 20, height=150)


def roc_curve(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], *, title: str = "ROC curve"
) -> "alt.TopLevelMixin":
    """`curves` maps a name to false and true positive rates (each ascending from 0 to 1)."""
    import altair as alt

    points = [
        {"false": f, "true": t, "name": name, "order": i}
        for name, (xs, ys) in curves.items()
        for i, (f, t) in enumerate(zip(xs, ys, strict=True))
    ]
    lines = (
        alt.Chart(alt.Data(values=points))
        .mark_line(interpolate="linear")
        .encode(
            x=_unit("false:Q", "false positive rate", alt.X),
            y=_unit("true:Q", "true positive rate", alt.Y),
            order="order:Q",
            color=alt.Color("name:N", title=None, sort=None, scale=alt.Scale(range=PALETTE)),
        )
    )
    return alt.layer(_diagonal(), lines, title=title).properties(width=CHART_WIDTH, height=230)


def reliability(
    confidences: Sequence[float], accuracies: Sequence[float], rows: Sequence[int], *, title: str
) -> "alt.TopLevelMixin":
    """Mean confidence against accuracy of each bin (Guo et al., 2017, arXiv:1706.04599)."""
    import altair as alt

    dots = [{"confidence": c, "accuracy": a, "rows": n} for c, a, n in zip(confidences, accuracies, rows, strict=True)]
    base = alt.Chart(alt.Data(values=dots)).encode(
        x=_unit("confidence:Q", "mean confidence of the bin (area of a dot: its rows)", alt.X),
        y=_unit("accuracy:Q", "share of right answers", alt.Y),
    )
    size = alt.Size("rows:Q", scale=alt.Scale(range=[20, 420], domainMin=0), legend=None)
    marks = base.mark_point(opacity=0.8).encode(size=size)
    return alt.layer(_diagonal(), base.mark_line(strokeWidth=1.2), marks, title=title).properties(
        width=CHART_WIDTH, height=230
    )


def scatter(xs: Sequence[float], ys: Sequence[float], *, title: str, x: str, y: str) -> "alt.TopLevelMixin":
    """One dot for each pair, and the line on which both are equal."""
    import altair as alt

    dots = [{"x": float(a), "y": float(b)} for a, b in zip(xs, ys, strict=True)]
    both = [value for dot in dots for value in dot.values()]
    scale = alt.Scale(domain=[min(both), max(both)], nice=True)
    marks = alt.Chart(alt.Data(values=dots)).mark_point(size=22, opacity=0.5)
    marks = marks.encode(
        x=alt.X("x:Q", title=x, scale=scale, axis=alt.Axis(tickCount=5)),
        y=alt.Y("y:Q", title=y, scale=scale, axis=alt.Axis(tickCount=5)),
    )
    return alt.layer(_diagonal(min(both), max(both)), marks, title=title).properties(width=CHART_WIDTH, height=260)


def intervals(
    items: Sequence[Interval], *, title: str, x: str, zero: bool = False, best: str = "", format: str = ".3f"
) -> "alt.TopLevelMixin":
    """A dot with whiskers for each item, in the order given.

    `best` names the item drawn in orange; `zero` draws the line of no difference.
    """
    import altair as alt

    rows = [{"name": i.name, "value": i.value, "low": i.low, "high": i.high, "best": i.name == best} for i in items]
    color = alt.condition("datum.best", alt.value(ORANGE), alt.value(BLUE))
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y("name:N", title=None, sort=None, axis=alt.Axis(labelLimit=150)), color=color
    )
    scale = alt.Scale(zero=False, padding=14)
    place = alt.X("value:Q", title=x, scale=scale, axis=alt.Axis(tickCount=5))
    whiskers = base.mark_rule(strokeWidth=2.5, opacity=0.6).encode(x=alt.X("low:Q", scale=scale, title=x), x2="high:Q")
    dots = base.mark_point(size=75).encode(x=place)
    numbers = base.mark_text(dy=-11, fontSize=11.5).encode(
        x=place, text=alt.Text("value:Q", format=format), color=alt.value("currentColor")
    )
    layers: list[Any] = [whiskers, dots, numbers]
    if zero:
        line = alt.Chart(alt.Data(values=[{"zero": 0}])).mark_rule(strokeDash=[4, 3], opacity=0.6)
        layers.insert(0, line.encode(x=alt.X("zero:Q", scale=scale, title=x)))
    return alt.layer(*layers, title=title).properties(width=_width([i.name for i in items]), height={"step": 40})


def _count_axis(values: Sequence[float]) -> "alt.Axis":
    import altair as alt

    top = max(values, default=0)
    return alt.Axis(format="~s" if top >= 10_000 else ",d" if top >= 8 else ".2~f", tickCount=5)


def _diagonal(low: float = 0.0, high: float = 1.0) -> "alt.Chart":
    import altair as alt

    ends = alt.Data(values=[{"a": low, "b": low}, {"a": high, "b": high}])
    return alt.Chart(ends).mark_line(color=GREY, strokeDash=[4, 4], strokeWidth=1.2).encode(x="a:Q", y="b:Q")


def _unit(field: str, title: str, channel: Any) -> Any:
    import altair as alt

    return channel(field, title=title, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(tickCount=5, format=".1f"))


def _width(names: Sequence[str]) -> int:
    """Names stand left of the bars: what they take comes off the plotting area."""
    return CHART_WIDTH + 60 - min(160, 7 * max((len(name) for name in names), default=0))
