"""What orchestration costs: wall time of a whole local run over the sum of its steps' own work.

    python tests/bench/orchestration.py [RECIPE]

Runs the recipe twice in a home of its own: first everything, then again from the cache.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

STILLHOUSE = Path(sys.executable).with_name("stillhouse")


def main() -> None:
    """Run and print."""
    recipe = sys.argv[1] if len(sys.argv) > 1 else "spam"
    with tempfile.TemporaryDirectory() as home:
        for kind in ("first run", "from the cache"):
            known = set(Path(home).glob("*/summary.json"))
            subprocess.run([STILLHOUSE, "run", recipe, "--home", home], stdout=subprocess.DEVNULL, check=True)
            (path,) = set(Path(home).glob("*/summary.json")) - known
            summary = json.loads(path.read_text())
            print(
                f"{recipe}, {kind}: wall {summary['wall_seconds']:.1f} s, the steps' own work "
                f"{summary['own_seconds']:.1f} s, ratio {summary['ratio']:.2f}"
            )
            for name, step in summary["steps"].items():
                print(f"  {name:<10}{step['state']:<10}{step['seconds']:8.1f} s")


if __name__ == "__main__":
    main()
