"""What a pod tells before a run: against an S3 server, an MLflow of its own, and ports where nobody answers."""

import json
import socket
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from stillhouse.components.artifacts.promotion_record import Entry, change, load
from stillhouse.components.prepare.settings import PrepareSettings
from stillhouse.components.probe.probe import LIGHT_CHECKS, TRAINING_CHECKS, ProbeSettings, probe
from stillhouse.components.storage.s3.conditions import _PROVEN
from stillhouse.components.storage.store import open_store
from stillhouse.components.tracking.connection import connect
from stillhouse.components.tracking.registry import DIGEST_TAG

NOBODY = "http://127.0.0.1:1"
TABLE = b"text,label\nhello,ham\nbuy now,spam\n"


@pytest.fixture(scope="module")
def server(s3_client: Any) -> Any:
    """A client of an S3 server with the bucket `models` and a table in `data`."""
    for bucket in ("models", "data"):
        s3_client.create_bucket(Bucket=bucket)
    s3_client.put_object(Bucket="data", Key="mails/small.csv", Body=TABLE)
    s3_client.put_object(Bucket="data", Key="mails/large.csv", Body=TABLE * 2)
    s3_client.put_object(Bucket="data", Key="mails/README.md", Body=b"#")
    s3_client.put_object(Bucket="data", Key="pictures/cat.png", Body=b"#")
    return s3_client


@pytest.fixture(autouse=True)
def environment(server: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database: Path) -> None:
    """What a step's pod is given."""
    (tmp_path / "mlflow.db").write_bytes(database.read_bytes())
    variables = {
        "AWS_ENDPOINT_URL": server.meta.endpoint_url,
        "AWS_ACCESS_KEY_ID": "tester",
        "AWS_SECRET_ACCESS_KEY": "not-a-secret",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "no-config"),
        "AWS_MAX_ATTEMPTS": "1",
        "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path / 'mlflow.db'}",
        "STILLHOUSE_HOME": str(tmp_path / "home"),
        "STILLHOUSE_STORE": "s3://models/team",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    _PROVEN.clear()


def settings(source: str = "s3://data/mails", label: str = "label", **more: Any) -> ProbeSettings:
    columns = {"text": ["text"], "label": label}
    prepare = PrepareSettings.model_validate({"source": source, "task": "text_classification", "columns": columns})
    return ProbeSettings(model_name="spam", prepare=prepare, **more)


def look(name: str, **more: Any) -> tuple[str, str]:
    """Level and sentence of a check."""
    (found,) = probe(settings(**more), [name])
    assert found.check == name
    return found.level, found.text


def test_where_all_is_well_each_check_is_ok() -> None:
    found = probe(settings(), [*LIGHT_CHECKS, *TRAINING_CHECKS])
    assert {one.check: one.text for one in found if one.level != "ok"} == {}


def test_the_store_is_left_as_it_was(server: Any) -> None:
    assert look("store")[0] == "ok"
    assert "Contents" not in server.list_objects_v2(Bucket="models")


def test_a_missing_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STILLHOUSE_STORE", "s3://no-such-bucket")
    level, text = look("store")
    assert (level, text.endswith("the bucket does not exist; make it or correct the URL.")) == ("failure", True)


@pytest.mark.parametrize("check", ["base models", "promotions"])
def test_what_builds_on_it_is_not_checked(monkeypatch: pytest.MonkeyPatch, check: str) -> None:
    monkeypatch.setenv("STILLHOUSE_STORE", "s3://no-such-bucket")
    *_, last = probe(settings(), ["store", check])
    assert (last.level, last.text) == ("not checked", "It builds on 'store'.")


def test_a_store_where_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", NOBODY)
    level, text = look("store")
    assert (level, f"cannot connect to {NOBODY}" in text) == ("failure", True)


def test_a_store_that_ignores_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stillhouse.components.storage.s3.conditions._is_refused", lambda *_: False)
    level, text = look("store")
    assert (level, "ignores conditional writes" in text) == ("failure", True)


def test_no_store_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STILLHOUSE_STORE")
    store, bases, promotions = probe(settings(), ["store", "base models", "promotions"])
    assert (store.level, bases.level, promotions.level) == ("warning", "ok", "not checked")


def test_an_mlflow_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", NOBODY)
    level, text = look("MLflow")
    assert (level, text) == (
        "failure",
        f"{NOBODY} does not answer as MLflow does ([Errno 111] Connection refused); check --mlflow-uri, the server and "
        "the network policy.",
    )


def test_an_mlflow_that_is_busy_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run goes on without MLflow; only a server that is not there would never get what it lacks."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
        mlflow, promotions = probe(settings(), ["MLflow", "promotions"])
    assert (mlflow.level, f"{address} takes requests and is too busy to answer within 1 s" in mlflow.text) == (
        "warning",
        True,
    )
    assert (promotions.level, promotions.text) == ("not checked", "It builds on 'MLflow'.")


