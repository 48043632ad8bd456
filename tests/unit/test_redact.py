"""The credential in texts of this side."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ron_app_sdk_py import redact
from ron_app_sdk_py.redact import Redactor
from shared_vectors import Case, read

VECTORS = read("redaction.json")


@pytest.mark.parametrize("case", VECTORS["texts"] + VECTORS["cut"], ids=repr)
def test_the_secret_and_what_was_cut_off_it_are_replaced(case: Case) -> None:
    assert Redactor(case["secret"]).scrub(case["text"]) == case["scrubbed"]


@pytest.mark.parametrize("case", VECTORS["fields"], ids=repr)
def test_values_that_are_secret_by_their_name_or_hold_the_secret_are_not_shown(case: Case) -> None:
    redactor = Redactor(VECTORS["secret"])
    assert redactor.fields([(case["name"], case["value"])]) == [(case["name"], case["shown"])]


def test_the_secret_names_are_those_of_the_vectors() -> None:
    assert {*VECTORS["secret_names"]} == redact.SECRET_FIELDS
    assert tuple(VECTORS["secret_prefixes"]) == redact.SECRET_PREFIXES


@given(st.text("ab", min_size=8, max_size=12), st.lists(st.text("abc", max_size=20)))
def test_no_secret_is_left_wherever_it_stands(secret: str, texts: list[str]) -> None:
    assert secret not in Redactor(secret).scrub(secret.join(texts))


@pytest.mark.parametrize("secret", [None, "", "short"])
def test_without_a_secret_texts_stay(secret: str | None) -> None:
    assert Redactor(secret).scrub("some short text") == "some short text"
