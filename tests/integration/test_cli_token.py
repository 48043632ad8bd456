"""``ron token``: tokens and keys come from where nobody else reads them, and are never shown."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from ron_app_sdk_py import CapabilityToken
from ron_app_sdk_py.capabilities import (
    Aud,
    BytesLe,
    Exp,
    IpCidr,
    Method,
    PathPrefix,
    Scope,
    Tenant,
)
from ron_app_sdk_py.cli.exit_codes import ExitCode
from ron_command import Done, on_terminal, ron
from shared_vectors import Case, read, title

VECTORS = read("tokens.json")
KEY: str = VECTORS["key"]
OTHER_KEY = "1f" * 32
V1: str = VECTORS["minted"][0]["token"]


@pytest.fixture
def key_file(tmp_path: Path) -> str:
    file = tmp_path / "key"
    file.write_text(KEY + "\n")
    file.chmod(0o600)
    return str(file)


def token(*arguments: str, secrets: tuple[str, ...] = (V1, KEY), **options: object) -> Done:
    """Runs ``ron token``. None of the secrets is in what it writes."""
    done = ron("token", *arguments, token=None, **options)  # type: ignore[arg-type]
    for secret in secrets:
        assert secret not in done.out.decode() + done.err
        assert secret[-40:] not in done.out.decode() + done.err
    return done


@pytest.mark.parametrize("case", VECTORS["minted"], ids=title)
def test_inspect_shows_what_a_token_says_and_that_nothing_was_verified(case: Case) -> None:
    given = case["token"].encode()
    done = token("inspect", "--json", "--token-file", "-", stdin=given, secrets=(case["token"],))
    assert (done.code, done.err) == (0, "")
    told = done.json()
    claims = case["claims"]
    assert {name: told[name] for name in claims} == claims
    assert told["verified"] is None
    assert told["expired"] == (told["outcome"] == "expired")
    shown = token("inspect", "--token-file", "-", stdin=given, secrets=(case["token"],))
    assert shown.code == 0
    assert "verified  no, nothing was" in shown.out.decode()


def test_inspect_tells_of_time_and_of_what_ron_auth_refuses() -> None:
    unknown = next(
        case["token"] for case in VECTORS["read"] if case["name"] == "a caveat that is unknown"
    )
    far = CapabilityToken.mint(KEY, tid="a\nb\x1b[31m", kid="k", caveats=[Exp(2**64 - 1)])
    for text, said in [
        (V1, "HAS EXPIRED"),
        (V1, "Exp 1700000300, 2023-11-14T22:18:20+00:00"),
        (VECTORS["minted"][1]["token"], "never expires"),
        (unknown, "HAS A CAVEAT THAT RON-AUTH REFUSES"),
        (far.text.get_secret_value(), "has not expired"),
        (far.text.get_secret_value(), r'tid       "a\n'),
    ]:
        done = token("inspect", environ={"RON_APP_MACAROON": text}, secrets=(text,))
        assert done.code == 0
        assert said in done.out.decode()
        assert b"\x1b" not in done.out


def test_verify_tells_by_its_exit_code(key_file: str) -> None:
    for key, code, verified in ((KEY, 0, True), (OTHER_KEY, ExitCode.FINDINGS, False)):
        environ = {"RON_APP_TOKEN": V1, "RON_ISSUER_KEY": key}
        done = token("verify", environ=environ, secrets=(V1, key))
        assert done.code == code
        assert done.out.decode().endswith("; it has expired\n")
        done = token("verify", "--json", environ=environ, secrets=(V1, key))
        assert (done.code, done.json()) == (code, {"verified": verified, "outcome": "expired"})
    done = token("verify", "--token-file", "-", "--key-file", key_file, stdin=V1.encode())
    assert (done.code, done.err) == (0, "")


def test_mint_prints_the_token_alone(key_file: str) -> None:
    before = int(time.time())
    arguments = [
        *("mint", "--key-file", key_file, "--tid", "acme", "--kid", "k1"),
        *("--method", "GET", "--method", "HEAD", "--path-prefix", "/p", "--max-bytes", "9"),
        *("--tenant", "t", "--audience", "a", "--cidr", "10.0.0.0/8", "--expiry", "10m"),
        *("--scope-prefix", "/s", "--scope-method", "GET", "--scope-max-bytes", "7"),
    ]
    done = token(*arguments)
    assert (done.code, done.err) == (0, "")
    assert re.fullmatch(rb"[0-9A-Za-z_-]+\n", done.out)
    minted = CapabilityToken.parse(done.out.decode().strip())
    assert minted.verify(KEY)
    assert (minted.tid, minted.kid, minted.scope) == ("acme", "k1", Scope("/s", ["GET"], 7))
    *others, last = minted.caveats
    assert others == [
        Aud("a"),
        IpCidr("10.0.0.0/8"),
        Tenant("t"),
        Method(["GET", "HEAD"]),
        PathPrefix("/p"),
        BytesLe(9),
    ]
    assert isinstance(last, Exp)
    assert before + 600 <= last.time <= time.time() + 600


def test_a_minted_token_is_printed_even_if_the_environment_holds_it() -> None:
    arguments = ["mint", "--tid", "t", "--kid", "k", "--scope-max-bytes", "1048576"]
    text: str = VECTORS["minted"][1]["token"]
    environ = {"RON_ISSUER_KEY": KEY, "RON_APP_TOKEN": text}
    assert token(*arguments, environ=environ, secrets=(KEY,)).out.decode() == f"{text}\n"
    done = token(*arguments, "--json", environ=environ, secrets=(KEY,))
    assert done.json() == {"token": text}


@pytest.mark.parametrize("case", VECTORS["unreadable"], ids=title)
def test_what_is_no_token_is_refused_and_not_repeated(case: Case) -> None:
    given: str = case["token"]
    done = ron("token", "inspect", "--token-file", "-", token=None, stdin=given.encode())
    assert done.code == ExitCode.REFUSED
    assert len(given) < 8 or given[:8] not in done.err
    assert done.err.startswith("ron: ")


@pytest.mark.parametrize(
    ("arguments", "environ", "said"),
    [
        (["inspect"], {}, "there is no token; give --token-file, --ask-token or"),
        (["inspect"], {"RON_APP_TOKEN": V1, "RON_APP_MACAROON": V1}, "are both set; unset one"),
        (["inspect", "--ask-token"], {}, "there is no terminal to ask for the token"),
        (["inspect", "--ask-token", "--token-file", "x"], {}, "are both given; give one"),
        (["inspect", "--token-file", "/no/such"], {}, "/no/such can't be read"),
        (["verify"], {"RON_APP_TOKEN": V1}, "there is no key; give --key-file, --ask-key or"),
        (["verify", "--ask-key"], {"RON_APP_TOKEN": V1}, "there is no terminal to ask for the key"),
        (["verify"], {"RON_APP_TOKEN": V1, "RON_ISSUER_KEY": KEY[:-2]}, "64 hexadecimal digits"),
        (["verify"], {"RON_APP_TOKEN": V1, "RON_ISSUER_KEY": "zz" * 32}, "64 hexadecimal digits"),
        (["verify", "--token-file", "-", "--key-file", "-"], {}, "are both stdin"),
        (["mint", "--tid", "t", "--kid", "k"], {}, "there is no key"),
        (["mint", "--kid", "k"], {"RON_ISSUER_KEY": KEY}, "--tid"),
        (
            ["mint", "--tid", "t", "--kid", "k", "--expiry", "1y"],
            {"RON_ISSUER_KEY": KEY},
            "expiry '1y' is no time",
        ),
        (
            ["mint", "--tid", "t", "--kid", "k", "--max-bytes", "-1"],
            {"RON_ISSUER_KEY": KEY},
            "bytes-le is no whole number",
        ),
        (
            ["mint", "--tid", "t" * 5_000, "--kid", "k"],
            {"RON_ISSUER_KEY": KEY},
            "more than 4096",
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_is_missing_or_wrong_is_named_and_no_secret_shown(
    arguments: list[str], environ: dict[str, str], said: str
) -> None:
    secrets = tuple(environ.values()) or (V1,)
    done = token(*arguments, environ=environ, secrets=secrets, start_new_session=True)
    assert (done.code, done.out) == (ExitCode.REFUSED, b"")
    assert said in " ".join(done.err.split())


@pytest.mark.linux
def test_a_key_is_asked_for_without_showing_it() -> None:
    environ = {"RON_APP_MACAROON": V1}
    with on_terminal("token", "verify", "--ask-key", token=None, environ=environ) as terminal:
        terminal.read_until(b"Key: ")
        terminal.write(KEY.encode() + b"\n")
        done = terminal.end()
    assert done.code == 0
    assert b"minted with this key" in done.out
    assert KEY.encode() not in done.out


@pytest.mark.linux
def test_a_key_file_that_others_may_read_is_warned_of(key_file: str) -> None:
    Path(key_file).chmod(0o644)
    done = token("verify", "--key-file", key_file, environ={"RON_APP_TOKEN": V1})
    assert done.code == 0
    assert done.err == f"ron: warning: others may read {key_file}; chmod 600 {key_file}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("inspect", V1),
        ("inspect", f"Bearer {V1}"),
        ("inspect", "--token-file", V1),
        ("inspect", f"--token-file={V1}"),
        ("inspect", f"--{V1}"),
        ("verify", "--token", V1),
        ("mint", KEY, "--tid", "t", "--kid", "k"),
        ("mint", f"--key-file={KEY}", "--tid", "t", "--kid", "k"),
        (V1,),
    ],
)
def test_a_secret_that_is_an_argument_is_refused_and_not_repeated(
    arguments: tuple[str, ...],
) -> None:
    for options in ((), ("--json",)):
        done = token(*arguments, *options)
        assert (done.code, done.out) == (ExitCode.REFUSED, b"")
        assert done.err
