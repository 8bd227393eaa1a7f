"""The anchor: candidates held against the best model so far, on rows that it never saw and that are not used up."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from stillhouse.components.artifacts.decided_rows import decided_rows
from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.held_against import HeldAgainst
from stillhouse.components.evaluate.champion import Champion, answers_of, open_rival
from stillhouse.components.evaluate.comparison import candidates
from stillhouse.components.evaluate.contestants import Contestant
from stillhouse.components.evaluate.intervals import measured, paired_estimate
from stillhouse.components.evaluate.settings import EvaluateSettings
from stillhouse.components.storage.home import local_store
from stillhouse.components.tasks import Task
from stillhouse.components.tasks.interface.results import Answers, some
from stillhouse.components.tracking.run import StepRun


def against_anchor(
    against: HeldAgainst | None,
    champion: Champion | None,
    contestants: Mapping[str, Contestant],
    task: Task,
    test: Examples,
    settings: EvaluateSettings,
    run: StepRun,
) -> tuple[dict[str, Any], dict[str, dict[str, float]]]:
    """Hold each candidate against the anchor; one that is the champion is not asked again.

    Args:
        champion: As it was compared.
        contestants: The candidates, and the champion if it gave answers.

    Returns:
        Parts of evaluation.json, `anchor` and `shelf_life`, where there is one; of each candidate by name its paired
        estimate (see `PairedEstimate`), where it could be compared.
    """
    if against is None or against.anchor is None:
        return {}, {}
    shelf_life, worn = _shelf_life(against, test)
    same = champion if champion and champion.digest == against.anchor.digest else None
    anchor = same or open_rival(against.anchor, "anchor", task, test)
    answers: Answers | None = None
    if same and "champion" in contestants:
        answers = contestants["champion"].answers
    elif anchor.folder:
        anchor, answers = _asked(anchor, task, test, settings, run)
    spared = 0
    if answers is not None:
        spared = int((anchor.rows & worn).sum())
        anchor = replace(anchor, rows=anchor.rows & ~worn)
        if not anchor.rows.any():
            anchor = anchor.left_out("each test row that it never saw has helped to decide too often")
            answers = None
    described = {
        "name": anchor.name.replace("champion", "anchor", 1),
        "digest": anchor.digest,
        "compared": not anchor.why_not,
        "why_not": anchor.why_not,
        "spared": spared,
    }
    estimates = {} if answers is None else _estimates(anchor, answers, contestants, task, test, settings)
    return {"anchor": described, "shelf_life": shelf_life}, estimates


def _asked(
    anchor: Champion, task: Task, test: Examples, settings: EvaluateSettings, run: StepRun
) -> tuple[Champion, Answers | None]:
    """The anchor with its answers; without them, why it has none that can be compared."""
    done = 0

    def progress(rows: int) -> None:
        nonlocal done
        done += rows
        run.progress(done, len(test), "rows", "anchor answers")

    found = answers_of(anchor, task, test, settings.serve_on, progress)
    return (anchor.left_out(found), None) if isinstance(found, str) else (anchor, found.answers)


def _estimates(
    anchor: Champion,
    answers: Answers,
    contestants: Mapping[str, Contestant],
    task: Task,
    test: Examples,
    settings: EvaluateSettings,
) -> dict[str, dict[str, float]]:
    """Of each candidate its paired estimate."""
    assert anchor.ground and anchor.task
    main, here = task.measures[0], test.take(np.flatnonzero(anchor.rows))
    statistics = {
        name: anchor.ground.ours(some(contestants[name].answers, anchor.rows), here)
        for name in candidates(task, contestants)
    }
    statistics["anchor"] = anchor.ground.theirs(some(answers, anchor.rows), here)
    found = measured(statistics, [main], len(here), resamples=settings.resamples, seed=settings.seed)
    errors = {name: task.errors(of_model) for name, of_model in statistics.items()}
    return {
        name: paired_estimate(main.name, found[name], found["anchor"], (errors[name], errors["anchor"]))
        for name in statistics
        if name != "anchor"
    }


def _shelf_life(against: HeldAgainst, test: Examples) -> tuple[dict[str, int], np.ndarray]:
    """What evaluation.json says of the rows' shelf life; bool [test rows]: those that are used up."""
    decided = decided_rows(local_store(), against.decided)
    hashes = test.hashes
    times, first = decided.times_of(hashes), decided.first_of(hashes)
    told = {
        "rows": len(test),
        "fresh": int((times == 0).sum()),
        "fresh_since_champion": int(((first == 0) | (first > against.look)).sum()),
        "times": int(times.max(initial=0)),
        "limit": against.shelf_life,
    }
    return told, times >= against.shelf_life
