"""The probe: a short-lived pod in the steps' images, and what it has found."""

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import urllib3
from kubernetes.client import ApiException
from pydantic import ValidationError

from stillhouse.components.inspect.settings import Parameters
from stillhouse.components.kubernetes.api import words_of
from stillhouse.components.kubernetes.images import LIGHT, TRAINING
from stillhouse.components.probe.finding import Finding, failure, not_checked, ok, warning
from stillhouse.components.probe.probe import LIGHT_CHECKS, TRAINING_CHECKS, ProbeSettings
from stillhouse.components.storage.urls import is_local
from stillhouse.pipelines.cluster.connection import TIMEOUT, reason_of
from stillhouse.pipelines.cluster.submit import OUT_OF_REACH
from stillhouse.pipelines.cluster.watch.pod_state import CONFIG_REASONS, PULL_REASONS
from stillhouse.pipelines.compiling.pods import STEP_LABEL
from stillhouse.pipelines.doctor.check import Visit, lacks_right
from stillhouse.pipelines.doctor.pod_like_a_step import STEP, container, pod

LIMIT_SECONDS = 120
"""Longest time of the probe, images included."""
SCHEDULE_SECONDS = 60
"""Longest wait for a node."""
POLL_SECONDS = 0.5
SHARE = {"cpu": "250m", "memory": "512Mi"}
"""What each of the two containers asks for: together they need the room of a small step."""
OF_SOURCE = ("source", "rows")
LOG_LINES = 3
"""Of a probe that broke, what is quoted."""

PARTS = {"light image": (LIGHT, LIGHT_CHECKS), "training image": (TRAINING, TRAINING_CHECKS)}
"""The containers, by the name of their line: which image, and what is looked at in it."""
ORDER = ("probe pod", "light image", "training image", *LIGHT_CHECKS, *TRAINING_CHECKS)


def probe(visit: Visit) -> Iterator[Finding]:
    """Findings of the pod, in their order."""
    found: dict[str, Finding] = {}
    try:
        for finding in _probe(visit):
            found[finding.check] = finding
    except ApiException as error:
        level = not_checked if lacks_right(error) else failure
        found["probe pod"] = level(f"Kubernetes refuses: {words_of(error)}")
    except (urllib3.exceptions.HTTPError, OSError) as error:
        found["probe pod"] = not_checked(f"Kubernetes no longer answers ({reason_of(error)}).")
    if "source" in found and found["source"].level == "failure":
        for name in TRAINING_CHECKS:
            if name in found:  # looked at in the other container, at the same time
                found[name] = not_checked("It builds on 'source'.")
    for name in sorted(found, key=ORDER.index):
        yield found[name].of(name)


def _probe(visit: Visit) -> Iterator[Finding]:
    """Make the pod, wait for it, and hand on what it found; it is deleted whatever happens."""
    asked = probe_settings(visit)
    skipped = OF_SOURCE if is_local(asked.prepare.source) else ()
    names = {part: [name for name in checks if name not in skipped] for part, (_, checks) in PARTS.items()}
    containers = [
        container(_container(part), visit.options.image_of(image), _command(asked, names[part]), {"requests": SHARE})
        for part, (image, _) in PARTS.items()
    ]
    body = pod(visit.options, visit.recipe.name, visit.account, containers, seconds=LIMIT_SECONDS + 30)
    name = body["metadata"]["name"]
    _sweep(visit)
    visit.core.create_namespaced_pod(visit.namespace, body, _request_timeout=TIMEOUT)
    try:
        yield from _watch(visit, name, names)
        yield from _source(visit, skipped)
    finally:
        visit.core.delete_namespaced_pod(name, visit.namespace, grace_period_seconds=0, _request_timeout=TIMEOUT)


def _sweep(visit: Visit) -> None:
    """Remove the pods of doctors who were killed; they have come to their deadline."""
    selected = {"label_selector": f"{STEP_LABEL}={STEP}", "field_selector": "status.phase=Failed"}
    with suppress(ApiException):
        for old in visit.core.list_namespaced_pod(visit.namespace, **selected, _request_timeout=TIMEOUT).items:
            visit.core.delete_namespaced_pod(old.metadata.name, visit.namespace, _request_timeout=TIMEOUT)


def probe_settings(visit: Visit) -> ProbeSettings:
    """What the probe is told of the recipe and the options; no secret is among it."""
    steps = Parameters.of_recipe(visit.recipe.parameters()).steps("recipe")
    named = (steps["pretrain"].base, steps["finetune"].base, steps["distill"].student.base)
    return ProbeSettings(
        model_name=visit.recipe.name,
        prepare=steps["prepare"],
        bases=tuple(dict.fromkeys(base for base in named if base)),
        secrets=tuple(variable for secret in visit.options.secrets() for variable in secret.keys.values()),
    )


