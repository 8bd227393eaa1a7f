"""The report's sections on time: the champion on what came after it, and what is left of earlier partitions."""

from stillhouse.components.evaluate.results import Findings
from stillhouse.components.evaluate.wording import signed
from stillhouse.components.reporting import charts
from stillhouse.components.reporting.page import Section, Table, Tile

WITHIN = 1.96
"""Standard errors that the pictures show to either side."""


def forward_section(findings: Findings) -> Section | None:
    """The champion on rows newer than all it learnt from; None without a champion, or where rows have no times."""
    seen = findings.evaluation.get("prequential")
    if seen is None:
        return None
    if not seen["compared"]:
        return Section("Forward in time", f"The {seen['name']} has no prequential score: {seen['why_not']}.")
    estimate = seen["estimate"]
    text = (
        f"The {seen['name']} on the {seen['rows']:,} test rows that are newer than all it learnt from "
        f"({seen['learnt_until']}), before anything learns from them: its prequential score."
    )
    within = f"{estimate['low']:.3f} to {estimate['high']:.3f}"
    return Section(
        "Forward in time", text, tiles=[Tile(f"Champion's {findings.what}", f"{estimate['value']:.3f}", within)]
    )


def forgetting_section(findings: Findings) -> Section | None:
    """The student beside the champion on the kept rows of earlier partitions; None without such rows."""
    found = findings.evaluation.get("forgetting")
    if not found or not found["periods"]:
        return None
    rows = {name[:16].replace("T", " "): one for name, one in found["periods"].items()}
    rows |= {"all": found["together"]} if found["together"] and len(rows) > 1 else {}
    cells = [
        (name, f"{one['rows']:,}", f"{one['value']:.3f}", f"{one['champion']:.3f}", signed(one["difference"]))
        for name, one in rows.items()
    ]
    headers = ("Partition", "kept test rows", "student", "champion", "difference")
    drawn = [
        charts.Interval(
            name,
            one["difference"],
            one["difference"] - WITHIN * one["standard_error"],
            one["difference"] + WITHIN * one["standard_error"],
        )
        for name, one in rows.items()
    ]
    chart = charts.intervals(
        drawn,
        title="Student minus champion, 95% intervals",
        x=f"difference in {findings.what}",
        zero=True,
        format="+.3f",
    )
    text = "Test rows of the partitions before the window that are kept for this: no run learns from them."
    return Section("Earlier partitions", text, tables=[Table(headers, cells)], charts=[chart])
