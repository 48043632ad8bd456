"""The shared vectors of ron-auth tokens through ``ron_tools.wasm`` (``protocol.md`` 5)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from wasmtime.component import Record, Variant

from ron_app_sdk_py import RonRequestError
from ron_app_sdk_py.engine import tools
from shared_vectors import Case, read, title

VECTORS = read("tokens.json")
KEY = VECTORS["key"]


def called(function: str, *arguments: Any) -> Any:
    """The result of an export: the error's text, or what it is about."""
    result = tools.call("ron:tools/capabilities@0.1.0", function, *arguments)
    if isinstance(result, Variant) and result.tag in ("ok", "err"):
        return result.payload
    return result


def record(members: Case) -> Record:
    """A record of the WIT."""
    made = Record()
    vars(made).update({name.replace("_", "-"): value for name, value in members.items()})
    return made


def members(made: Record) -> Case:
    return {name.replace("-", "_"): value for name, value in vars(made).items()}


def to_wit(caveat: Case) -> Variant:
    name = re.sub(r"(?<!^)(?=[A-Z])", "-", caveat["t"]).lower()
    value = caveat["v"]
    return Variant(name, record(value) if isinstance(value, dict) else value)


def from_wit(caveat: Variant) -> Case:
    value = caveat.payload
    return {
        "t": "".join(part.capitalize() for part in caveat.tag.split("-")),
        "v": members(value) if isinstance(value, Record) else value,
    }


def claims(case: Case) -> Record:
    return record(
        {
            **case,
            "scope": record(case["scope"]),
            "caveats": [to_wit(caveat) for caveat in case["caveats"]],
        }
    )


@pytest.mark.parametrize("case", VECTORS["minted"], ids=title)
def test_tokens_are_minted_byte_for_byte(case: Case) -> None:
    assert called("mint", KEY, claims(case["claims"])) == case["token"]
    assert called("verify", KEY, case["token"]) is True


@pytest.mark.parametrize("case", VECTORS["minted"], ids=title)
def test_what_was_minted_is_read(case: Case) -> None:
    read_back = members(called("parse", case["token"]))
    read_back["scope"] = members(read_back["scope"])
    read_back["caveats"] = [from_wit(caveat) for caveat in read_back["caveats"]]
    assert read_back == case["claims"]


@pytest.mark.parametrize("case", VECTORS["read"], ids=title)
def test_only_the_keys_own_tokens_are_verified_and_extended(case: Case) -> None:
    read_back = called("parse", case["token"])
    assert [from_wit(caveat) for caveat in vars(read_back)["caveats"]] == case["caveats"]
    assert called("verify", KEY, case["token"]) is case["minted"]
    extended = called("extend", KEY, case["token"], [to_wit({"t": "Exp", "v": 1})])
    assert (called("verify", KEY, extended) is True) == case["minted"], extended


@pytest.mark.parametrize("case", VECTORS["unreadable"], ids=title)
def test_what_is_no_token_is_named_and_not_quoted(case: Case) -> None:
    for function, arguments in [
        ("parse", [case["token"]]),
        ("verify", [KEY, case["token"]]),
        ("extend", [KEY, case["token"], []]),
    ]:
        fault = called(function, *arguments)
        assert all(word in fault for word in case["named"]), fault
        assert len(case["token"]) < 8 or case["token"][:8] not in fault
        assert KEY[:8] not in fault


@pytest.mark.parametrize("case", VECTORS["evaluated"], ids=title)
def test_caveats_mean_what_the_real_verifier_makes_of_them(case: Case) -> None:
    known = dict.fromkeys(
        ("method", "path", "length", "tenant", "amnesia", "policy_digest", "peer")
    )
    situation = record({"skew": 60, **known, **case["situation"]})
    verdict = called("evaluate", case["token"], situation)
    said = {"verdict": verdict.tag.replace("-", "_")}
    if said["verdict"] == "allowed":
        said["undecided"] = verdict.payload
    if said["verdict"] == "denied":
        said["reasons"] = [reason.replace("-", "_") for reason in verdict.payload]
    assert said == case["verdict"]


@pytest.mark.parametrize(
    ("caveat", "named"),
    [
        ({"t": "Exp", "v": 2**64}, "claims.caveats[0].exp is no whole number from 0 to 2^64 - 1"),
        ({"t": "Exp", "v": -1}, "claims.caveats[0].exp"),
        ({"t": "Exp", "v": True}, "claims.caveats[0].exp"),
        ({"t": "Nbf", "v": 1.5}, "claims.caveats[0].nbf is float; give int"),
        ({"t": "Rate", "v": {"per_s": 2**32, "burst": 1}}, "claims.caveats[0].rate.per-s"),
        ({"t": "Rate", "v": {"per_s": 1}}, "claims.caveats[0].rate.burst is missing"),
        ({"t": "Aud", "v": "hunter22\ud800"}, "claims.caveats[0].aud holds a lone surrogate"),
        ({"t": "Aud", "v": b"hunter22"}, "claims.caveats[0].aud is bytes; give str"),
        ({"t": "Method", "v": ["GET", 5]}, "claims.caveats[0].method[1] is int; give str"),
        ({"t": "Amnesia", "v": 1}, "claims.caveats[0].amnesia is int; give bool"),
        ({"t": "Hunter", "v": 1}, "claims.caveats[0] is none of exp, nbf"),
    ],
)
def test_an_argument_that_its_type_does_not_hold_is_refused_and_not_cut(
    caveat: Case, named: str
) -> None:
    with pytest.raises(RonRequestError) as caught:
        called("mint", KEY, claims({**VECTORS["minted"][0]["claims"], "caveats": [caveat]}))
    assert caught.value.code == "invalid_argument"
    assert named in str(caught.value)
    assert "hunter22" not in str(caught.value)


def test_the_number_of_arguments_is_that_of_the_function() -> None:
    with pytest.raises(RonRequestError, match="has 1 arguments, not 2"):
        called("verify", KEY)
    with pytest.raises(RonRequestError, match="caveats is tuple; give list"):
        called("extend", KEY, VECTORS["minted"][0]["token"], ())
    with pytest.raises(RonRequestError, match="key is NoneType; give str"):
        called("verify", None, VECTORS["minted"][0]["token"])


@pytest.mark.parametrize("key", ["", "00" * 31, "00" * 33, "zz" * 32])
def test_a_key_has_32_bytes_and_is_not_repeated(key: str) -> None:
    fault = called("verify", key, VECTORS["minted"][0]["token"])
    assert "32 bytes" in fault
    assert not key or key not in fault
