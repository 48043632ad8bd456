"""Which credential goes out, in which scheme, and where to."""

from __future__ import annotations

from typing import Any

import pytest

from gates import Gate
from ron_app_sdk_py import (
    ClientConfig,
    RonAuthError,
    RonClient,
    RonClientSync,
    RonConfigError,
    RonRequestError,
    RonSecurityWarning,
    RonStreamError,
    Secret,
)
from servers import TOKEN, on_a_thread, raw_server

MACAROON = "mac-0123456789-roon"
PASSPORT = "passport-0123456789"
MACRO, BEARER = f"Macro {MACAROON}", f"Bearer {MACAROON}"


class SecretStr:
    """What Pydantic's looks like."""

    def get_secret_value(self) -> str:
        return TOKEN


@pytest.mark.parametrize("token", [TOKEN, Secret(TOKEN), SecretStr()], ids=["str", "ours", "other"])
async def test_a_token_may_be_given_as_text_or_as_anybodys_secret(
    transport: str, token: Any
) -> None:
    gate = Gate()
    async with raw_server(gate) as url, RonClient(url, token=token, transport=transport) as client:
        await client.get("/x")
        assert client.config.token == Secret(TOKEN)
    assert gate.credentials == [f"Bearer {TOKEN}"]


async def test_a_macaroon_goes_as_bearer_and_to_what_micronodes_have_as_macro() -> None:
    gate = Gate()
    async with raw_server(gate) as url, RonClient(url, macaroon=MACAROON) as client:
        await client.get("/x")
        for path in ("/v1/kv/a/b", "/facets/a/b", "/metrics"):
            await client.node.request("GET", path, credential=True)
        await client.node.request("GET", "/metrics")
    assert gate.credentials == [BEARER, MACRO, MACRO, BEARER, None]


@pytest.mark.parametrize("kind", [RonClient, RonClientSync], ids=["async", "sync"])
async def test_the_scheme_of_macaroons_is_learned_once(
    transport: str, kind: type[RonClient | RonClientSync]
) -> None:
    """No request ever has both; what is learned holds for derived clients and for streams."""
    gate = Gate({MACRO}, 'Macro realm="micronode"')
    if kind is RonClientSync:
        with (
            on_a_thread(gate) as url,
            RonClientSync(url, macaroon=MACAROON, transport=transport) as c,
        ):
            c.get("/first")
            c.with_options(timeout=5).post("/second", json={})
    else:
        async with (
            raw_server(gate) as url,
            RonClient(url, macaroon=MACAROON, transport=transport) as client,
        ):
            await client.get("/first")
            await client.with_options(timeout=5).post("/second", json={})
    assert gate.seen == [
        ("/app/first", BEARER, None),
        ("/app/first", MACRO, None),
        ("/app/second", MACRO, None),
    ]


async def test_a_call_that_is_refused_in_both_schemes_is_sent_twice_and_no_more() -> None:
    gate = Gate({"nobody's"}, 'Macro realm="micronode"')
    async with raw_server(gate) as url, RonClient(url, macaroon=MACAROON) as client:
        with pytest.raises(RonAuthError) as caught:
            await client.get("/x")
        assert caught.value.attempts == 2
        with pytest.raises(RonAuthError):
            await client.get("/x")
    assert gate.credentials == [BEARER, MACRO, MACRO]


@pytest.mark.parametrize(
    ("fields", "challenge"),
    [
        ({"token": TOKEN}, 'Macro realm="micronode"'),
        ({"macaroon": MACAROON}, 'Bearer realm="Macro"'),
        ({"macaroon": MACAROON}, None),
        ({}, 'Macro realm="micronode"'),
    ],
)
async def test_nothing_else_is_learned(fields: dict[str, Any], challenge: str | None) -> None:
    gate = Gate({"nobody's"}, challenge)
    async with raw_server(gate) as url, RonClient(url, **fields) as client:
        for _ in range(2):
            with pytest.raises(RonAuthError):
                await client.get("/x")
    expected: list[str | None] = [f"Bearer {value}" for value in fields.values()] or [None]
    assert gate.credentials == expected * 2


async def test_a_subscription_learns_the_scheme_too() -> None:
    gate = Gate({MACRO}, "Macro")
    async with raw_server(gate) as url, RonClient(url, macaroon=MACAROON) as client:
        with pytest.raises(RonStreamError, match="not text/event-stream"):
            await anext(client.subscribe("/x", reconnect=False))
    assert gate.credentials == [BEARER, MACRO]


async def test_a_passport_goes_wherever_the_credential_goes_and_nowhere_else() -> None:
    gate = Gate()
    async with raw_server(gate) as url:
        async with RonClient(url, token=TOKEN, passport=PASSPORT) as client:
            await client.get("/x")
            await client.with_options(timeout=5).get("/x")
            await client.node.request("GET", "/y", credential=True)
            await client.node.request("GET", "/z")
        async with RonClient(url, passport=PASSPORT) as client:
            await client.get("/x")
            await client.with_caveat(readonly=True).get("/x")
    bearer = f"Bearer {TOKEN}"
    assert gate.seen == [
        ("/app/x", bearer, PASSPORT),
        ("/app/x", bearer, PASSPORT),
        ("/y", bearer, PASSPORT),
        ("/z", None, None),
        ("/app/x", None, PASSPORT),
        ("/app/x", None, PASSPORT),
    ]


