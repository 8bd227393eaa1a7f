"""Unicode, white space and personal data."""

import time

import pyarrow as pa
import pytest

from stillhouse.components.modalities.text.clean import clean, mask_pii


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("  a \t b  \n c ", "a b\nc"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("a\n \n\n\nb", "a\n\nb"),
        ("a\u00a0\u3000b", "a b"),
        ("Ã©tÃ©", "été"),
        ("e\u0301", "é"),
        ("a\x00b\x07", "ab"),
        ("\x1b[31mred", "red"),
        ("&lt;b&gt; <b>", "&lt;b&gt; <b>"),
        (" \n\t", ""),
        ("日本語 한국어 👍🏽", "日本語 한국어 👍🏽"),
    ],
)
def test_texts_are_normalised(raw: str, cleaned: str) -> None:
    assert clean(pa.array([raw, "plain"])).to_pylist() == [cleaned, "plain"]


@pytest.mark.parametrize("text", ["Ã©tÃ©  \r\n\r\n\r\n “x”", "a\u00a0 \n b"])
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    once = clean(pa.array([text]))
    assert clean(once) == once


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("write to Jo.Doe+x@mail.example.co.uk.", "write to <email>."),
        ("<jürgen@exämple.de>", "<<email>>"),
        ("call +44 20 7946 0958 now", "call <phone> now"),
        ("call +49 (0)30 901820.", "call <phone>."),
        ("tel:(212) 555-0123", "tel:<phone>"),
        ("212-555-0123, 1-800-555-0199", "<phone>, <phone>"),
        ("212.555.0123", "<phone>"),
        ("020 7946 0958", "<phone>"),
        ("+14155550123", "<phone>"),
    ],
)
def test_addresses_and_phone_numbers_are_masked(text: str, masked: str) -> None:
    assert mask_pii(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "on 2002-08-22 at 18:26:25",
        "host 192.168.100.200 and 10.0.0.1",
        "order 1234567890123",
        "$1,000,000.00 for 30 days",
        "http://example.com/212-555-0123/x",
        "x @ y, a@b",
        "ISBN 0-306-40615-2",
        "version 10.234.567.8901",
    ],
)
def test_other_numbers_stay(text: str) -> None:
    assert mask_pii(text) == text


def test_a_long_run_of_letters_is_masked_in_no_time() -> None:
    started = time.process_time()
    mask_pii("a" * 100_000)
    mask_pii("1 " * 50_000)
    assert time.process_time() - started < 10  # what grows with its square takes minutes
