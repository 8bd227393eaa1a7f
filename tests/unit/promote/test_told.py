"""The report begins with the verdict."""

import re

from tests.unit.promote.conftest import Workplace, facts

from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.artifacts.verdict import Verdict
from stillhouse.components.promote.told import with_verdict

VALUE, LOW, HIGH = (f"models/student/metrics/f1_macro/{name}" for name in ("value", "low", "high"))


def report(workplace: Workplace, run: str) -> str:
    return (workplace.folder / "home" / run / "report.html").read_text()


def text(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", page))


def test_decision_gates_and_what_was_run_on_what_come_first(workplace: Workplace) -> None:
    workplace.promote("a", {"seed": 7})
    page = report(workplace, "run-a")
    shown = text(page)
    assert page.index("<section>") < page.index("<p>report</p>")
    assert shown.index("promoted") < shown.index("All gates hold.") < shown.index("Gates: 4 of 4 hold")
    for part in (f"recipe {workplace.name} (text classification)", "run run-a", "seed 7", "dataset data-a"):
        assert part in shown


def test_a_gate_that_failed_is_the_first_one(workplace: Workplace) -> None:
    workplace.promote("a", {"differences/teacher/upper": -0.5})
    shown = text(report(workplace, "run-a"))
    assert "not promoted" in shown
    assert shown.index("within teacher failed") < shown.index("test rows held")
    assert "Gates: 3 of 4 hold" in shown


def test_the_champions_so_far_are_a_curve_that_the_candidate_ends(workplace: Workplace) -> None:
    for weights, value in (("a", 0.91), ("b", 0.93), ("c", 0.95)):
        workplace.promote(weights, {VALUE: value, LOW: value - 0.01, HIGH: value + 0.01})
    assert "champions, each on" not in report(workplace, "run-a")
    page = report(workplace, "run-c")
    assert re.findall(r"<title>[\d-]+: ([\d.]+)</title>", page) == ["0.9100", "0.9300", "0.9500"]
    heights = [float(height) for height in re.findall(r'cy="([\d.]+)"', page)]
    assert heights == sorted(heights, reverse=True)  # better is higher up


def test_a_champion_whose_verdict_was_swept_is_left_out_of_the_curve(workplace: Workplace) -> None:
    for weights in "ab":
        workplace.promote(weights)
    workplace.store.delete("verdicts/run-a.json")
    workplace.promote("c")
    assert len(re.findall("<circle", report(workplace, "run-c"))) == 2


def test_no_text_of_a_verdict_is_markup(workplace: Workplace) -> None:
    verdict = workplace.promote("a") | {"why": "<script>1</script>", "notes": ["<script>2</script>"]}
    spec = facts("a") | {"source": "<script>3</script>"}
    page = with_verdict("<main></main>", Verdict.model_validate(verdict), Spec.model_validate(spec), [])
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 3


def forward(value: float) -> dict[str, object]:
    estimate = {"value": value, "low": value - 0.01, "high": value + 0.01}
    about = {"name": "champion", "digest": "d", "compared": True, "rows": 120}
    return {"prequential": {**about, "estimate": estimate}}


def test_the_prequential_scores_of_all_runs_are_a_curve(workplace: Workplace) -> None:
    workplace.promote("a", forward(0.91))
    workplace.promote("b", {**forward(0.93), "differences/teacher/upper": -0.5})  # rejected, and measured all the same
    workplace.promote("c", forward(0.95))

    first, last = (report(workplace, f"run-{weights}") for weights in "ac")
    said = "f1_macro of the champion of each run on rows newer than all it learnt from (prequential): {} on 120 rows"
    assert said.format("0.9100") in text(first)
    curve = last[last.index(said.format("0.9500")) :]
    assert re.findall(r"<title>[\d-]+: ([\d.]+)</title>", curve) == ["0.9100", "0.9300", "0.9500"]


def test_the_scores_of_another_model_are_not_drawn(workplace: Workplace) -> None:
    workplace.promote("a", forward(0.91))
    workplace.name = "other"
    workplace.promote("b", forward(0.95))

    assert "<circle" not in report(workplace, "run-b")