def test_a_client_has_one_credential() -> None:
    both: list[tuple[dict[str, Any], str]] = [
        ({"token": TOKEN, "macaroon": MACAROON}, "token and macaroon"),
        ({"token": TOKEN, "token_provider": str}, "token and token_provider"),
        ({"macaroon": MACAROON, "token_provider": str}, "macaroon and token_provider"),
    ]
    for fields, named in both:
        with pytest.raises(RonConfigError, match=f"{named} are both given") as caught:
            RonClientSync("http://127.0.0.1:1", config=ClientConfig(**fields))
        assert "0123456789" not in caught.value.message


def test_a_credential_that_is_given_takes_the_place_of_the_environments_of_any_kind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RON_APP_TOKEN", TOKEN)
    monkeypatch.setenv("RON_APP_PASSPORT", PASSPORT)
    given: list[dict[str, Any]] = [{"macaroon": MACAROON}, {"token_provider": str}]
    for fields in given:
        with RonClientSync("http://127.0.0.1:1", **fields) as client:
            assert client.config.token is None
            assert client.config.passport == Secret(PASSPORT)
        assert ClientConfig.from_env(**fields).token is None
        config = ClientConfig(base_url="http://127.0.0.1:1", token=TOKEN)
        with RonClientSync(config=config, **fields) as client:
            assert client.config.token is None
    monkeypatch.setenv("RON_APP_MACAROON", MACAROON)
    with pytest.raises(RonConfigError, match="RON_APP_MACAROON"):
        RonClientSync("http://127.0.0.1:1")
    RonClientSync("http://127.0.0.1:1", token=TOKEN).close()


def test_the_environments_credential_takes_the_place_of_a_files_of_any_kind(tmp_path: Any) -> None:
    file = tmp_path / "env"
    file.write_text(f"RON_APP_TOKEN={TOKEN}\nRON_APP_PASSPORT={PASSPORT}\n")
    config = ClientConfig.from_env({"RON_APP_MACAROON": MACAROON}, dotenv=file)
    assert (config.token, config.macaroon) == (None, Secret(MACAROON))
    assert config.passport == Secret(PASSPORT)


@pytest.mark.parametrize("name", ["token", "macaroon", "passport"])
def test_each_kind_of_secret_that_is_too_short_is_warned_of(name: str) -> None:
    short: dict[str, Any] = {name: "short"}
    long: dict[str, Any] = {name: "8letters"}
    with pytest.warns(RonSecurityWarning, match=f"the {name} has fewer than 8") as caught:
        RonClientSync("http://127.0.0.1:1", **short).close()
    assert caught[0].filename == __file__
    RonClientSync("http://127.0.0.1:1", **long).close()


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"macaroon": 7}, "macaroon is int"),
        ({"macaroon": "a b" * 9}, "macaroon"),
        ({"passport": b"x" * 9}, "passport is bytes"),
        ({"passport": "a\nb" * 9}, r"passport holds U\+000A"),
        ({"token_provider": TOKEN}, "token_provider is str; give a function"),
    ],
)
def test_a_credential_that_is_no_good_is_named_and_not_shown(
    fields: dict[str, Any], named: str
) -> None:
    with pytest.raises(RonConfigError, match=named) as caught:
        RonClientSync("http://127.0.0.1:1", **fields)
    for value in fields.values():
        assert str(value) not in f"{caught.value} {caught.value!r}"


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/x", {"query": {"access_token": "x"}}),
        ("/x?macaroon=x", {}),
        (f"/{TOKEN}", {}),
        ("/x", {"query": {"a": TOKEN}}),
    ],
)
async def test_a_credential_in_a_url_is_refused_before_anything_is_sent(
    path: str, options: dict[str, Any]
) -> None:
    gate = Gate()
    async with raw_server(gate) as url, RonClient(url, token=TOKEN) as client:
        with pytest.raises(RonRequestError) as caught:
            await client.get(path, **options)
    assert caught.value.code == "secret_in_url"
    assert TOKEN not in caught.value.message
    assert gate.seen == []


async def test_a_derived_clients_url_holds_no_credential_of_its_parent_either() -> None:
    gate = Gate()
    async with raw_server(gate) as url, RonClient(url, token=TOKEN) as client:
        derived = client.with_caveat(readonly=True, issuer=lambda caveats: "another-token")
        for narrow in (derived, derived.with_options(timeout=5)):
            with pytest.raises(RonRequestError) as caught:
                await narrow.get("/x", query={"a": TOKEN})
            assert caught.value.code == "secret_in_url"
        await derived.get("/x")
    assert gate.credentials == ["Bearer another-token"]
