"""What only a pod can tell, before a run: `stillhouse doctor` starts it in the steps' images, with their environment.

    python3 -P -m stillhouse.components.probe.probe SETTINGS CHECK...

SETTINGS is a `ProbeSettings` as JSON. Each check writes one `Finding` as a line of JSON; one that fails hides none of
the others.
"""

import logging
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING
from uuid import uuid4

from stillhouse.components.config.settings import Settings
from stillhouse.components.prepare.settings import PrepareSettings
from stillhouse.components.probe.finding import Finding, failure, not_checked, ok, warning
from stillhouse.components.storage.home import local_store
from stillhouse.components.storage.sources import list_source
from stillhouse.components.storage.urls import without_secrets
from stillhouse.errors import UserError
from stillhouse.redaction import guard_output

if TYPE_CHECKING:
    from stillhouse.components.formats.table import Table

BOUNDS = {"AWS_MAX_ATTEMPTS": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "30"}
"""A probe does not wait for a server as long as a step does: all of its checks together less than two minutes."""
BUSY = re.compile(r"too many (429|503|504) error responses")
"""What urllib3 says of a server, or the proxy before it, that has no time."""
SAMPLE_BYTES = 64 << 20
"""Largest file whose rows are looked at."""


class ProbeSettings(Settings):
    """What of a recipe and its options is tried out."""

    model_name: str
    prepare: PrepareSettings
    """Where the data is, and what its columns are called."""
    bases: tuple[str, ...] = ()
    """Pretrained models that are named."""
    secrets: tuple[str, ...] = ()
    """Environment variables that come out of Secrets."""


def store(_: ProbeSettings) -> Finding:
    """Write, read, write on a condition, and delete."""
    if not os.environ.get("STILLHOUSE_STORE"):
        return warning("No store is named: checkpoints, promotions and models go with their pods; give --store.")
    started, place, key, data = time.monotonic(), local_store(), f"probe/{uuid4().hex}", uuid4().bytes
    try:
        place.put(f"{key}/written", data)
        if place.get(f"{key}/written") != data:
            return failure(f"'{place.url}' returns other bytes than were written; use another store.")
        place.put_if(f"{key}/on-condition", data, None)
    finally:
        place.delete(key)
    took = time.monotonic() - started
    return ok(f"'{place.url}' was written, read, written on a condition and cleared, in {took:.1f} s.")


def mlflow(_: ProbeSettings) -> Finding:
    """Ask MLflow a small question, with the credentials of the steps."""
    from stillhouse.components.config.home import home_folder
    from stillhouse.components.tracking.connection import connect

    uri = os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        return not_checked("No --mlflow-uri: unless KFP's MLflow plugin names a server, nothing is recorded.")
    try:
        connect(home_folder()).search_experiments(max_results=1)
    except UserError:
        raise
    except Exception as error:  # it fails in the words of whatever lies below it
        if _is_busy(error):
            seconds = os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"]
            return warning(
                f"{without_secrets(uri)} takes requests and is too busy to answer within {seconds} s: runs go on "
                "without it and send what it lacks later, but promote waits for it; give the server more room."
            )
        return failure(_mlflow_trouble(uri, error))
    return ok(f"{uri} answers.")


def secrets(settings: ProbeSettings) -> Finding:
    """Look at what has come out of the Secrets, never show it."""
    values = {name: os.environ.get(name, "") for name in settings.secrets}
    if empty := [name for name, value in values.items() if not value.strip()]:
        return failure(f"{', '.join(empty)}: empty; give the Secret's key a value.")
    if spaced := [name for name, value in values.items() if value != value.strip()]:
        return warning(f"{', '.join(spaced)}: begins or ends with a space or a line break; is that meant?")
    return ok(f"{', '.join(values) or 'None is asked for'}{' reach the pod' if values else ''}.")


