"""Secrets in texts of this side."""

from __future__ import annotations

import base64
import json
import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ron_app_sdk_py import redact
from ron_app_sdk_py.calls.bodies import without_secret_members
from ron_app_sdk_py.redact import REDACTED, Redactor
from shared_vectors import Case, read

VECTORS = read("redaction.json")
SECRET = "the-secret-0123456789"
SECRETS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=8, max_size=20)
ASCII = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=8, max_size=20)


@pytest.mark.parametrize(
    "case",
    [case for name in ("texts", "escaped", "base64", "cut") for case in VECTORS[name]],
    ids=repr,
)
def test_the_secret_and_what_was_cut_off_it_are_replaced(case: Case) -> None:
    assert Redactor(case["secret"]).scrub(case["text"]) == case["scrubbed"]


@pytest.mark.parametrize("case", VECTORS["fields"], ids=repr)
def test_values_that_are_secret_by_their_name_or_hold_the_secret_are_not_shown(case: Case) -> None:
    redactor = Redactor(VECTORS["secret"])
    assert redactor.fields([(case["name"], case["value"])]) == [(case["name"], case["shown"])]


@pytest.mark.parametrize("case", VECTORS["members"], ids=repr)
def test_members_that_are_named_after_secret_fields_lose_their_values(case: Case) -> None:
    assert without_secret_members(case["text"]) == case["shown"]
    try:
        shown = json.loads(case["shown"])
    except ValueError:
        # It is cut, or JSON only in part.
        return
    if "\\" not in case["text"]:
        assert Redactor(SECRET).scrub_all(json.loads(case["text"])) == shown


def test_the_secret_names_are_those_of_the_vectors() -> None:
    assert {*VECTORS["secret_names"]} == redact.SECRET_FIELDS
    assert tuple(VECTORS["secret_prefixes"]) == redact.SECRET_PREFIXES


def test_the_name_of_a_field_may_hold_a_secret_too() -> None:
    assert Redactor(SECRET).fields([(f"x-{SECRET}", "a")]) == [(f"x-{REDACTED}", "a")]


@given(st.text("ab", min_size=8, max_size=12), st.lists(st.text("abc", max_size=20)))
def test_no_secret_is_left_wherever_it_stands(secret: str, texts: list[str]) -> None:
    assert secret not in Redactor(secret).scrub(secret.join(texts))


@st.composite
def escaped(draw: st.DrawFn, secret: str) -> str:
    """A secret whose characters are written as they are or as escapes, once or in each other."""

    def written(character: str, depth: int) -> str:
        code = ord(character)
        forms = [character, f"%{code:02x}", f"%{code:02X}", f"\\u{code:04x}", f"\\x{code:02X}"]
        if character in "\"'/\\":
            forms.append(f"\\{character}")
        form = draw(st.sampled_from(forms if depth else forms[:1]))
        return form if form == character else written(form[0], depth - 1) + form[1:]

    return "".join(written(character, 3) for character in secret)


NEAR = st.text("%\\u0257acxX \u00e9", max_size=6)
"""What may seem to belong to an escape."""


@given(st.data(), ASCII, NEAR, NEAR)
def test_a_secret_is_found_however_its_characters_are_escaped(
    data: st.DataObject, secret: str, before: str, behind: str
) -> None:
    text = data.draw(escaped(secret))
    scrubbed = Redactor(secret).scrub(before + text + behind)
    assert REDACTED in scrubbed
    assert text not in scrubbed


@given(SECRETS, st.text(max_size=5), st.text(max_size=5))
def test_a_secret_of_any_characters_is_found_in_urls_json_and_base64(
    secret: str, before: str, behind: str
) -> None:
    whole = before + secret + behind
    redactor = Redactor(secret)
    for text in (
        quote(whole, safe=""),
        json.dumps(whole),
        json.dumps(json.dumps(whole)),
        quote(json.dumps(whole)),
        base64.b64encode(whole.encode("utf-8", "surrogatepass")).decode(),
        base64.urlsafe_b64encode(whole.encode("utf-8", "surrogatepass")).decode(),
    ):
        assert REDACTED in redactor.scrub(text), text


@given(st.text(max_size=80))
def test_a_text_that_holds_no_secret_stays(text: str) -> None:
    assert Redactor(SECRET, "another-of-them").scrub(text) == text


@pytest.mark.parametrize("secret", [None, "", "short"])
def test_without_a_secret_texts_stay(secret: str | None) -> None:
    assert Redactor(secret).scrub("some short text") == "some short text"


def test_a_secret_that_was_removed_or_forgotten_is_known_no_more() -> None:
    redactor = Redactor(SECRET)
    redactor.add(SECRET)
    redactor.remove(SECRET)
    assert redactor.scrub(SECRET) == REDACTED
    redactor.remove(SECRET)
    redactor.remove(SECRET)
    assert redactor.scrub(SECRET) == SECRET
    redactor.add(SECRET)
    assert redactor.scrub(SECRET) == REDACTED
    redactor.clear()
    assert redactor.scrub(SECRET) == SECRET


def test_a_secret_that_another_thread_adds_while_a_text_is_searched_is_known_from_then_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Search(redact._Search):
        def __init__(self, secrets: list[str]) -> None:
            super().__init__(secrets)
            if other not in secrets:
                redactor.add(other)

    other = "the-other-secret-0123456789"
    monkeypatch.setattr(redact, "_Search", Search)
    redactor = Redactor(SECRET)
    assert redactor.scrub(SECRET) == REDACTED
    assert redactor.scrub(f"{SECRET} {other}") == f"{REDACTED} {REDACTED}"


def test_of_a_secret_the_cache_of_patterns_has_no_more_than_single_characters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would keep them when the client is long closed."""
    patterns: list[str] = []
    compile_ = re.compile

    def noting(pattern: str, *flags: int) -> re.Pattern[str]:
        patterns.append(pattern)
        return compile_(pattern, *flags)

    monkeypatch.setattr(re, "compile", noting)
    assert Redactor(SECRET).scrub(f"%41{SECRET}") == f"%41{REDACTED}"
    assert patterns
    assert not any(SECRET[at : at + 2] in pattern for pattern in patterns for at in range(8))
