"""Sweeps a home folder over and over until its input ends; prints what it removed as JSON: a number for each kind.

    python sweeper.py HOME

Nothing is kept for its age, and what is five seconds old counts as old: only leases, records and spools protect.
"""

import json
import os
import select
import sys
from collections import Counter
from pathlib import Path

from stillhouse.components.storage.home import local_store
from stillhouse.components.sweep import sweep as sweeping
from stillhouse.components.sweep.settings import SweepSettings

PAUSE_SECONDS = 0.2


def main() -> None:
    """Until the input ends."""
    home = Path(sys.argv[1])
    os.environ["STILLHOUSE_HOME"] = str(home)
    sweeping.YOUNG_SECONDS = 5.0
    removed = Counter(sweeps=0)
    while not select.select([sys.stdin], [], [], PAUSE_SECONDS)[0]:
        fates = sweeping.sweep(SweepSettings(keep_days=0, keep_runs=0), home, local_store())
        removed.update(item.kind for item, kept in fates if not kept)
        removed["sweeps"] += 1
    sys.stdout.write(json.dumps(removed))


if __name__ == "__main__":
    main()
