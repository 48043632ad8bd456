"""Tokens through the component: a caveat only takes away, and only the issuer adds one."""

from __future__ import annotations

import base64
from typing import Any

from blake3 import blake3
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from examples import examples
from ron_app_sdk_py import CapabilityToken, RonCapabilityError
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
)

FEW = settings(max_examples=examples(100), deadline=None)
NOW = 1_700_000_000

texts = st.text(st.characters(codec="utf-8"), max_size=5)
names = st.sampled_from(["GET", "get", "HEAD", "POST", "purge"])
paths = st.sampled_from(["/app", "/app/a", "/app/a/b", "/app/ab", "/", ""])
times = st.integers(NOW - 200, NOW + 200)
networks = st.sampled_from(["10.0.0.0/8", "10.1.0.0/16", "::1/128", "0.0.0.0/0", "none"])
digests = st.sampled_from(["ab", "cd", ""])
caveats: st.SearchStrategy[Caveat] = st.one_of(
    times.map(Exp),
    times.map(Nbf),
    digests.map(Aud),
    st.lists(names, max_size=3).map(Method),
    paths.map(PathPrefix),
    networks.map(IpCidr),
    st.integers(0, 5).map(BytesLe),
    st.builds(Rate, st.integers(0, 9), st.integers(0, 9)),
    digests.map(Tenant),
    st.booleans().map(Amnesia),
    digests.map(GovPolicyDigest),
    st.builds(Custom, texts, texts, st.sampled_from(["07", "f6", "a0", "83010203"])),
)
lists = st.lists(caveats, max_size=4)
keys = st.binary(min_size=32, max_size=32)
situations = st.fixed_dictionaries(
    {"now": times, "skew": st.sampled_from([0, 60])},
    optional={
        "method": names,
        "path": paths,
        "length": st.integers(0, 6),
        "tenant": digests,
        "amnesia": st.booleans(),
        "policy_digest": digests,
        "peer": st.sampled_from(["10.1.2.3", "10.2.0.1", "::1", "192.0.2.1"]),
    },
)
tokens = st.builds(
    lambda key, tid, kid, scope, added: (
        key,
        CapabilityToken.mint(key, tid=tid, kid=kid, scope=scope, caveats=added),
    ),
    keys,
    texts,
    texts,
    st.builds(Scope, st.none() | paths, st.lists(names, max_size=2), st.none() | st.integers(0, 9)),
    lists,
)


@FEW
@given(tokens, lists, situations)
def test_a_caveat_never_turns_a_denial_into_a_permission(
    minted: tuple[bytes, CapabilityToken], added: list[Caveat], situation: dict[str, Any]
) -> None:
    key, token = minted
    narrower = token.extend(key, added)
    assert narrower.verify(key)
    assert narrower.caveats == (*token.caveats, *added)
    before, after = token.evaluate(**situation), narrower.evaluate(**situation)
    assert before.allowed or not after.allowed
    if after.allowed:
        assert set(before.undecided) <= set(after.undecided)
    if before.outcome == after.outcome == "denied":
        assert set(before.reasons) <= set(after.reasons)


@FEW
@given(tokens, situations, st.data())
def test_a_token_of_many_steps_is_that_of_one(
    minted: tuple[bytes, CapabilityToken], situation: dict[str, Any], data: st.DataObject
) -> None:
    key, token = minted
    end = data.draw(st.integers(0, len(token.caveats)))
    first = CapabilityToken.mint(
        key, tid=token.tid, kid=token.kid, scope=token.scope, caveats=token.caveats[:end]
    )
    assert first.extend(key, token.caveats[end:]) == token
    assert CapabilityToken.parse(token.text).evaluate(**situation) == token.evaluate(**situation)


@FEW
@given(tokens, keys, lists)
def test_no_other_key_verifies_or_extends(
    minted: tuple[bytes, CapabilityToken], other: bytes, added: list[Caveat]
) -> None:
    key, token = minted
    assume(other != key)
    assert not token.verify(other)
    assert refused(other, token, added)


