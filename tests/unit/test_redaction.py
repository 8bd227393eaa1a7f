"""Keys and passwords: found where they stand, hidden where they would show."""

import io
import logging
import subprocess
import sys
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillhouse.errors import UserError
from stillhouse.redaction import HIDDEN, RedactedStream, RedactingFormatter, find_secret, redact, redact_all, secrets_in

# In two parts, so that no scanner takes this file for a leak.
SECRETS = {
    "AWS id": "AKIA" + "IOSFODNN7EXAMPLE",
    "AWS session id": "ASIA" + "IOSFODNN7EXAMPLE",
    "AWS secret": "wJalrXUtnFEMI/K7MDENG" + "/bPxRfiCYEXAMPLEKEY",
    "GitHub": "ghp_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8",
    "GitHub, fine-grained": "github_pat_" + "11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz",
    "GitLab": "glpat-" + "AbCdEfGhIjKlMnOpQrSt",
    "Hugging Face": "hf_" + "AbCdEfGhIjKlMnOpQrStUvWxYzAbCdEfGh",
    "Slack": "xoxb-" + "123456789012-abcdefghijkl",
    "OpenAI": "sk-proj-" + "Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8",
    "Anthropic": "sk-ant-" + "api03-Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8",
    "Google": "AIza" + "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q",
    "Databricks": "dapi" + "0123456789abcdef0123456789abcdef",
    "JWT": "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
    "PEM": "-----BEGIN RSA PRIVATE " + "KEY-----\nMIIEpAIBAAKCAQEA7\n-----END RSA PRIVATE KEY-----",
}
"""Texts that are a secret by themselves."""

WITHIN = {
    "URL": ("https://me:correct-horse@host:9000/a", "correct-horse"),
    "token in a URL": ("https://correct-horse@host/a", "correct-horse"),
    "signed URL": ("https://host/a?X-Amz-Signature=0123abcd&X-Amz-Date=1", "0123abcd"),
    "SAS": ("https://host/a?sv=1&sig=abc%2Fdef", "abc%2Fdef"),
    "password": ("--set db.password=hunter2", "hunter2"),
    "YAML": ("password: 'hunter2'", "hunter2"),
    "JSON": ('{"api_key": "abcdefgh12345678"}', "abcdefgh12345678"),
    "header": ("Authorization: Bearer abcdefgh12345678", "abcdefgh12345678"),
    "assignment": ("AWS_SECRET_ACCESS_KEY=abcdefgh12345678", "abcdefgh12345678"),
}
"""Texts with a secret in them, and the secret."""

HARMLESS = [
    "finetune: 'loop.epochs' is 'two', but input should be a valid integer.",
    "batch_tokens=4096, max_tokens: 100000",
    "unk_token: '[UNK]', column 'token' of tokens.csv",
    "models:/spam@champion",
    "hf://owner/name@main/config",
    "s3://bucket/prefix/key=1/part-00000.parquet",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "/home/User1/Projects/Stillhouse/runs/spam-20261122-151405/pipeline.log",
    "secret: s3-credentials",
    "task-classification, disk-usage, risk-free",
]


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize("around", ["{}", "before {} after", "'{}'", "key={}", '["{}"]'])
def test_a_secret_is_found_and_hidden_whatever_is_around_it(kind: str, around: str) -> None:
    text = around.format(SECRETS[kind])
    assert find_secret(text)
    assert SECRETS[kind] not in redact(text)
    assert HIDDEN in redact(text)


@pytest.mark.parametrize("kind", WITHIN)
def test_of_a_text_the_secret_alone_is_hidden(kind: str) -> None:
    text, secret = WITHIN[kind]
    assert find_secret(text)
    assert redact(text) == text.replace(secret, HIDDEN) or HIDDEN in redact(text)
    assert secret not in redact(text)
    assert redact(text)[:4] == text[:4]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays(text: str) -> None:
    assert find_secret(text) is None
    assert redact(text) == text


