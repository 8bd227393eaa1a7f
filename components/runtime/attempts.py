"""What became of each attempt at a step: kept in the store, for KFP's launcher forgets exit codes and pods come and go.

One budget counts them all, whether a process was started again in its pod or a new pod took over.
"""

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

from stillhouse.components.config.settings import Settings
from stillhouse.components.storage.store import Store
from stillhouse.components.tracking.settings import EXIT_STEP
from stillhouse.errors import UserError

logger = logging.getLogger(__name__)

PREFIX = "attempts"
"""Keys are attempts/RUN/STEP/NUMBER.json."""
UNFINISHED = "unfinished"
"""Keys are unfinished/RUN/FINGERPRINT: which checkpoints a run has begun and not cleared, for `sweep RUN`."""
VERDICTS = "verdicts"
"""Keys are verdicts/RUN.json: what promote or decline decided, for those who cannot see its artifact."""

Outcome = Literal["running", "succeeded", "user_error", "exit_code", "signal", "out_of_memory"]

T = TypeVar("T")


class Attempt(Settings):
    """One start of a step's process."""

    format: Literal[1] = 1
    number: int
    """From 1, over all pods of the step."""
    pod: str = ""
    started: str
    """Time in UTC."""
    ended: str = ""
    outcome: Outcome = "running"
    """It stays `running` when the whole pod ended without saying why."""
    detail: str = ""
    """The sentence of a user error, the exit code, the name of the signal."""

    @property
    def sentence(self) -> str:
        """What happened, for people."""
        return {
            "running": "its pod ended without saying why (deleted, evicted, lost with its node, or out of memory)",
            "succeeded": "it succeeded",
            "user_error": self.detail,
            "exit_code": f"its process ended with exit code {self.detail}",
            "signal": f"its process was ended by {self.detail}",
            "out_of_memory": "it needed more memory than its pod has (raise pod_memory)",
        }[self.outcome]


def read_attempts(store: Store, run: str, step: str = "") -> dict[str, list[Attempt]]:
    """The attempts of a run by step, in their order; of one step if it is named."""
    found: dict[str, list[Attempt]] = {}
    for entry in store.list(_key(run, step)):
        name = entry.key.split("/")[-2]
        found.setdefault(name, []).append(Attempt.model_validate_json(store.get(entry.key)))
    return {name: sorted(attempts, key=lambda attempt: attempt.number) for name, attempts in found.items()}


def last_failure(attempts: Mapping[str, list[Attempt]]) -> tuple[str, Attempt] | None:
    """Step and attempt of the failure that ended a run: the last one begun, of a step that has not succeeded since."""
    last = {step: of_step[-1] for step, of_step in attempts.items() if step != EXIT_STEP}
    failed = [(attempt.started, step) for step, attempt in last.items() if attempt.outcome != "succeeded"]
    return (max(failed)[1], last[max(failed)[1]]) if failed else None


class Journal:
    """The attempts at one step, earlier ones included; a store that fails costs a warning, never the step."""

    def __init__(self, store: Store | None, run: str, step: str) -> None:
        self._store, self._run, self._step = store, run, step
        self.earlier: list[Attempt] = (
            _try(lambda: read_attempts(store, run, step).get(step, []), []) if store is not None else []
        )
        """Those of other pods."""

    def write(self, attempt: Attempt) -> None:
        """Note the attempt, in place of what was noted of it before."""
        if self._store is not None:
            store, key = self._store, f"{_key(self._run, self._step)}/{attempt.number}.json"
            _try(lambda: store.put(key, attempt.model_dump_json(indent=1).encode()), None)


def _key(run: str, step: str) -> str:
    parts = [PREFIX, run, step]
    assert all(re.fullmatch(r"[\w. -]*", part) for part in parts)
    return "/".join(part for part in parts if part)


def _try(act: Callable[[], T], otherwise: Any) -> T:
    try:
        return act()
    except (UserError, LookupError, OSError, ValueError) as error:
        logger.warning("the attempts cannot be read or noted: %s", error)
        return otherwise
