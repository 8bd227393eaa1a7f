"""What is said of the whole pipeline, by whichever step knows it: it goes into that step's spool, and from there to the
pipeline's run in MLflow, the parent of the steps'.

So it is there wherever the pipeline runs, also where somebody else has opened that run, as KFP's MLflow plugin does.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stillhouse.components.tracking.spool import Spool
from stillhouse.components.tracking.texts import flatten, text
from stillhouse.redaction import redact, redact_all

FAILED = "failed"
STOPPED = "stopped"
"""What stands for a decision where there is none."""
ARTIFACT = "artifact:"
"""Begins the target of a link, in a description, to an artifact of the run."""
VERSION = "version:"
"""Begins the target of a link to NAME/VERSION in the model registry."""
MAX_DESCRIPTION = 7000
"""Characters; MLflow takes 8,000, and links grow when they get their addresses."""


class WholeRun:
    """The pipeline's own run in MLflow, to write to; each method appends to a step's spool and returns at once."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def metrics(self, values: Mapping[str, float]) -> None:
        """The main figures."""
        self._append("metric", values={name: float(value) for name, value in values.items()})

    def params(self, values: Mapping[str, Any]) -> None:
        """What the run was asked for; nested values are named with dots."""
        self._append("param", values=redact_all(flatten(values)))

    def tags(self, values: Mapping[str, Any]) -> None:
        """What tells runs apart."""
        self._append("tag", values=redact_all({name: text(value) for name, value in values.items()}))

    def artifact(self, path: str | Path) -> None:
        """A file to keep; it is read later, so it must stay in place."""
        self._append("artifact", path=str(Path(path).absolute()), folder="")

    def dataset(self, name: str, digest: str, source: str, split_rows: Mapping[str, int]) -> None:
        """The dataset that the model is made from, as `StepRun.dataset`."""
        self._append("dataset", name=name, digest=digest, source=redact(source), rows=dict(split_rows))

    def verdict(self, decision: str, why: str, description: str, version: str | None = None) -> None:
        """How the run ended.

        Args:
            description: Markdown, shown on the run's page; targets of links may begin with `ARTIFACT` or `VERSION`.
        """
        values = {"decision": decision, "why": why, **({"version": version} if version else {})}
        self._append("verdict", values=redact_all(values), description=shortened(redact(description)), final=True)

    def ended(self, decision: str, why: str) -> None:
        """That it ended without a verdict (`FAILED`, `STOPPED`); a verdict that was reached nonetheless stands."""
        self._append(**ending(decision, why))

    def _append(self, what: str, **fields: Any) -> None:
        self._spool.append("whole", what=what, **fields)


def ending(decision: str, why: str) -> dict[str, Any]:
    """The fields of the event that says that a run ended without a verdict."""
    values = redact_all({"decision": decision, "why": why})
    return {
        "what": "verdict",
        "values": values,
        "description": shortened(f"**{decision}**: {values['why']}"),
        "final": False,
    }


def shortened(description: str) -> str:
    """Markdown of at most `MAX_DESCRIPTION` characters: whole lines of it, as far as it has any."""
    if len(description) <= MAX_DESCRIPTION:
        return description
    head = description[: MAX_DESCRIPTION - 2]
    return f"{head[: head.rfind(chr(10))] if chr(10) in head else head}\n…"
