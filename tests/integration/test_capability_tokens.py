"""Tokens of ron-auth as users have them: read, minted, narrowed, evaluated; and never shown."""

from __future__ import annotations

import logging
import pickle
import re
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from ron_app_sdk_py import CapabilityToken, RonCapabilityError, RonError, RonRequestError
from ron_app_sdk_py.capabilities import (
    Amnesia,
    Aud,
    BytesLe,
    Caveat,
    Custom,
    Exp,
    GovPolicyDigest,
    IpCidr,
    Method,
    Nbf,
    PathPrefix,
    Rate,
    Scope,
    Tenant,
    Unknown,
    Verdict,
    caveats,
)
from ron_app_sdk_py.capabilities.wit import as_json
from ron_app_sdk_py.secret import Secret
from shared_vectors import Case, read, title

VECTORS = read("tokens.json")
KEY: str = VECTORS["key"]
V1 = VECTORS["minted"][0]
V2 = VECTORS["minted"][1]
OTHER_KEY = "11" * 32


def caveat_of(case: Case) -> Caveat:
    """A caveat of the vectors."""
    kind = getattr(caveats, case["t"])
    made: Caveat = kind(**case["v"]) if isinstance(case["v"], dict) else kind(case["v"])
    return made


@pytest.mark.parametrize("case", VECTORS["minted"], ids=title)
def test_a_token_is_read_and_minted_as_the_vectors_say(case: Case) -> None:
    token = CapabilityToken.parse(case["token"])
    claims = case["claims"]
    assert (token.tid, token.kid) == (claims["tid"], claims["kid"])
    assert token.scope == Scope(**claims["scope"])
    assert [as_json(caveat) for caveat in token.caveats] == claims["caveats"]
    made = [caveat_of(caveat) for caveat in claims["caveats"]]
    for key in (KEY, KEY.upper(), bytes.fromhex(KEY), Secret(KEY)):
        minted = CapabilityToken.mint(
            key, tid=token.tid, kid=token.kid, scope=token.scope, caveats=made
        )
        assert minted.text.get_secret_value() == case["token"]
        assert minted == token


def test_v1_extended_step_by_step_is_v1() -> None:
    whole = CapabilityToken.parse(V1["token"])
    token = CapabilityToken.mint(KEY, tid="test", kid="k1", scope=whole.scope)
    for caveat in whole.caveats:
        token = token.extend(KEY, [caveat])
    assert token.text.get_secret_value() == V1["token"]


def test_what_a_token_leaves_is_told_for_all_its_caveats() -> None:
    token = CapabilityToken.mint(
        KEY,
        tid="t",
        kid="k",
        caveats=[
            Method(["get", "POST", "GET"]),
            Method(("GET", "head")),
            PathPrefix("/a"),
            PathPrefix("/a/b"),
            BytesLe(9),
            BytesLe(4),
            Exp(1_700_000_300),
            Exp(1_700_000_200),
            Nbf(1_600_000_000),
            Tenant("x"),
        ],
    )
    assert token.methods == ("GET",)
    assert token.path_prefixes == ("/a", "/a/b")
    assert token.max_bytes == 4
    assert token.expires_at == datetime.fromtimestamp(1_700_000_200, UTC)
    assert token.not_before == datetime.fromtimestamp(1_600_000_000, UTC)
    assert token.tenants == ("x",)
    bare = CapabilityToken.parse(V2["token"])
    assert (bare.methods, bare.path_prefixes, bare.max_bytes) == (None, (), None)
    assert (bare.expires_at, bare.not_before, bare.tenants) == (None, None, ())
    far = bare.extend(KEY, [Exp(2**64 - 1)])
    assert far.expires_at is not None
    assert far.expires_at.year == 9999


def test_a_caveat_of_an_unknown_kind_is_kept_and_never_minted() -> None:
    case = next(case for case in VECTORS["read"] if case["name"] == "a caveat that is unknown")
    token = CapabilityToken.parse(case["token"])
    assert token.caveats[-1] == Unknown("Later", "a161618101")
    assert [as_json(caveat) for caveat in token.caveats] == case["caveats"]
    assert token.evaluate() == Verdict("malformed")
    with pytest.raises(RonRequestError, match="unknown") as caught:
        CapabilityToken.mint(KEY, tid="t", kid="k", caveats=token.caveats)
    assert caught.value.code == "invalid_claims"


