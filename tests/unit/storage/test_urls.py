from pathlib import Path

import pytest

from stillhouse.components.storage.urls import local_path, scheme_of, without_secrets
from stillhouse.errors import UserError


def test_an_unknown_scheme_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"unknown scheme 'gs'; use a path or one of: file://, s3://\."):
        scheme_of("gs://bucket/key", ("file", "s3"))


@pytest.mark.parametrize("url", ["file:///some/my%20data", "file://localhost/some/my data", "/some/my data"])
def test_a_path_and_its_file_url_are_the_same(url: str) -> None:
    assert local_path(url) == Path("/some/my data")


def test_a_file_url_of_another_machine_is_refused() -> None:
    with pytest.raises(UserError, match="names the machine 'elsewhere'"):
        local_path("file://elsewhere/data")


def test_messages_carry_no_password_and_no_query() -> None:
    assert without_secrets("https://me:word@host:9000/a?token=word") == "https://host:9000/a"


@pytest.mark.parametrize("path", ["a\0b", "x" * 300, "~nobody-like-this/a", "file:///a%00b"])
def test_what_can_be_no_path_is_the_users_error(path: str) -> None:
    with pytest.raises(UserError, match="is not a path that can be looked at"):
        local_path(path)


def test_a_url_with_a_password_is_refused_without_showing_it() -> None:
    with pytest.raises(UserError, match=r"^'s3://bucket/a' was given with a password; take it out") as raised:
        scheme_of("s3://me:word-of-mine@bucket/a", ("s3",))
    assert "word-of-mine" not in str(raised.value)