def _watch(visit: Visit, pod_name: str, names: dict[str, list[str]]) -> Iterator[Finding]:
    """Findings of each container, as soon as it ended or it is plain that it will not."""
    started, left = time.monotonic(), list(PARTS)
    while left:
        found: Any = visit.core.read_namespaced_pod(pod_name, visit.namespace, _request_timeout=TIMEOUT)
        waited = time.monotonic() - started
        if (why := _unscheduled(found)) and waited > SCHEDULE_SECONDS:
            yield not_checked(f"No node has room for a small pod within {SCHEDULE_SECONDS} s: {why}").of("probe pod")
            return
        states = {status.name: status.state for status in found.status.container_statuses or []}
        for part in list(left):
            image, state = visit.options.image_of(PARTS[part][0]), states.get(_container(part))
            if state and state.terminated:
                yield from _ended(visit, pod_name, part, state.terminated, names[part])
            elif state and state.waiting and (trouble := _held_back(state.waiting, image)):
                yield trouble.of(part)
                yield from _unseen(names[part], [], part)
            elif waited > LIMIT_SECONDS:
                yield from _late(visit, pod_name, part, state, names[part])
            else:
                continue
            left.remove(part)
        time.sleep(POLL_SECONDS)


def _ended(visit: Visit, pod_name: str, part: str, ended: Any, names: list[str]) -> Iterator[Finding]:
    image, lines = visit.options.image_of(PARTS[part][0]), _log(visit, pod_name, part)
    findings = _told(lines)
    if ended.exit_code == 0 and len(findings) == len(names):
        yield ok(f"{image} was pulled and starts.").of(part)
    else:
        quoted = " ".join(lines[-LOG_LINES:]) or ended.message or ended.reason or "no word"
        yield failure(
            f"{image} was pulled and does not run Stillhouse's probe ({quoted}); name an image of this release."
        ).of(part)
    yield from findings
    yield from _unseen(names, findings, part)


def _late(visit: Visit, pod_name: str, part: str, state: Any, names: list[str]) -> Iterator[Finding]:
    image = visit.options.image_of(PARTS[part][0])
    if state is None or state.waiting:
        findings: list[Finding] = []
        pulled = warning(f"{image} is still being pulled after {LIMIT_SECONDS} s; the first run waits for it too.")
    else:
        findings = _told(_log(visit, pod_name, part))
        pulled = failure(f"The probe in {image} was not done within {LIMIT_SECONDS} s; what it asks next hangs.")
    yield pulled.of(part)
    yield from findings
    yield from _unseen(names, findings, part)


def _log(visit: Visit, pod_name: str, part: str) -> list[str]:
    # Unread, for the client takes a log of one line for the JSON that it is and gives it back as Python writes it.
    log = visit.core.read_namespaced_pod_log(
        pod_name, visit.namespace, container=_container(part), _preload_content=False, _request_timeout=TIMEOUT
    )
    return log.data.decode(errors="replace").splitlines()


def _told(lines: list[str]) -> list[Finding]:
    return [finding for line in lines if (finding := _parsed(line))]


def _held_back(waiting: Any, image: str) -> Finding | None:
    said = (waiting.message or waiting.reason or "").rstrip(".")
    if waiting.reason in PULL_REASONS:
        return failure(f"{image} cannot be pulled: {said}; correct the image, or give --pull-secret.")
    if waiting.reason in CONFIG_REASONS:
        return failure(f"The container cannot be started: {said}; fix what it names.")
    return None


def _unseen(names: list[str], seen: list[Finding], part: str) -> Iterator[Finding]:
    told = {finding.check for finding in seen}
    for name in names:
        if name not in told:
            yield not_checked(f"It is checked in the {part}, which said nothing of it.").of(name)


def _source(visit: Visit, skipped: tuple[str, ...]) -> Iterator[Finding]:
    if not skipped:
        return
    where, store = visit.recipe.data.source, visit.options.store
    if store:
        yield ok(f"'{where}' lies on this machine; submit copies it to {store}.").of(skipped[0])
    else:
        yield failure(OUT_OF_REACH.format(where)).of(skipped[0])


def _unscheduled(found: Any) -> str:
    conditions = [one for one in found.status.conditions or [] if one.type == "PodScheduled" and one.status == "False"]
    return conditions[0].message or conditions[0].reason if conditions else ""


def _parsed(line: str) -> Finding | None:
    try:
        return Finding.model_validate_json(line)
    except ValidationError:
        return None


def _container(part: str) -> str:
    return part.replace(" ", "-")


def _command(settings: ProbeSettings, names: list[str]) -> list[str]:
    return ["python3", "-P", "-m", "stillhouse.components.probe.probe", settings.model_dump_json(), *names]