@FEW
@given(tokens, st.data())
def test_a_token_that_was_changed_is_refused_or_says_the_same(
    minted: tuple[bytes, CapabilityToken], data: st.DataObject
) -> None:
    key, token = minted
    content = bytearray(decoded(token))
    at = data.draw(st.integers(0, len(content) - 1))
    match data.draw(st.sampled_from(["change", "drop", "insert", "cut"])):
        case "change":
            content[at] ^= data.draw(st.integers(1, 255))
        case "drop":
            del content[at]
        case "insert":
            content.insert(at, data.draw(st.integers(0, 255)))
        case _:
            del content[at:]
    try:
        changed = CapabilityToken.parse(encoded(bytes(content)))
    except RonCapabilityError:
        return
    # CBOR may say the same in other bytes, such as `undefined` for `null`.
    same = says(changed) == says(token) and mac(changed) == mac(token)
    assert changed.verify(key) == same
    assert same or refused(key, changed, [Exp(1)])


@FEW
@given(tokens, caveats, keys, keys)
def test_no_caveat_is_added_without_the_issuers_key(
    minted: tuple[bytes, CapabilityToken], added: Caveat, other: bytes, noise: bytes
) -> None:
    key, token = minted
    item = item_of(added)
    step = [
        mac(token),
        noise,
        # As macaroons are chained: the last code is the key of the next.
        blake3(item, key=mac(token)).digest(),
        blake3(mac(token) + item, key=mac(token)).digest(),
        blake3(mac(token) + item, key=other).digest(),
        blake3(mac(token) + item).digest(),
    ]
    for code in step:
        forged = CapabilityToken.parse(encoded(with_caveat(token, added, code)))
        assert forged.caveats == (*token.caveats, added)
        if code != blake3(mac(token) + item, key=key).digest():
            assert not forged.verify(key)
            assert refused(key, forged, [])
    # The issuer's own step is the only one that is good.
    issued = with_caveat(token, added, blake3(mac(token) + item, key=key).digest())
    assert encoded(issued) == token.extend(key, [added]).text.get_secret_value()


@FEW
@given(tokens, st.data())
def test_no_caveat_is_taken_away_or_moved(
    minted: tuple[bytes, CapabilityToken], data: st.DataObject
) -> None:
    key, token = minted
    assume(token.caveats)
    kept = data.draw(st.permutations(token.caveats))
    del kept[data.draw(st.integers(0, len(kept))) :]
    assume(tuple(kept) != token.caveats)
    other = CapabilityToken.mint(
        bytes(32), tid=token.tid, kid=token.kid, scope=token.scope, caveats=kept
    )
    forged = CapabilityToken.parse(encoded(decoded(other)[:-32] + mac(token)))
    assert forged.caveats == tuple(kept)
    assert not forged.verify(key)
    assert refused(key, forged, [])


def refused(key: bytes, token: CapabilityToken, added: list[Caveat]) -> bool:
    """Whether no issuer extends the token."""
    try:
        token.extend(key, added)
    except RonCapabilityError as error:
        return error.code == "wrong_key"
    return False


def says(token: CapabilityToken) -> object:
    return token.tid, token.kid, token.scope, token.caveats


def decoded(token: CapabilityToken) -> bytes:
    text = token.text.get_secret_value()
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def mac(token: CapabilityToken) -> bytes:
    """The end of the chain, which canonical tokens have at their end."""
    content = decoded(token)
    at = content.rfind(b"\x63mac\x58\x20") + 6
    return content[at : at + 32]


def item_of(caveat: Caveat) -> bytes:
    """The CBOR of a caveat: what a token has more with it."""
    with_it = decoded(CapabilityToken.mint(bytes(32), tid="", kid="", caveats=[caveat]))
    return with_it[with_it.index(b"\x67caveats\x81") + 9 : -38]


def with_caveat(token: CapabilityToken, caveat: Caveat, code: bytes) -> bytes:
    """The token with a caveat more and another code."""
    other = CapabilityToken.mint(
        bytes(32), tid=token.tid, kid=token.kid, scope=token.scope, caveats=(*token.caveats, caveat)
    )
    return decoded(other)[:-32] + code
