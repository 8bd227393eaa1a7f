"""Whole runs on a cluster, by the commands a person types."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

from stillhouse.pipelines.cluster.connection import ENDED, Cluster

STILLHOUSE = Path(sys.executable).with_name("stillhouse")


@dataclass(frozen=True)
class Runs:
    """Starts runs and looks at them."""

    cluster: Cluster
    options: dict[str, Any]

    def stillhouse(self, *arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        command = [str(STILLHOUSE), *map(str, arguments)]
        return subprocess.run(
            command, env=os.environ | variables, capture_output=True, text=True, timeout=1800, check=False
        )

    def submit(self, *arguments: str | Path, **variables: str) -> str:
        """`stillhouse submit`, and the id it prints."""
        done = self.stillhouse("submit", *arguments, **variables)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def state(self, run: str) -> str:
        """KFP's word for the state of the run."""
        return self.cluster.run(run).state or "PENDING"

    def end(self, run: str, minutes: float = 15) -> str:
        """The state that the run ends in."""
        self.until(lambda: self.state(run) in ENDED, minutes)
        return self.state(run)

    def ran(self, run: str) -> set[str]:
        """The steps that had a pod; the others were taken over from an earlier run, or never came."""
        return {pod.metadata.labels["app.kubernetes.io/component"] for pod in self.pods(run)}

    def pods(self, run: str, step: str = "") -> list[Any]:
        """The pods of the run's steps, oldest first; those of one step if it is named."""
        labels = f"app.kubernetes.io/part-of=stillhouse,pipeline/runid={run}"
        selector = labels + (f",app.kubernetes.io/component={step}" if step else "")
        found: Any = self.cluster.core.list_namespaced_pod(self.cluster.namespace, label_selector=selector)
        return sorted(found.items, key=lambda pod: pod.metadata.creation_timestamp)

    def running(self, run: str, step: str, minutes: float = 10) -> Any:
        """The pod of the step, once its process runs."""

        def find() -> Any:
            assert self.state(run) not in ENDED, f"the run has ended before {step} ran"
            return next((pod for pod in reversed(self.pods(run, step)) if pod.status.phase == "Running"), None)

        return self.until(find, minutes)

    def until(self, look: Callable[[], Any], minutes: float) -> Any:
        """What `look` finds, as soon as it finds something."""
        end = time.monotonic() + 60 * minutes
        while time.monotonic() < end:
            if found := look():
                return found
            time.sleep(3)
        raise AssertionError(f"nothing after {minutes:g} minutes")

    def log(self, pod: Any) -> str:
        """What the step's process has written."""
        words: Any = self.cluster.core.read_namespaced_pod_log(
            pod.metadata.name, self.cluster.namespace, container="main"
        )
        return words

    @contextmanager
    def watching(self, run: str) -> Iterator[list[str]]:
        """The lines that `stillhouse watch` has written so far, while it watches."""
        command = [str(STILLHOUSE), "watch", run]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watch:
            lines: list[str] = []
            assert watch.stdout
            Thread(target=lambda: lines.extend(watch.stdout or ()), daemon=True).start()
            yield lines
            watch.terminate()
