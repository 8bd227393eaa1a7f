"""promote notes each run, and says what it was expected to gain."""

from tests.unit.promote.conftest import Workplace, facts

from stillhouse.components.artifacts.nights import Night, nights_of, put_night
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.artifacts.verdict import Verdict
from stillhouse.components.artifacts.worth import Cost, ExpectedGain, News
from stillhouse.components.promote.cost import cost_of
from stillhouse.components.promote.telling import figures
from stillhouse.components.promote.told import with_verdict
from stillhouse.components.tracking.run import StepRun
from stillhouse.components.tracking.spool import Spool

EXPECTED = ExpectedGain(gain=0.001, low=-0.002, high=0.004, confidence=0.95, nights=9, skipped=0)


def test_every_verdict_is_a_night_and_a_retried_run_the_same_one(workplace: Workplace) -> None:
    workplace.promote("a")
    workplace.promote("b", {"differences/champion/difference": 0.02})
    workplace.promote("b", {"differences/champion/difference": 0.02})
    nights = nights_of(workplace.store, workplace.name)

    assert [(night.run, night.decision, night.gain) for night in nights] == [
        ("run-a", "promoted", None),
        ("run-b", "promoted", 0.02),
    ]


def test_report_and_mlflow_say_what_was_expected_and_what_skipped_runs_saved(workplace: Workplace) -> None:
    workplace.promote("a")
    told = workplace.promote("b", {"differences/champion/difference": 0.02})
    verdict = Verdict.model_validate(
        told | {"expected": EXPECTED, "news": News(drift=0.1), "cost": Cost(hours=2, gpus=2)}
    )
    skipped = Night(run="s", time="2026-03-02", decision="nothing to learn")
    nights = put_night(workplace.store, workplace.name, skipped)
    page = with_verdict("<main></main>", verdict, Spec.model_validate(facts("b")), [], [*nights, Night.of(verdict)])
    found = figures(verdict, {})

    assert "Expected gain over the champion: 0.0010 (-0.0020 to 0.0040), by the gains of 9 runs before." in page
    assert (
        "The candidate gains 0.0200 over the champion. 1 of 4 runs were skipped, which saved about 4 GPU-hours." in page
    )
    names = ("gain", "drift", "hours", "expected_gain")
    assert [found[name] for name in names] == [0.02, 0.1, 2.0, 0.001]


def test_the_cost_is_what_the_training_steps_took_and_unknown_where_they_came_from_the_cache(
    workplace: Workplace,
) -> None:
    home = workplace.folder / "home"
    for step, seconds in (("prepare", 900.0), ("finetune", 1800.0), ("distill", 3600.0)):
        spool = Spool(home / "run" / "spool" / f"{step}.jsonl")
        spool.append("end", status="FINISHED", seconds=seconds, message="", mistake=False)
        spool.close()

    assert cost_of(workplace.store, StepRun("promote", "run", home), 4) == Cost(hours=1.5, gpus=4)
    assert cost_of(workplace.store, StepRun("promote", "cached", home), 4) is None
