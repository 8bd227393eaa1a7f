"""A step's process begins to import while its supervisor still asks the store for earlier attempts.

Both take a second or two, and a pod has more than one processor. The process does nothing before its supervisor, which
knows by then whether the step may be tried once more, has let it through.
"""

import os
import subprocess
from collections.abc import Sequence
from contextlib import suppress

GATE = "STILLHOUSE_GATE"
"""Number of the file descriptor that a process waits at; not set for those that need not."""


class Child:
    """A process that waits at the gate, with all that it starts in a session of its own."""

    def __init__(self, command: Sequence[str]) -> None:
        entrance, self._gate = os.pipe()
        try:
            self.process = subprocess.Popen(
                command,
                env={**os.environ, GATE: str(entrance)},
                pass_fds=(entrance,),
                start_new_session=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                errors="replace",
            )
        finally:
            os.close(entrance)

    def let_through(self) -> None:
        """Let the process begin its work."""
        with suppress(BrokenPipeError):  # it has ended already
            os.write(self._gate, b"1")
        os.close(self._gate)


def waits() -> bool:
    """Whether this process is one that waits."""
    return GATE in os.environ


def wait_at_gate() -> None:
    """Return when the supervisor has let this process through; at once where none has asked it to wait.

    Raises:
        SystemExit: the supervisor is gone.
    """
    if number := os.environ.pop(GATE, ""):
        passed = os.read(int(number), 1)
        os.close(int(number))
        if not passed:
            raise SystemExit(1)
