from pathlib import Path

import pytest

from stillhouse.components.storage.urls import local_path, refuse_metadata, scheme_of, without_secrets
from stillhouse.errors import UserError


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://user:word@169.254.169.254:80/",
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://[::ffff:169.254.169.254]/",
        "http://[fe80::1%25eth0]/",
        "http://[fd00:ec2::254]/",
        "http://100.100.100.200/",
        "http://Metadata.Google.Internal./",
        "s3://169.254.169.254/data",
        "hf://169.254.169.254/data",
        "file://169.254.169.254/data",
    ],
)
def test_metadata_addresses_are_refused_in_any_spelling(url: str) -> None:
    with pytest.raises(UserError, match="link-local or metadata address"):
        refuse_metadata(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000", "s3://metadata/data", "hf://owner/name", "/data", "data.csv"])
def test_other_addresses_pass(url: str) -> None:
    refuse_metadata(url)


def test_what_is_no_url_is_the_users_error() -> None:
    with pytest.raises(UserError, match="is not a URL"):
        refuse_metadata("http://[::1")


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
