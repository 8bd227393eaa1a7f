"""Colours and the chart style of every page: one look for the report and the data card."""

from typing import Any

BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, GREY = "#CC79A7", "#56B4E9", "#8A929E"
PALETTE = [BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY]
"""Okabe and Ito's colours, told apart by colour-blind readers (jfly.uni-koeln.de/color, 2008)."""

CHART_WIDTH = 330
"""Pixels of the plotting area: with axis and labels a chart is about 420 pixels wide."""

# `currentColor` takes the colour of the page's text, so one picture serves the light and the dark scheme.
_AXIS: dict[str, Any] = {
    "domainColor": "currentColor",
    "domainOpacity": 0.35,
    "gridColor": "currentColor",
    "gridOpacity": 0.1,
    "labelColor": "currentColor",
    "labelFontSize": 12,
    "labelOpacity": 0.85,
    "ticks": False,
    "labelPadding": 6,
    "titleColor": "currentColor",
    "titleFontSize": 12,
    "titleFontWeight": 500,
    "titleOpacity": 0.7,
    "titlePadding": 8,
}
VEGA_CONFIG: dict[str, Any] = {
    "aria": False,
    "background": None,
    "font": "sans-serif",
    "padding": 6,
    "view": {"stroke": None, "continuousWidth": CHART_WIDTH, "continuousHeight": 210},
    "title": {
        "anchor": "start",
        "color": "currentColor",
        "fontSize": 14,
        "fontWeight": 600,
        "subtitleColor": "currentColor",
        "subtitleFontSize": 11,
        "offset": 12,
    },
    "axis": _AXIS,
    "legend": {
        "orient": "bottom",
        "labelColor": "currentColor",
        "labelFontSize": 12,
        "titleColor": "currentColor",
        "titleFontSize": 12,
        "columns": 3,
    },
    "range": {"category": PALETTE},
    "bar": {"color": BLUE},
    "line": {"color": BLUE, "strokeWidth": 2.2},
    "point": {"color": BLUE, "filled": True},
    "text": {"color": "currentColor", "fontSize": 12},
    "rule": {"color": "currentColor"},
}
"""Config of Vega-Lite 6, laid under each chart's own."""