@pytest.mark.parametrize("case", VECTORS["unreadable"], ids=title)
def test_what_is_no_token_is_refused_by_name_and_not_repeated(case: Case) -> None:
    with pytest.raises(RonCapabilityError) as caught:
        CapabilityToken.parse(case["token"])
    assert caught.value.code == "not_a_capability"
    assert all(word in caught.value.message for word in case["named"])
    assert len(case["token"]) < 8 or case["token"][:8] not in f"{caught.value!r}"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_every_cut_of_a_token_is_refused() -> None:
    for end in range(len(V1["token"])):
        with pytest.raises(RonCapabilityError, match="the token is no good"):
            CapabilityToken.parse(V1["token"][:end])


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (lambda: CapabilityToken.parse(cast(Any, 5)), "token is int"),
        (lambda: CapabilityToken.parse(cast(Any, V1["token"].encode())), "token is bytes"),
        (lambda: CapabilityToken.parse(V1["token"] + "\ud800"), "lone surrogate"),
        (lambda: CapabilityToken.mint(KEY, tid=cast(Any, 5), kid="k"), "claims.tid is int"),
        (lambda: minted(Exp(-1)), r"claims.caveats\[0\].exp"),
        (lambda: minted(Rate(2**32, 1)), r"claims.caveats\[0\].rate.per-s"),
        (lambda: minted(Method(cast(Any, "GET"))), "methods is str; give a list"),
        (lambda: minted(cast(Any, ("Exp", 1))), "a caveat is tuple"),
        (lambda: CapabilityToken.mint(KEY, tid="t", kid="k", scope=cast(Any, 5)), "scope is int"),
        (lambda: CapabilityToken.mint(KEY, tid="t", kid="k", caveats=cast(Any, 5)), "caveats is"),
        (lambda: parsed().extend(KEY, cast(Any, None)), "caveats is NoneType"),
        (lambda: minted(Custom("n", "m", "zz")), "hexadecimal|CBOR"),
        (lambda: minted(*[Nbf(0)] * 65), "65 caveats, more than 64"),
        (lambda: minted(Aud("x" * 4_100)), "bytes, more than 4096"),
        (lambda: parsed().extend(KEY, [Aud("x" * 4_100)]), "bytes, more than 4096"),
        (lambda: parsed().evaluate(peer="x"), "peer is no IP address"),
        (lambda: parsed().evaluate(now=datetime(2026, 1, 1)), "time zone"),
        (lambda: parsed().evaluate(now=-1), "situation.now"),
        (lambda: parsed().evaluate(skew=-1), "situation.skew"),
    ],
)
def test_a_bad_argument_is_named(function: Any, named: str) -> None:
    with pytest.raises(RonRequestError, match=named) as caught:
        function()
    assert caught.value.code in ("invalid_argument", "invalid_claims")
    assert V1["token"][:8] not in repr(caught.value)


def minted(*added: Caveat) -> CapabilityToken:
    return CapabilityToken.mint(KEY, tid="t", kid="k", caveats=added)


def parsed() -> CapabilityToken:
    return CapabilityToken.parse(V1["token"])


@pytest.mark.parametrize(
    "key",
    [b"", b"x" * 31, b"x" * 33, "", "00" * 31, "zz" * 32, "0" * 65, KEY + "\n", 5, None, [KEY]],
    ids=str,
)
def test_what_is_no_key_is_refused_and_not_repeated(key: Any) -> None:
    for use in (
        lambda: CapabilityToken.mint(key, tid="t", kid="k"),
        lambda: parsed().extend(key, []),
        lambda: parsed().verify(key),
    ):
        with pytest.raises(RonRequestError) as caught:
            use()
        assert caught.value.code == "invalid_key"
        assert "32 bytes" in caught.value.message
        assert not isinstance(key, str) or len(key) < 8 or key[:8] not in repr(caught.value)


def test_another_key_verifies_and_extends_nothing() -> None:
    assert parsed().verify(KEY)
    assert not parsed().verify(OTHER_KEY)
    with pytest.raises(RonCapabilityError) as caught:
        parsed().extend(OTHER_KEY, [Exp(1)])
    assert caught.value.code == "wrong_key"
    for secret in (OTHER_KEY, KEY, V1["token"]):
        assert secret[:8] not in repr(caught.value)


@pytest.mark.parametrize("case", VECTORS["evaluated"], ids=title)
def test_caveats_mean_what_the_real_verifier_makes_of_them(case: Case) -> None:
    verdict = CapabilityToken.parse(case["token"]).evaluate(**case["situation"])
    expected = case["verdict"]
    assert verdict == Verdict(
        expected["verdict"],
        tuple(expected.get("reasons", ())),
        tuple(expected.get("undecided", ())),
    )
    assert verdict.allowed == (expected["verdict"] == "allowed")


def test_clocks_may_differ_by_a_minute() -> None:
    token = minted(Exp(1_700_000_000), Nbf(1_600_000_000))
    for now, outcome in [
        (1_700_000_060, "allowed"),
        (1_700_000_061, "expired"),
        (1_599_999_940, "allowed"),
        (1_599_999_939, "not_yet_valid"),
    ]:
        assert token.evaluate(now=now).outcome == outcome
        assert token.evaluate(now=datetime.fromtimestamp(now, UTC)).outcome == outcome
    assert token.evaluate(now=1_700_000_001, skew=0).outcome == "expired"
    assert token.evaluate().outcome == "expired"


def test_nothing_shows_a_token_or_its_code(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = parsed()
    code = V1["token"][-43:]
    shown = [
        repr(token),
        str(token),
        f"{token}",
        repr([token]),
        repr(token.text),
        str(vars_of(token)),
    ]
    with pytest.raises(RonError) as caught:
        token.extend(OTHER_KEY, token.caveats)
    shown += [repr(caught.value), str(caught.value), caplog.text]
    for text in shown:
        assert V1["token"][:8] not in text
        assert code[:8] not in text
    assert re.search(r"tid='test', kid='k1', 5 caveats", shown[0])


def vars_of(token: CapabilityToken) -> dict[str, Any]:
    return {name: getattr(token, name) for name in token.__slots__}


def test_a_token_pickles_and_compares_by_what_it_is() -> None:
    token = parsed()
    again = pickle.loads(pickle.dumps(token))
    assert again == token
    assert hash(again) == hash(token)
    assert again != token.extend(KEY, [Exp(1)])
    assert again.verify(KEY)


def test_all_kinds_of_caveats_go_through_a_token_unchanged() -> None:
    every: list[Caveat] = [
        Exp(1),
        Nbf(2),
        Aud("a"),
        Method(["GET"]),
        PathPrefix("/p"),
        IpCidr("10.0.0.0/8"),
        BytesLe(1024),
        Rate(5, 10),
        Tenant("t"),
        Amnesia(True),
        GovPolicyDigest("ab"),
        Custom("n", "m", "07"),
    ]
    assert minted(*every).caveats == tuple(every)
    kinds = [as_json(caveat)["t"] for caveat in every]
    assert kinds == [case["caveat"]["t"] for case in VECTORS["caveats"]]
