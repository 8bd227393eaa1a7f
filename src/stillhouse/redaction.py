"""Keys and passwords in texts: found, so that a recipe with one is refused; hidden, in all that is written or shown.

Patterns are those that issuers document (fixed prefixes and lengths) and a few shapes: a password in a URL, a signed
query, `password=...`. What the environment holds under a name such as AWS_SECRET_ACCESS_KEY is hidden word for word.
A leaf: whatever shows or keeps text may lean on it, and it on nothing of Stillhouse.
"""

import atexit
import io
import json
import logging
import os
import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, TextIO
from urllib.parse import quote

HIDDEN = "[redacted]"

MIN_VALUE = 8
"""Shorter values of the environment are not secrets: 'test' would be hidden wherever the word stands."""

SECRET_NAMES = re.compile(
    r"(?:^|_)(?:secret|token|passw(?:or)?d|passphrase|credentials?|(?:api|private|secret|account|access)_?key)(?:_|$)",
    re.IGNORECASE,
)
"""Environment variables whose values are secrets."""
PLACES = ("_FILE", "_PATH", "_DIR", "_ID", "_NAME", "_URI", "_URL", "_ENDPOINT", "_PARALLELISM")
"""...but for those that only say where one is."""

# A word of letters and digits, as passwords that a machine made are.
_MIXED = r"(?=[^\s\d]{0,64}\d)(?=[^\sA-Za-z]{0,64}[A-Za-z])"
_ASSIGNED = r"""\\?["']?\s*(?:=>?|:)\s*\\?["']?(?!\[redacted)"""

PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "a private key",
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY[A-Z ]*-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY[A-Z ]*-----|\Z)"),
    ),
    ("an AWS access key", re.compile(r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b")),
    (
        "an AWS secret key",
        re.compile(
            r"(?<![\w/+.-])(?!/)(?=(?:[^\sA-Z]{0,39}[A-Z]){3})(?=(?:[^\sa-z]{0,39}[a-z]){3})(?=[^\s\d]{0,39}\d)"
            r"[A-Za-z0-9/+]{40}(?![\w/+=.-])"
        ),
    ),
    ("a GitHub token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,})")),
    ("a GitLab token", re.compile(r"\bgl(?:pat|ptt|dt|rt|cbt|ft|soat|agent)-[\w-]{20,}")),
    ("a Hugging Face token", re.compile(r"\b(?:hf|api_org)_[A-Za-z0-9]{30,}")),
    (
        "a Slack token",
        re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|(?<=hooks\.slack\.com/services/)[A-Za-z0-9/]{20,}"),
    ),
    ("an API key", re.compile(r"\bsk-(?:ant-|proj-|svcacct-|admin-)?" + _MIXED + r"[A-Za-z0-9_-]{20,}")),
    ("a Google API key", re.compile(r"\bAIza[\w-]{35}")),
    ("a registry token", re.compile(r"\b(?:npm_[A-Za-z0-9]{36}|pypi-AgEI[\w-]{50,})")),
    ("a Databricks token", re.compile(r"\bdapi[0-9a-f]{32}\b")),
    ("a payment key", re.compile(r"\b[rs]k_live_[A-Za-z0-9]{20,}")),
    ("a JSON web token", re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}")),
    (
        "a password in a URL",
        re.compile(
            r"""(?i)(?<=://)(?:[^\s/@:?#'"]*:[^\s/@'"]+|(?<=http://)[^\s/@?#'"]+|(?<=https://)[^\s/@?#'"]+)(?=@)"""
        ),
    ),
    (
        "a signed URL",
        re.compile(
            r"(?i)[?&;](?:x-(?:amz|goog)-(?:signature|credential|security-token)|awsaccesskeyid|signature|sig|"
            r"(?:access_?|auth_?)?token|api_?key|key|password)=(?P<secret>[^&\s\"'\[][^&\s\"']{3,})"
        ),
    ),
    (
        "a login",
        re.compile(r"(?i)\b(?:bearer|basic)\s+(?P<secret>" + _MIXED + r"[\w.~+/=-]{16,})"),
    ),
    (
        "a password",
        re.compile(
            r"(?i)(?:password|passwd|passphrase|pwd)" + _ASSIGNED + r"""(?P<secret>(?![$<{(\[*])[^\s"',;}\])\\]{4,})"""
        ),
    ),
    (
        "a key",
        re.compile(
            r"(?i)(?:secret|token|(?:api|access|private|secret|account)[_-]?key)"
            + _ASSIGNED
            + r"(?P<secret>"
            + _MIXED
            + r"[\w.~+/=-]{16,})"
        ),
    ),
)
"""What a secret looks like; the group `secret`, where there is one, is the part to hide."""


