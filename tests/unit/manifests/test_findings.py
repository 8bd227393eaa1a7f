"""What linters find in the manifests."""

import json
import subprocess
from pathlib import Path

import yaml
from tests.unit.manifests.overlays import MANIFESTS, PROGRAMS

CHECKOV = PROGRAMS / ".." / "checkov" / "bin" / "checkov"


def test_checkov_finds_nothing_but_what_is_explained(built: dict[str, Path]) -> None:
    assert CHECKOV.exists(), "checkov's own environment is missing: run `make checkov`"
    options = ["--config-file", MANIFESTS / "checkov.yaml", "--skip-download", "--quiet", "--compact", "-o", "json"]
    files = [option for file in built.values() for option in ("-f", file)]
    done = subprocess.run([CHECKOV, *options, *files], capture_output=True, text=True)
    found = json.loads(done.stdout)
    assert [f"{one['check_id']} {one['resource']}" for one in found["results"]["failed_checks"]] == []
    assert found["summary"]["passed"] > 300


def test_each_explained_finding_has_a_reason() -> None:
    text = (MANIFESTS / "checkov.yaml").read_text()
    lines = text.splitlines()
    skipped = yaml.safe_load(text)["skip-check"]
    assert [name for name in skipped if not lines[lines.index(f"  - {name}") - 1].strip().startswith("#")] == []


def test_the_dashboard_is_one_that_grafana_takes_up(built: dict[str, Path]) -> None:
    objects = list(yaml.safe_load_all(built["everything"].read_text()))
    found = [item for item in objects if item["metadata"].get("labels", {}).get("grafana_dashboard") == "1"]
    dashboard = json.loads(found[0]["data"]["dashboard.json"])
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"]) == 6
    assert all(query["expr"] for panel in dashboard["panels"] for query in panel["targets"])
