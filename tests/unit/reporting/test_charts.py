"""Every chart says what it shows: a title, axes with names, the numbers."""

import re
from html import unescape

import pytest

from stillhouse.components.reporting import charts
from stillhouse.components.reporting.page import svg


def texts(chart: object) -> list[str]:
    """What is written in the picture."""
    return [unescape(text) for text in re.findall(r"<text[^>]*>([^<]+)</text>", svg(chart))]  # type: ignore[arg-type]


CHARTS = {
    "histogram": (
        charts.histogram([0, 10, 20], [3, 4], title="Lengths", x="tokens"),
        ["Lengths", "tokens", "rows"],
    ),
    "bars": (
        charts.bars(["ham", "spam"], [1200, 300], title="Classes", x="rows"),
        ["Classes", "rows", "ham", "spam", "1,200", "300"],
    ),
    "stacked bars": (
        charts.bars(["ham", "ham"], [3, 4], title="Splits", x="rows", groups=["train", "test"], group="split"),
        ["Splits", "rows", "ham", "split", "train", "test"],
    ),
    "curve": (
        charts.curve([[1, 0.5], [2, 0.75], [3, 0.7]], title="Learning", x="steps", y="macro-F1", kept=(2, 0.75)),
        ["Learning", "steps", "macro-F1", "kept: 0.75"],
    ),
    "ROC": (
        charts.roc_curve({"student": ([0, 0.1, 1], [0, 0.9, 1])}, title="ROC"),
        ["ROC", "false positive rate", "true positive rate", "student"],
    ),
    "reliability": (
        charts.reliability([0.5, 0.9], [0.4, 0.95], [3, 40], title="Calibration"),
        ["Calibration", "share of right answers"],
    ),
    "scatter": (
        charts.scatter([1, 2], [1.5, 2.5], title="Numbers", x="true", y="answered"),
        ["Numbers", "true", "answered"],
    ),
    "intervals": (
        charts.intervals([charts.Interval("student", 0.9, 0.88, 0.93)], title="Macro-F1", x="macro-F1"),
        ["Macro-F1", "macro-F1", "student", "0.900"],
    ),
}


@pytest.mark.parametrize("name", CHARTS)
def test_title_axes_and_numbers_are_written(name: str) -> None:
    chart, expected = CHARTS[name]
    assert set(expected) <= set(texts(chart))


def test_a_logarithmic_histogram_is_marked_at_powers_of_ten() -> None:
    chart = charts.histogram([1, 10, 100, 1000], [1, 2, 3], title="Lengths", x="characters", log=True)
    assert {"1", "10", "100", "1k"} <= set(texts(chart))


def test_large_counts_are_shortened_on_the_axis() -> None:
    assert "20k" in texts(charts.bars(["ham"], [20_000], title="Classes", x="rows"))


def test_stacked_bars_keep_the_order_of_their_groups() -> None:
    chart = charts.bars(["a", "a"], [1, 2], title="T", x="rows", groups=["train", "test"], group="split")
    written = texts(chart)
    assert written.index("train") < written.index("test")


def test_the_best_interval_has_its_own_colour() -> None:
    items = [charts.Interval(name, 0.9, 0.8, 0.95) for name in ("student", "teacher")]
    plain, marked = (
        svg(charts.intervals(items, title="T", x="x", best=best)).count('"#E69F00"') for best in ("", "teacher")
    )
    assert (plain, marked) == (0, 2)


def test_differences_show_the_line_of_no_difference() -> None:
    items = [charts.Interval("teacher", 0.2, 0.1, 0.3)]
    chart = charts.intervals(items, title="T", x="difference", zero=True, format="+.3f")
    assert "+0.200" in texts(chart)
    assert 'stroke-dasharray="4,3"' in svg(chart)


def test_no_chart_is_much_wider_than_the_frame_it_is_made_for() -> None:
    widths = {name: int(re.findall(r'viewBox="0 0 (\d+)', svg(chart))[0]) for name, (chart, _) in CHARTS.items()}
    assert max(widths.values()) <= 460, widths
