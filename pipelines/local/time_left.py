"""How long the whole run will still take: from what its steps took in the last run of the recipe, else a guess."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stillhouse.pipelines.local.progress import Progress, StepProgress
from stillhouse.pipelines.terminal import clock

GUESS = {"inspect": 2.0, "prepare": 8.0, "pretrain": 60.0, "finetune": 60.0, "distill": 50.0, "evaluate": 25.0}
"""Seconds of each step where nothing is known: what counts is how they compare."""
OTHER = 3.0
"""The same of any other step."""


@dataclass(frozen=True)
class Expected:
    """What the steps of a run will take."""

    seconds: Mapping[str, float]
    """Of each step that an earlier run did."""
    source: str = ""
    """The newest of these runs; empty where there is none."""

    @classmethod
    def of(cls, home: Path, name: str, but: str) -> "Expected":
        """From the runs of the recipe `name` under `home`, but the run `but`; each step as it last was, when done."""
        found: dict[str, float] = {}
        source = ""
        for path in sorted(home.glob(f"{name}-{'[0-9]' * 8}-*/summary.json"), reverse=True):
            if path.parent.name == but:
                continue
            try:
                steps = json.loads(path.read_text(encoding="utf-8"))["steps"]
                done = {step: float(one["seconds"]) for step, one in steps.items() if one["state"] == "done"}
            except (OSError, ValueError, LookupError, TypeError, AttributeError):
                continue  # half-written by a run that goes on, or of another release
            if done and not source:
                source = path.parent.name
            found = done | found
        return cls(found, source)

    def left(self, progress: Progress) -> float | None:
        """Seconds that the run will still take; None as long as that cannot even be guessed."""
        now = progress.clock()
        waiting = [row for row in progress.rows.values() if row.state == "waiting"]
        running = [row for row in progress.rows.values() if row.state == "running"]
        if self.seconds:
            known = [max(self._of(row) - row.seconds(now), row.seconds_left or 0.0) for row in running]
            return sum(known) + sum(self._of(row) for row in waiting)
        pace = _pace(progress, running, now)
        if pace is None:
            return None
        own = sum(row.seconds_left or 0.0 for row in running)
        return own + pace * sum(_guess(row) for row in waiting)

    def sentence(self, progress: Progress) -> str:
        """For people; empty where nothing is to be said."""
        if not any(row.state == "running" for row in progress.rows.values()):
            return ""
        left = self.left(progress)
        if left is None:
            return "whole run: time left not known yet (no earlier run of this recipe)"
        why = f"as {self.source} took" if self.seconds else "a guess: no earlier run of this recipe"
        return f"whole run: about {clock(left)} left ({why})"

    def _of(self, row: StepProgress) -> float:
        return self.seconds.get(row.step, OTHER)


def _guess(row: StepProgress) -> float:
    return GUESS.get(row.step, OTHER)


def _pace(progress: Progress, running: list[StepProgress], now: float) -> float | None:
    """Seconds that a guessed second takes: by the longest step that is done or tells how far it is."""
    measured = [(_guess(row), row.seconds(now)) for row in progress.rows.values() if row.state == "done"]
    measured += [(_guess(row), row.seconds(now) + row.seconds_left) for row in running if row.seconds_left is not None]
    telling = [(guess, seconds) for guess, seconds in measured if guess >= GUESS["evaluate"]]
    return max(telling)[1] / max(telling)[0] if telling else None