@given(st.text() | st.text(alphabet="AKIaki0-_=:/@.\n'\" sktoenpaswrd", max_size=200))
def test_hiding_twice_hides_no_more(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@pytest.mark.parametrize(
    "part", ["?key=", "sk-", "eyJaaaaaaaa.", "password", "://", "Aa/", "-----BEGIN PRIVATE KEY-----"]
)
def test_a_long_text_takes_no_longer_than_its_length(part: str) -> None:
    begun = time.process_time()
    redact(part * (100_000 // len(part)))
    assert time.process_time() - begun < 10  # what grows with its square takes minutes


@pytest.mark.parametrize(
    "name", ["AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "DB_PASSWORD", "MY_API_KEY", "MLFLOW_TRACKING_PASSWORD"]
)
def test_a_secret_of_the_environment_is_hidden_word_for_word(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "correct horse")
    assert redact("it is correct horse, or correct%20horse") == f"it is {HIDDEN}, or {HIDDEN}"


@pytest.mark.parametrize(
    ("name", "value"), [("HF_TOKEN", "short"), ("TOKENIZERS_PARALLELISM", "false, no"), ("PWD", "/a/folder")]
)
def test_what_is_no_secret_of_the_environment_stays(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert redact(f"it is {value}") == f"it is {value}"


def test_nested_values_are_hidden_by_value_and_by_name() -> None:
    values: dict[str, Any] = {"password": "hunter2", "a": [{"b": SECRETS["AWS id"]}], "n": 3, "none": None}
    assert redact_all(values) == {"password": HIDDEN, "a": [{"b": HIDDEN}], "n": 3, "none": None}


def test_secrets_are_found_by_their_place() -> None:
    values: dict[str, Any] = {"a": {"b": ["x", SECRETS["GitHub"]]}, "password": "hunter2", "c": {SECRETS["AWS id"]: 1}}
    assert list(secrets_in(values)) == [
        (("a", "b", "1"), "a GitHub token"),
        (("password",), "a password"),
        (("c",), "an AWS access key"),
    ]


def test_a_sentence_is_one_line_without_secrets_and_control_characters() -> None:
    sentence = str(UserError(f"a\nb \x1b[31m\ud800 {SECRETS['AWS id']} {'x' * 100_000} fix it."))
    assert sentence.startswith(f"a b \\x1b[31m\\ud800 {HIDDEN} xxx")
    assert sentence.endswith("xxx fix it.")
    assert len(sentence) <= 1201


def test_a_log_is_formatted_without_secrets_and_so_is_its_traceback() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(RedactingFormatter("%(message)s"))
    log = logging.Logger("tested")
    log.addHandler(handler)
    try:
        raise ValueError(SECRETS["GitLab"])
    except ValueError:
        log.exception("with %s", SECRETS["AWS id"])
    assert stream.getvalue().startswith(f"with {HIDDEN}\nTraceback")
    assert SECRETS["GitLab"] not in stream.getvalue()


def test_a_stream_hides_a_secret_that_is_written_in_pieces() -> None:
    raw = io.BytesIO()
    stream = RedactedStream(io.TextIOWrapper(raw, encoding="utf-8"))
    for piece in ("key ", SECRETS["AWS id"][:7], SECRETS["AWS id"][7:], "\nnext ", SECRETS["GitLab"]):
        stream.write(piece)
    stream.finish()
    assert raw.getvalue().decode() == f"key {HIDDEN}\nnext {HIDDEN}"


def test_a_guarded_process_shows_no_secret_however_it_ends() -> None:
    code = (
        "import sys; from stillhouse.redaction import guard_output\nguard_output()\n"
        "print('token', sys.argv[1], end='')\nraise RuntimeError(sys.argv[1])"
    )
    ended = subprocess.run([sys.executable, "-c", code, SECRETS["GitHub"]], capture_output=True, text=True)
    assert ended.stdout == f"token {HIDDEN}"
    assert ended.stderr.endswith(f"RuntimeError: {HIDDEN}\n")
