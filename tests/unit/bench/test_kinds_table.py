"""What docs/results.md says of a case: means over its seeds, and who is ahead."""

from typing import Any

from kinds_table import tables


def line(seed: int, student: float, alone: float, **changes: Any) -> dict[str, Any]:
    """A cell of pictures: the teacher at 0.9, the strong baseline at 0.8."""
    values = {"student": student, "teacher": 0.9, "pca": 0.8, "majority": 0.1, "alone": alone}
    models: dict[str, dict[str, Any]] = {name: {"value": value} for name, value in values.items()}
    models["pca"]["title"] = "Principal components"
    models["student"] |= {"parameters": 15_466, "bytes": 63_080, "rows_per_second": 7_000.0 + seed}
    models["teacher"] |= {"parameters": 98_826, "bytes": 396_544, "rows_per_second": 4_900.0}
    models["alone"] |= {"parameters": 15_466, "bytes": 63_080, "rows_per_second": 7_000.0}

    def differs(by: float) -> dict[str, float]:
        return {"difference": by, "lower": by - 0.01, "upper": by + 0.01}

    return {
        "case": "pictures",
        "seed": seed,
        "code": "abc",
        "decision": "promoted",
        "measure": "Macro-F1",
        "rows": {"train": 500, "test": 8_000},
        "models": models,
        "differences": {"alone": differs(student - alone), "pca": differs(student - 0.8)},
    } | changes


def test_a_line_has_means_and_how_far_they_spread() -> None:
    quality, _, _, made = tables([line(1, 0.86, 0.84), line(2, 0.84, 0.85)])
    assert quality.splitlines()[2] == (
        "| pictures | Macro-F1, 8,000 | 1, 2 | 0.900 (0.900 to 0.900) | 0.850 (0.840 to 0.860) "
        "| 0.845 (0.840 to 0.850) | 0.800 (0.800 to 0.800) | 0.100 (0.100 to 0.100) |"
    )
    assert made == "All runs: 2 by `abc`."


def test_it_says_in_how_many_seeds_the_student_is_surely_ahead_or_behind() -> None:
    _, against, *_ = tables([line(1, 0.86, 0.84), line(2, 0.84, 0.86, decision="refused")])
    assert against.splitlines()[2] == (
        "| pictures | +0.000 (-0.030 to +0.030); ahead 1/2, behind 1/2 | +0.050 (+0.030 to +0.070); ahead 2/2, "
        "behind 0/2 | teacher | promoted 1/2, refused 1/2 |"
    )


def test_a_lone_student_or_a_baseline_that_is_best_is_named() -> None:
    _, lone, *_ = tables([line(1, 0.86, 0.95)])
    assert "| student alone |" in lone
    better = line(1, 0.7, 0.7)
    better["models"]["pca"]["value"] = 0.95
    assert "| principal components |" in tables([better])[1]


def test_sizes_and_rates_are_of_what_can_be_promoted_or_teaches() -> None:
    """The lone student has the student's; the rate is the median over the seeds."""
    cost = tables([line(1, 0.86, 0.84), line(2, 0.86, 0.84), line(3, 0.86, 0.84)])[2]
    assert cost.splitlines()[2:] == [
        "| pictures | student | 15,466 | 63 | 7,002 |",
        "| pictures | teacher | 98,826 | 397 | 4,900 |",
    ]


def test_a_later_line_of_a_cell_counts_and_a_run_that_failed_is_told() -> None:
    failed = {"case": "films", "seed": 3, "code": "abc", "error": "code 2: no such file"}
    quality, *_, last = tables([line(1, 0.5, 0.5), line(1, 0.86, 0.84), failed])
    assert "| 0.860 |" in quality and "0.5" not in quality
    assert last == "films, seed 3: code 2: no such file."
