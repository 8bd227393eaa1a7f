"""The verdict as the beginning of the report: decision, gates, what was run on what, and the champions so far.

The report is a page that evaluate has drawn; here, where the decision falls, no drawing library is installed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import PurePosixPath
from typing import Self

from stillhouse.components.artifacts.evaluation import Estimate
from stillhouse.components.artifacts.nights import Night
from stillhouse.components.artifacts.promotion_record import Record
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.artifacts.verdict import Gate, Verdict, stored_verdict
from stillhouse.components.promote.drawing import LEFT, MARK, RIGHT, TOP, picture
from stillhouse.components.promote.summary import TITLES
from stillhouse.components.promote.wording import flips_of, gain_of
from stillhouse.components.runtime.attempts import VERDICTS
from stillhouse.components.storage.store import Store
from stillhouse.errors import UserError

BEGINNING = "<main>"
"""Of the report's page; text of the data is escaped in it, so that this is its only one."""
TONES = {"promoted": "good", "unchanged": "neutral", "conflict": "bad", "waiting": "neutral"}
"""Of decisions; all others are a warning."""
MAX_CHAMPIONS = 24
"""Promotions that are drawn, the last ones."""
MAX_READ = 200
"""Verdicts that are looked into for prequential scores, the last ones: those of other models lie among them."""
MAX_DATES = 5
HEIGHT, BOTTOM = 190, 34
"""Of the picture, and the room below its points, in pixels."""


@dataclass(frozen=True)
class Measured:
    """The main metric of a model on the test rows of its day."""

    day: str
    value: float
    low: float
    high: float

    @classmethod
    def at(cls, verdict: Verdict, found: Estimate) -> Self:
        """An estimate of the day of a verdict."""
        return cls(verdict.time[:10], found.value, found.low, found.high)

    @classmethod
    def of(cls, verdict: Verdict, metric: str) -> Self:
        """What a verdict says of its candidate.

        Raises:
            LookupError: it was not measured by `metric`.
        """
        return cls.at(verdict, verdict.measured.models[verdict.candidate].metrics[metric])


def past_champions(store: Store, record: Record, metric: str, but: str) -> list[Measured]:
    """The models that were promoted, the first one first, as far as the store still has their verdicts.

    Args:
        but: The run that is left out.
    """
    runs = [event.run for event in record.history if event.what == "promoted" and event.run != but]
    found = []
    for run in dict.fromkeys(runs[-MAX_CHAMPIONS:]):
        try:
            if verdict := stored_verdict(store, run):
                found.append(Measured.of(verdict, metric))
        except (UserError, LookupError):
            continue  # unreadable, or measured by another metric: the curve goes on without it
    return found


def past_scores(store: Store, of: Verdict) -> list[Measured]:
    """The prequential scores of the other runs of a model, the first one first, as far as the store still has their
    verdicts; none where this verdict has none, after which they would lead nowhere."""
    if of.measured.prequential is None:
        return []
    written = sorted(store.list(VERDICTS), key=lambda entry: entry.modified, reverse=True)
    found: list[Measured] = []
    for entry in written[:MAX_READ]:
        run = PurePosixPath(entry.key).stem
        try:
            verdict = stored_verdict(store, run) if run != of.run else None
            if verdict is None or verdict.model_name != of.model_name:
                continue
            if verdict.measured.main_metric != of.measured.main_metric:
                continue
            if (seen := verdict.measured.prequential) and seen.estimate:
                found.append(Measured.at(verdict, seen.estimate))
        except (UserError, LookupError):
            continue
        if len(found) == MAX_CHAMPIONS:
            break
    return found[::-1]


def with_verdict(
    report: str,
    verdict: Verdict,
    spec: Spec,
    past: Sequence[Measured],
    nights: Sequence[Night] = (),
    scores: Sequence[Measured] = (),
) -> str:
    """The report's page, which begins with the verdict.

    Args:
        spec: Of the dataset.
        past: Earlier champions.
        nights: All runs of the name, this one among them.
        scores: Prequential scores of earlier runs.
    """
    here = Measured.of(verdict, verdict.measured.main_metric)
    parts = [
        "<section>",
        _heading(verdict),
        f"<p>{escape(verdict.why)}</p>",
        *(f'<p class="callout">{escape(note)}</p>' for note in verdict.notes),
        _gates(verdict.gates),
        _caption(flips_of(verdict)),
        _caption(gain_of(verdict, nights)),
        _caption(verdict.ledger.sentence if verdict.ledger else ""),
        _table("What was run", ("", ""), [(escape(name), escape(value)) for name, value in _facts(verdict, spec)]),
        _champions([*past, here], verdict) if past else "",
        _forward(scores, verdict),
        "</section>",
    ]
    return report.replace(BEGINNING, "\n".join([BEGINNING, *filter(None, parts)]), 1)


def _heading(verdict: Verdict) -> str:
    version = f" version {verdict.version}" if verdict.version else ""
    title, tone = TITLES[verdict.decision], TONES.get(verdict.decision, "warn")
    return f'<h2>{escape(verdict.model_name + version)} <span class="badge {tone}">{escape(title)}</span></h2>'