def find_secret(text: str) -> str | None:
    """What kind of secret `text` carries ('a GitHub token'); None when it carries none that is known."""
    if any(value in text for value in _environment()):
        return "a secret of the environment"
    return next((kind for kind, pattern in PATTERNS if pattern.search(text)), None)


def redact(text: str) -> str:
    """`text` with '[redacted]' in place of every secret in it."""
    for value in _environment():
        text = text.replace(value, HIDDEN)
    for _, pattern in PATTERNS:
        text = pattern.sub(_hide, text)
    return text


def redact_all(value: Any) -> Any:
    """The same for every string in nested dicts and lists; other values stay as they are."""
    if isinstance(value, dict):
        # With its name, which may be what tells: {"password": "..."}.
        return {redact(key) if isinstance(key, str) else key: _redact_named(key, inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [redact_all(inner) for inner in value]
    return redact(value) if isinstance(value, str) else value


def secrets_in(value: Any, key: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Path and kind of every secret in nested dicts and lists; of a key that is one itself, the path of its parent."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if kind := find_secret(str(name)):
                yield key, kind
            else:
                yield from secrets_in(inner, (*key, str(name)))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from secrets_in(inner, (*key, str(index)))
    elif isinstance(value, str) and (kind := find_secret(value) or find_secret(f"{key[-1] if key else ''}={value}")):
        yield key, kind


class RedactingFormatter(logging.Formatter):
    """Formats a record, its traceback included, without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class RedactedStream(io.TextIOWrapper):
    """A text stream that hides secrets line by line, whoever writes to it."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream.buffer, encoding=stream.encoding, errors=stream.errors, line_buffering=True)
        self._stream = stream  # which would close the file if nobody held it
        self._begun = ""

    def write(self, text: str) -> int:
        lines, newline, self._begun = (self._begun + text).rpartition("\n")
        if newline:
            super().write(redact(lines) + newline)
        return len(text)

    def finish(self) -> None:
        """Write the beginning of a line that nobody has ended."""
        rest, self._begun = self._begun, ""
        super().write(redact(rest))
        self.flush()


def guard_output() -> None:
    """From here on nothing that this process writes to sys.stdout and sys.stderr shows a secret."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, RedactedStream):
            stream.flush()
            guarded = RedactedStream(stream)
            atexit.register(guarded.finish)
            setattr(sys, name, guarded)


def _redact_named(name: Any, value: Any) -> Any:
    if isinstance(value, str) and redact(f"{name}={value}") != f"{name}={redact(value)}":
        return HIDDEN
    return redact_all(value)


def _hide(match: re.Match[str]) -> str:
    if "secret" not in match.re.groupindex:
        return HIDDEN
    start, end = (position - match.start() for position in match.span("secret"))
    return match[0][:start] + HIDDEN + match[0][end:]


def _environment() -> list[str]:
    """Secrets in the environment, longest first, also as a URL and as JSON would write them."""
    found: set[str] = set()
    for name, value in os.environ.items():
        if _is_secret(name):
            for line in value.splitlines():
                if len(line.strip()) >= MIN_VALUE:
                    found |= {line.strip(), quote(line.strip(), safe=""), json.dumps(line.strip())[1:-1]}
    return sorted(found, key=lambda value: (-len(value), value))


@lru_cache(maxsize=4096)
def _is_secret(name: str) -> bool:
    return bool(SECRET_NAMES.search(name)) and not name.upper().endswith(PLACES)