def source(settings: ProbeSettings) -> Finding:
    """List the source."""
    files = list_source(settings.prepare.source)
    count = f"{len(files)} {'file' if len(files) == 1 else 'files'}"
    return ok(f"'{settings.prepare.source}' holds {count}, {_size(sum(file.size for file in files))}.")


def rows(settings: ProbeSettings) -> Finding:
    """Read the smallest of the source's tables as prepare will."""
    table, found = _smallest_table(settings)
    if table is None:
        return not_checked(found)
    return ok(f"{found} has the columns, and {len(table)} rows ({table.files[0].written}).")


def _smallest_table(settings: ProbeSettings) -> "tuple[Table | None, str]":
    """The smallest of the source's tables, and its name; or None, and why none is read.

    Raises:
        UserError: it cannot be read.
    """
    from stillhouse.components.formats.tables import is_table
    from stillhouse.components.prepare.read import read
    from stillhouse.components.storage.sources import fetch_source

    where = settings.prepare.source
    if not where.startswith("s3://"):
        return None, f"'{where}' is first read by prepare."
    tables = sorted((file for file in list_source(where) if is_table(file.name)), key=lambda file: file.size)
    if not tables:
        read([], settings.prepare)  # which says what it takes
    smallest = tables[0]
    if smallest.size > SAMPLE_BYTES:
        return None, f"The smallest table, {smallest.name}, has {_size(smallest.size)}; prepare reads it first."
    single = where.rstrip("/").endswith(f"/{smallest.name}")
    with tempfile.TemporaryDirectory() as folder:
        address = where if single else f"{where.rstrip('/')}/{smallest.name}"
        files = fetch_source(address, folder)
        try:
            return read(files, settings.prepare), smallest.name
        except UserError as error:
            raise UserError(str(error).replace(f"{folder}/", "")) from None


def bases(settings: ProbeSettings) -> Finding:
    """Resolve the pretrained models as inspect will, and look at them as far as it can without their weights."""
    from stillhouse.components.artifacts.base_facts import look
    from stillhouse.components.artifacts.promotion_record import load
    from stillhouse.components.inspect.bases import Bases

    champion = load(local_store(), settings.model_name)[0].champion
    found = Bases(set(settings.bases), local_store()).fixed(None, champion)
    for base in found.values():
        if base.is_seen:
            look(base.address)
    said = [base.candidates.said() for base in found.values() if base.candidates]
    named = [name for name, base in found.items() if not base.candidates]
    if named:
        said.append(f"{', '.join(named)}: found.")
    return ok(" ".join(said) or "No pretrained model is named.")


def chosen_base(settings: ProbeSettings) -> Finding:
    """Choose as prepare will, by the smallest table, what stands for `auto` where no champion does."""
    from stillhouse.components.artifacts.base_facts import facts_of, look
    from stillhouse.components.artifacts.chosen_base import Candidates, is_auto
    from stillhouse.components.artifacts.examples import Examples
    from stillhouse.components.prepare.read import unparsed
    from stillhouse.components.storage.packages import is_package, package_digest

    for address in filter(is_package, settings.bases):
        facts_of(address, package_digest(address), look(address))
    if not any(is_auto(base) for base in settings.bases):
        return ok("The recipe leaves no choice.")
    table, why = _smallest_table(settings)
    if table is None:
        return not_checked(f"Which base `auto` stands for is decided by the texts. {why}")
    chosen = unparsed(settings.prepare).choose_base(Candidates(), Examples(table.inputs))
    return ok(f"Without a champion that fits: {' '.join(chosen.lines())}")


