"""The doctor: all checks in their order, the quick ones before each `submit`, and the table."""

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from stillhouse.components.probe.finding import Finding, Level, not_checked
from stillhouse.errors import UserError
from stillhouse.pipelines.doctor import capacity, installation, memory, rights
from stillhouse.pipelines.doctor.check import Check, Visit, examine
from stillhouse.pipelines.doctor.probe_pod import probe

WIDTH = 100
"""Characters of the table at most."""
STYLES: dict[Level, str] = {"ok": "green", "warning": "yellow", "failure": "bold red", "not checked": "dim"}

IN_NAMESPACE = ("Kubernetes", "namespace")
QUICK = (
    Check("KFP", installation.kfp),
    Check("Kubernetes", installation.kubernetes),
    Check("namespace", installation.namespace, ("Kubernetes",)),
    Check("account", installation.account, IN_NAMESPACE),
    Check("Secrets", installation.secrets, IN_NAMESPACE),
    Check("queue", installation.queue, IN_NAMESPACE),
    Check("nodes", capacity.nodes, ("Kubernetes",)),
    Check("quota", capacity.quota, IN_NAMESPACE),
)
"""What costs a request each: `submit` begins with them."""
THOROUGH = (
    Check("KFP version", installation.kfp_version, ("KFP",)),
    Check("rights at KFP", rights.rights_at_kfp, ("KFP",)),
    Check("rights here", rights.rights_here, IN_NAMESPACE),
    Check("pods' rights", rights.rights_of_pods, (*IN_NAMESPACE, "account")),
    Check("admission", capacity.admission, (*IN_NAMESPACE, "account")),
    Check("memory", memory.memory),
    Check("retries", installation.retries, IN_NAMESPACE),
)
PROBED_AFTER = (*IN_NAMESPACE, "account", "Secrets", "admission")
"""Without them a probe pod would only say the same again."""


def diagnose(visit: Visit) -> Iterator[Finding]:
    """All findings, in their order; those of the probe pod last."""
    levels: dict[str, Level] = {}
    for finding in examine((*QUICK, *THOROUGH), visit):
        levels[finding.check] = finding.level
        yield finding
    broken = [name for name in PROBED_AFTER if levels[name] == "failure" or levels["Kubernetes"] != "ok"]
    if broken:
        yield not_checked(f"It builds on '{broken[0]}': images, store, MLflow, source.").of("probe pod")
        return
    yield from probe(visit)


def refuse_failures(visit: Visit) -> None:
    """The quick part, for `submit`.

    Raises:
        UserError: a run would fail; the sentences of all failures.
    """
    failures = [finding.text for finding in examine(QUICK, visit) if finding.level == "failure"]
    if failures:
        raise UserError(" ".join(failures))


def show(findings: Iterable[Finding], console: Console) -> int:
    """Print the findings as a table, or one on each line where no person looks; the exit code."""
    kept = []
    for finding in findings:
        kept.append(finding)
        if not console.is_terminal:
            console.out(f"{finding.level:<12} {finding.check:<15} {finding.text}", highlight=False)
    if console.is_terminal:
        console.print(_table(kept), width=min(WIDTH, console.width))
    return int(any(finding.level == "failure" for finding in kept))


def _table(findings: list[Finding]) -> Table:
    text = Column("what was found, and how to fix it", overflow="fold")  # an image's digest is one long word
    table = Table("check", "result", text, box=None, pad_edge=False)
    for finding in findings:
        table.add_row(finding.check, f"[{STYLES[finding.level]}]{finding.level}[/]", escape(finding.text))
    return table
