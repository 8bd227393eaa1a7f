"""What a doctor's check is given, and how checks follow one another."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import urllib3
from kubernetes.client import ApiClient, ApiException, CoreV1Api

from stillhouse.components.kubernetes.api import words_of
from stillhouse.components.probe.finding import Finding, failure, not_checked
from stillhouse.errors import UserError
from stillhouse.pipelines.cluster.connection import STANDALONE_NAMESPACE, Cluster, connect, open_behind, reason_of
from stillhouse.pipelines.compiling.options import ClusterOptions
from stillhouse.pipelines.recipes.recipe import Recipe

USERS_ACCOUNT = "default-editor"
"""What Kubeflow calls the account of a user's pods."""
TEAMS_ACCOUNT = "pipeline-runner"
"""The account that a KFP for one team takes, if nobody says otherwise."""


class NotCheckable(Exception):
    """It cannot be looked at, nor can what builds on it; the message says why."""


@dataclass(frozen=True)
class Visit:
    """A recipe, and the installation that is to run it."""

    recipe: Recipe
    options: ClusterOptions
    cluster: Cluster | None
    """None when KFP does not answer."""
    trouble: str = ""
    """Why it does not."""
    given_namespace: str = ""

    @property
    def namespace(self) -> str:
        """Where the pods will be; without KFP, what the command line says or the usual one."""
        return self.cluster.namespace if self.cluster else self.given_namespace or STANDALONE_NAMESPACE

    @property
    def home(self) -> str:
        """Where KFP and Argo themselves are."""
        return self.cluster.home if self.cluster else self.namespace

    @property
    def account(self) -> str:
        """The account of the pods."""
        users = self.cluster is not None and self.cluster.multi_user
        return self.options.service_account or (USERS_ACCOUNT if users else TEAMS_ACCOUNT)

    @cached_property
    def kubernetes(self) -> ApiClient:
        """Kubernetes' API.

        Raises:
            NotCheckable: there is no way to it.
        """
        try:
            return self.cluster.kubernetes if self.cluster else open_behind("the endpoint")
        except UserError as error:
            raise NotCheckable(str(error)) from None

    @property
    def core(self) -> Any:
        """Pods, Secrets, nodes: a CoreV1Api, whose methods type checkers take to be asynchronous as well."""
        return CoreV1Api(self.kubernetes)


@dataclass(frozen=True)
class Check:
    """One line of the table."""

    name: str
    look: Callable[[Visit], Finding]
    needs: tuple[str, ...] = ()
    """Checks that must not have failed."""


def begin_visit(recipe: Recipe, options: ClusterOptions, endpoint: str, namespace: str, token: str) -> Visit:
    """Knock at KFP's door; that nobody answers is a finding too."""
    try:
        return Visit(recipe, options, connect(endpoint, namespace, token))
    except UserError as error:
        return Visit(recipe, options, None, str(error), namespace)


def examine(checks: Sequence[Check], to: Visit) -> Iterator[Finding]:
    """The finding of each check, in their order; what builds on one that failed is not checked."""
    closed: set[str] = set()
    for check in checks:
        missing = [name for name in check.needs if name in closed]
        try:
            if missing:
                raise NotCheckable(f"It builds on '{missing[0]}'.")
            finding = _look(check, to)
        except NotCheckable as error:
            finding = not_checked(str(error))
            closed.add(check.name)
        if finding.level == "failure":
            closed.add(check.name)
        yield finding.of(check.name)


def lacks_right(error: ApiException) -> bool:
    """Whether Kubernetes refuses because of a right, and not because of what it was given (a quota, a policy)."""
    return error.status == 403 and bool(re.search(r"cannot \w+ resource", words_of(error)))


def _look(check: Check, to: Visit) -> Finding:
    try:
        return check.look(to)
    except UserError as error:
        return failure(str(error))
    except ApiException as error:
        return _refused(error)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise NotCheckable(f"Kubernetes does not answer ({reason_of(error)}).") from None


def _refused(error: Any) -> Finding:
    said = words_of(error)
    if lacks_right(error):
        return not_checked(f"The right is missing: {said}")
    if error.status == 401:
        raise NotCheckable(f"Kubernetes does not accept the kubeconfig's credentials ({said}); renew them.")
    return not_checked(f"Kubernetes answers with {error.status}: {said}")
