"""The credential in texts of this side."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ron_app_sdk_py.redact import Redactor

SECRET = "abcdefgh-01234567"


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("", ""),
        ("abcdefg and no more", "abcdefg and no more"),
        (SECRET, "[redacted]"),
        (f"a {SECRET} b{SECRET}{SECRET}c", "a [redacted] b[redacted][redacted]c"),
        (f"cut: {SECRET[:12]}…", "cut: [redacted]…"),
        (f"cut: {SECRET[:8]}", "cut: [redacted]"),
    ],
)
def test_the_secret_and_what_was_cut_off_it_are_replaced(text: str, scrubbed: str) -> None:
    assert Redactor(SECRET).scrub(text) == scrubbed


@given(st.text("ab", min_size=8, max_size=12), st.lists(st.text("abc", max_size=20)))
def test_no_secret_is_left_wherever_it_stands(secret: str, texts: list[str]) -> None:
    assert secret not in Redactor(secret).scrub(secret.join(texts))


@pytest.mark.parametrize("secret", [None, "", "short"])
def test_without_a_secret_texts_stay(secret: str | None) -> None:
    assert Redactor(secret).scrub("some short text") == "some short text"
