"""KFP's own web interface in a real browser: upload, the form, and what a run shows."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cluster_runs import Runs

from stillhouse.components.storage.store import Store
from stillhouse.pipelines.cluster.submit import upload_source

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(3600)]

CHROMIUM = "/usr/bin/chromium"
SEED = "7"


@pytest.fixture(scope="module")
def page() -> "Iterator[Page]":
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1500, "height": 1100})
        page.set_default_timeout(60_000)
        yield page
        browser.close()


def address(place: str) -> str:
    return f"{os.environ['KF_PIPELINES_UI_ENDPOINT']}/#/{place}"


@pytest.fixture(scope="module")
def compiled(
    runs: Runs, store: Store, tmp_path_factory: pytest.TempPathFactory, write_small: Callable[..., Path]
) -> Path:
    """A pipeline file as a person would upload it."""
    folder = tmp_path_factory.mktemp("interface")
    recipe = write_small(folder, "interface")
    source = upload_source(str(folder / "mails.parquet"), store.url)
    out = folder / "pipeline.yaml"
    done = runs.stillhouse("compile", recipe, "--set", f"data.source={source}", "--out", out)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def started(runs: Runs, page: "Page", compiled: Path) -> str:
    """A run that was uploaded and started by hand, with another seed than the recipe's, and has ended."""
    page.goto(address("pipeline_versions/new"))
    page.get_by_label("Upload a file").check()
    page.set_input_files("input[type=file]", str(compiled))
    page.get_by_label("Pipeline Name").fill(f"interface-{time.time_ns()}")
    page.get_by_role("button", name="Create", exact=True).click()
    page.wait_for_url("**/pipelines/details/**")
    page.get_by_role("button", name="Create run").click()
    page.fill("#train_seed", SEED)
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url("**/runs/details/**")
    run = page.url.rpartition("/")[2]
    assert runs.end(run, minutes=25) == "SUCCEEDED"
    return run


def node(page: "Page", name: str) -> "Locator":
    """A box of the graph."""
    return page.locator(".react-flow__node", has=page.get_by_text(name, exact=True)).first


def show(page: "Page", run: str, artifact: str) -> None:
    """Click on an artifact of evaluate, and on what KFP draws of it."""
    page.goto(address("runs"))
    page.goto(address(f"runs/details/{run}"))
    for group in ("retrain", "something to learn"):
        node(page, group).get_by_test_id("CropFreeIcon").click()
    node(page, artifact).click()
    page.get_by_text("Visualization").click()


def test_the_field_that_was_changed_reaches_the_run(runs: Runs, started: str) -> None:
    assert runs.cluster.run(started).runtime_config.parameters["train_seed"] == float(SEED)


def test_the_report_is_read_in_the_interface(page: "Page", started: str) -> None:
    show(page, started, "report")
    report = page.frame_locator("iframe").first
    assert report.get_by_role("heading", name="Evaluation report").inner_text() == "Evaluation report"


def test_the_confusion_matrix_is_drawn_in_the_interface(page: "Page", started: str) -> None:
    show(page, started, "classification")
    page.get_by_text("Confusion Matrix").first.wait_for()
    assert page.get_by_text("spam", exact=True).count()
