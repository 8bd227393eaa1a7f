"""A process that promotes one candidate after the other, each at the moment it is told, beside others that do the same.

    python promoter.py FOLDER NAME NUMBER alone|registry

Lines come in as `ROUND AGAINST MOMENT` (AGAINST: weights of the champion that was compared, or `-`), and verdicts go
out as JSON. With `alone` MLflow's registry is left out.
"""

import json
import os
import shutil
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "promote"))

from conftest import Workplace  # pyrefly: ignore[missing-module-attribute] - of tests/unit/promote

from stillhouse.components.promote import promote as step


def main() -> None:
    """Answer line by line until there are no more."""
    folder, name, number, registry = sys.argv[1:]
    os.fsync = lambda fd: None  # no machine fails here, and the disk would set the pace of all promoters
    if registry == "alone":
        step.publish = lambda *_, **__: []
    workplace = Workplace(Path(folder), name)
    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        turn, against, moment = line.split()
        weights = f"{turn}-{number}"
        time.sleep(max(0.0, float(moment) - time.time()))
        verdict = workplace.promote(weights, against=None if against == "-" else against)
        print(json.dumps({**verdict, "weights": weights}), flush=True)  # noqa: T201
        for left in (folder, f"{folder}/home"):
            shutil.rmtree(Path(left, f"run-{weights}"))
        shutil.rmtree(workplace.student(weights))


if __name__ == "__main__":
    main()