def _caption(text: str) -> str:
    return f'<p class="caption">{escape(text)}</p>' if text else ""


def _gates(gates: Sequence[Gate]) -> str:
    passed = sum(gate.passed for gate in gates)
    rows = [
        (
            escape(gate.name.replace("_", " ")),
            _badge(gate),
            escape(gate.sentence),
        )
        for gate in sorted(gates, key=lambda gate: gate.passed and not gate.opened)
    ]
    return _table(f"Gates: {passed} of {len(gates)} hold", ("Gate", "", "What was measured"), rows)


def _badge(gate: Gate) -> str:
    tone, said = ("warn", "let pass") if gate.opened else ("good", "held") if gate.passed else ("bad", "failed")
    return f'<span class="badge {tone}">{said}</span>'


def _facts(verdict: Verdict, spec: Spec) -> list[tuple[str, str]]:
    evaluation, before = verdict.measured, verdict.champion_before
    rows = ", ".join(f"{split} {count:,}" for split, count in spec.rows.items())
    decided = datetime.fromisoformat(verdict.time)
    facts = {
        "recipe": f"{verdict.model_name} ({evaluation.task.replace('_', ' ')})",
        "run": verdict.run,
        "decided": f"{decided:%Y-%m-%d %H:%M} UTC",
        "seed": "" if evaluation.seed is None else str(evaluation.seed),
        "data": spec.source,
        "dataset": spec.content_digest[:12],
        "rows": rows,
        "in production before": (before.version and f"version {before.version}") or before.digest[:12]
        if before
        else "nothing",
    }
    return [(name, value) for name, value in facts.items() if value]


def _table(caption: str, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are HTML already."""
    head = "".join(f'<th scope="col">{header}</th>' for header in headers) if any(headers) else ""
    body = "\n".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f'<div class="scroll" tabindex="0"><table><caption><span>{escape(caption)}</span></caption>'
        f"{f'<thead><tr>{head}</tr></thead>' if head else ''}<tbody>\n{body}</tbody></table></div>"
    )


def _champions(models: Sequence[Measured], verdict: Verdict) -> str:
    """The champions' quality over time, the candidate last."""
    became = "the new one" if verdict.decision == "promoted" else "this run's candidate"
    caption = (
        f"{verdict.measured.main_metric} of the champions, each on the test rows of its day; {became} is the last one."
    )
    return _curve(models, models[:-1], caption)


def _forward(past: Sequence[Measured], verdict: Verdict) -> str:
    """The prequential scores of all runs, this one last; empty where it has none."""
    seen, metric = verdict.measured.prequential, verdict.measured.main_metric
    if not seen or not seen.estimate:
        return ""
    scores = [*past, Measured.at(verdict, seen.estimate)]
    caption = (
        f"{metric} of the champion of each run on rows newer than all it learnt from (prequential): "
        f"{seen.estimate.value:.4f} on {seen.rows:,} rows in this one."
    )
    return _curve(scores, scores, caption) if past else _caption(caption)


def _curve(models: Sequence[Measured], joined: Sequence[Measured], caption: str) -> str:
    """Values over time, the last one marked; whiskers are intervals.

    Args:
        joined: The first ones, through which the line goes.
    """
    low, high = min(model.low for model in models), max(model.high for model in models)
    room = (high - low) * 0.08 or 0.01
    low, high = low - room, high + room
    bottom = HEIGHT - BOTTOM

    def x(index: int) -> float:
        return LEFT + 10 + (RIGHT - LEFT - 20) * index / (len(models) - 1)

    def y(value: float) -> float:
        return bottom - (bottom - TOP) * (value - low) / (high - low)

    line = " ".join(f"{x(i):.1f},{y(model.value):.1f}" for i, model in enumerate(joined))
    lines = [f'<polyline points="{line}" fill="none" stroke="var(--accent)" stroke-width="2"/>']
    for part in range(5):
        value = low + (high - low) * part / 4
        lines.append(
            f'<line x1="{LEFT}" x2="{RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="currentColor" '
            f'opacity=".1"/><text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.3f}</text>'
        )
    every = -(-len(models) // MAX_DATES)
    for i, model in enumerate(models):
        last = i == len(models) - 1
        color = MARK if last else "var(--accent)"
        lines.append(
            f'<line x1="{x(i):.1f}" x2="{x(i):.1f}" y1="{y(model.low):.1f}" y2="{y(model.high):.1f}" stroke="{color}" '
            f'stroke-width="2" opacity=".5"/><circle cx="{x(i):.1f}" cy="{y(model.value):.1f}" r="5" fill="{color}">'
            f"<title>{escape(model.day)}: {model.value:.4f}</title></circle>"
        )
        if last or (i % every == 0 and len(models) - 1 - i >= every):
            anchor = "end" if last else "start" if i == 0 else "middle"
            lines.append(f'<text x="{x(i):.1f}" y="{bottom + 20}" text-anchor="{anchor}">{escape(model.day)}</text>')
    return _caption(caption) + picture(caption, HEIGHT, lines)
