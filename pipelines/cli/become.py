"""Commands that are programs of `components`."""

import os
import sys


def become(module: str, arguments: list[str]) -> None:
    """Go on as the program `stillhouse.components.<module>`; signals and the exit code are its own."""
    os.execv(sys.executable, [sys.executable, "-P", "-m", f"stillhouse.components.{module}", *arguments])
