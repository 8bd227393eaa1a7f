"""Imports once what takes seconds, then forks a process for each job that comes in, and kills it when asked.

A line of JSON in, a line of JSON out. `after` and `signal` say after how many seconds to kill with what, `group`
whether its children (loader workers) get it too. The answer is how it ended (`code`: the exit code, or minus the
signal) and the `seconds` it took. Forks happen before any thread of torch runs: this process computes nothing.
"""

import importlib
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

jobs = importlib.import_module("training_jobs")  # beside this script


def serve() -> None:
    """Until the input ends."""
    jobs.imports()
    _say({"ready": True})
    for line in sys.stdin:
        _say(_run(json.loads(line)))


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _run(job: dict[str, Any]) -> dict[str, float]:
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        _work(job)
    if job.get("after") is not None:
        code = _wait(child, began + job["after"])
        if code is None:
            (os.killpg if job.get("group") else os.kill)(child, job["signal"])
    else:
        code = None
    if code is None:
        code = _wait(child, began + 300)
    if code is None:
        os.killpg(child, signal.SIGKILL)
        raise TimeoutError(f"{job} hangs")
    return {"code": code, "seconds": time.monotonic() - began}


def _wait(child: int, until: float) -> int | None:
    """How the child ended, or None when it has not by then."""
    while time.monotonic() < until:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    return None


def _work(job: dict[str, Any]) -> None:
    code = 1
    try:
        os.setpgid(0, 0)
        log = os.open(Path(job["notes"]).with_suffix(".log"), os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        os.dup2(log, 1)
        os.dup2(log, 2)
        code = jobs.run_job(job)
    except SystemExit as error:
        code = int(error.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()