@pytest.mark.parametrize("code", [429, 503, 504])
def test_a_proxy_that_says_so_is_a_warning_too(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    class Busy(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_error(code)

        do_GET = do_POST

    with ThreadingHTTPServer(("127.0.0.1", 0), Busy) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{server.server_port}")
        level, _ = look("MLflow")
        server.shutdown()
    assert level == "warning"


def test_a_folder_is_no_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "./mlruns")
    level, text = look("MLflow")
    assert (level, "'./mlruns', a folder, and MLflow no longer records to folders; give" in text) == ("failure", True)


def test_no_mlflow_is_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert look("MLflow")[0] == "not checked"


@pytest.mark.parametrize(("value", "level"), [("key", "ok"), ("", "failure"), ("key\n", "warning")])
def test_credentials_are_looked_at_and_not_shown(monkeypatch: pytest.MonkeyPatch, value: str, level: str) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", value)
    found, text = look("credentials", secrets=("AWS_SECRET_ACCESS_KEY",))
    assert (found, text.startswith("AWS_SECRET_ACCESS_KEY")) == (level, True)
    assert "key" not in text.replace("key a value", "")


def test_a_source_that_is_not_there() -> None:
    assert look("source", source="s3://data/letters")[0] == "failure"


def test_the_smallest_table_is_read_as_prepare_reads_it() -> None:
    assert look("rows") == ("ok", "small.csv has the columns, and 2 rows (.csv: separator ',', quote '\"', header).")
    assert look("rows", source="s3://data/mails/large.csv") == (
        "ok",
        "large.csv has the columns, and 5 rows (.csv: separator ',', quote '\"', header).",
    )


def test_a_column_that_is_not_there() -> None:
    level, text = look("rows", label="kind")
    assert (level, text) == (
        "failure",
        "small.csv: column 'kind' is missing; the file has text, label: name one of them in the recipe's columns.",
    )


def test_a_source_without_tables() -> None:
    level, text = look("rows", source="s3://data/pictures")
    assert (level, "no data file found" in text) == ("failure", True)


def test_tables_that_are_all_large_are_left_to_prepare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stillhouse.components.probe.probe.SAMPLE_BYTES", 10)
    assert look("rows") == ("not checked", "The smallest table, small.csv, has 34 bytes; prepare reads it first.")


def test_a_pretrained_model_that_is_not_there() -> None:
    assert look("base models", bases=("champion",))[0] == "ok"
    level, text = look("base models", bases=("champion", "models:/bert@champion"))
    assert (level, "has no such model" in text) == ("failure", True)


def test_a_folder_that_is_not_a_model_is_no_base() -> None:
    level, text = look("base models", bases=("s3://data/mails",))
    assert (level, text.startswith("base 's3://data/mails': it has no config.json (it holds ")) == ("failure", True)


def entry(version: str) -> Entry:
    return Entry(
        version=version,
        digest=version * 64,
        uri=f"s3://models/team/models/{version}",
        run=f"run-{version}",
        dataset_digest="d",
        statistics_uri="",
        promoted_at="2026-11-22T15:00:00+00:00",
    )


def test_aliases_that_differ_are_mended_from_the_promotion_record(tmp_path: Path) -> None:
    store, client = open_store("s3://models/promoted"), connect(tmp_path / "home")
    client.create_registered_model("spam")
    for version in ("1", "2"):
        client.create_model_version("spam", str(tmp_path), tags={DIGEST_TAG: entry(version).digest})
    change(store, "spam", lambda record: record.promoted(entry("1")))
    change(store, "spam", lambda record: record.promoted(entry("2")))
    client.set_registered_model_alias("spam", "champion", "1")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STILLHOUSE_STORE", store.url)
        first, second = look("promotions"), look("promotions")

    assert first == (
        "warning",
        "MLflow's aliases of 'spam' were champion 1, and have been fixed from the promotion record: champion 2, "
        "previous 1.",
    )
    assert second[0] == "ok"
    assert client.get_registered_model("spam").aliases == {"champion": 2, "previous": 1}
    assert load(store, "spam")[0].followed == 2


def test_the_process_writes_a_line_for_each_check_and_no_secret() -> None:
    command = [sys.executable, "-P", "-m", "stillhouse.components.probe.probe", settings().model_dump_json()]
    done = subprocess.run([*command, "source", "store"], capture_output=True, text=True, check=True)
    assert [json.loads(line)["check"] for line in done.stdout.splitlines()] == ["source", "store"]
    assert "not-a-secret" not in done.stdout + done.stderr
