"""Timing takes turns and tells the slow from the quick."""

import time
from collections.abc import Callable, Sequence

from stillhouse.components.evaluate.latency import time_rows


def test_models_take_turns_text_by_text_and_change_who_is_first() -> None:
    calls: list[tuple[str, str]] = []

    def scorer(name: str) -> Callable[[Sequence[str]], None]:
        return lambda texts: calls.append((name, texts[0]))

    time_rows({"a": scorer("a"), "b": scorer("b")}, ["x", "y"], rounds=2)
    timed = calls[4:]  # after the warm-up
    turns = ["".join(name for name, _ in timed[i : i + 2]) for i in range(0, len(timed), 2)]
    assert [text for _, text in timed] == ["x", "x", "y", "y"] * 2
    assert turns == ["ab", "ba", "ab", "ba"]


def test_the_slow_model_is_slower_in_milliseconds() -> None:
    told: list[int] = []
    found = time_rows(
        {"slow": lambda texts: time.sleep(0.02), "quick": lambda texts: None},
        ["x", "y", "z"],
        rounds=2,
        progress=told.append,
    )
    assert found["slow"]["p50"] >= 20
    assert found["quick"]["p50"] < found["slow"]["p50"]
    assert told == [1, 2, 3, 4, 5, 6]