def promotions(settings: ProbeSettings) -> Finding:
    """Compare MLflow's aliases with the promotion record, and fix them from it."""
    from stillhouse.components.artifacts.promotion_record import load
    from stillhouse.components.promote.publish import publish
    from stillhouse.components.tracking.registry import aliases

    if not (os.environ.get("STILLHOUSE_STORE") and os.environ.get("MLFLOW_TRACKING_URI")):
        return not_checked("This needs a store and an MLflow server; give --store and --mlflow-uri.")
    name, place = settings.model_name, local_store()
    record, _ = load(place, name)
    if record.champion is None:
        return ok(f"No model '{name}' has been promoted yet.")
    entries = {"champion": record.champion, "previous": record.previous}
    wanted = {role: entry.version for role, entry in entries.items() if entry and entry.version}
    found = {role: version for role, version in aliases(name).items() if role in entries}
    if found == wanted and record.followed == record.serial:
        return ok(f"MLflow's champion of '{name}' is version {record.champion.version}, as the promotion record says.")
    if notes := publish(place, name, run=None):
        return warning(notes[0])
    return warning(
        f"MLflow's aliases of '{name}' were {_versions(found)}, and have been fixed from the promotion record: "
        f"{_versions(wanted)}."
    )


LIGHT_CHECKS: dict[str, Callable[[ProbeSettings], Finding]] = {
    "credentials": secrets,
    "store": store,
    "MLflow": mlflow,
    "source": source,
    "base models": bases,
    "promotions": promotions,
}
"""By name; they run in the light image."""
TRAINING_CHECKS: dict[str, Callable[[ProbeSettings], Finding]] = {"rows": rows, "chosen base": chosen_base}
"""Those that take what reads tables, or the packaged base."""


FAILED, AMISS = ("failure",), ("failure", "warning")
NEEDS = {"base models": {"store": FAILED}, "promotions": {"store": FAILED, "MLflow": AMISS}}
"""What the checks before must not have found. No store at all is a warning: what needs one says so itself."""


def probe(settings: ProbeSettings, names: Iterable[str]) -> Iterator[Finding]:
    """The finding of each check."""
    found: dict[str, str] = {}
    for name in names:
        missing = [need for need, levels in NEEDS.get(name, {}).items() if found.get(need) in levels]
        finding = not_checked(f"It builds on '{missing[0]}'.") if missing else _finding(settings, name)
        found[name] = finding.level
        yield finding.of(name)


def _finding(settings: ProbeSettings, name: str) -> Finding:
    try:
        return (LIGHT_CHECKS | TRAINING_CHECKS)[name](settings)
    except UserError as error:
        return failure(str(error))
    except Exception as error:  # a check that breaks is a finding, and hides none of the others
        return failure(f"{type(error).__name__}: {error}")


def _mlflow_trouble(uri: str, error: Exception) -> str:
    from mlflow.exceptions import MlflowException

    status = error.get_http_status_code() if isinstance(error, MlflowException) else 0
    said = (str(_innermost(error)) or type(error).__name__).splitlines()[0]
    if status in (401, 403) or "401" in said or "403" in said:
        return f"{uri} refuses the credentials ({said}); correct the Secret that --mlflow-secret names."
    return f"{uri} does not answer as MLflow does ({said}); check --mlflow-uri, the server and the network policy."


def _is_busy(error: BaseException | None) -> bool:
    """Whether somebody was there who did not come to an answer: a timeout after the connection, or a proxy's word."""
    from urllib3.exceptions import ReadTimeoutError, ResponseError

    if isinstance(error, ReadTimeoutError) or (isinstance(error, ResponseError) and BUSY.search(str(error))):
        return True
    return error is not None and _is_busy(error.__cause__ or error.__context__)


def _innermost(error: BaseException) -> BaseException:
    """What a library's exception was made of in the end: the words of the socket rather than those of its pool."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return error


def _versions(versions: dict[str, str]) -> str:
    return ", ".join(f"{role} {version}" for role, version in sorted(versions.items())) or "not set"


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def main() -> int:
    """Entry of the process."""
    guard_output()
    logging.basicConfig(level=logging.ERROR)
    os.environ.update(BOUNDS)
    settings, *names = sys.argv[1:]
    parsed = ProbeSettings.model_validate_json(settings)
    for finding in probe(parsed, names):
        sys.stdout.write(finding.model_dump_json() + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
