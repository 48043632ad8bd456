"""``ron token``: capabilities, as tokens of ron-auth have them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .exit_codes import ExitCode
from .options import output_options
from .output import Output

if TYPE_CHECKING:
    from ..capabilities import CapabilityToken, Caveat

R = TypeVar("R")

_TOKEN_OPTIONS = (
    click.option("--token-file", metavar="FILE", help="Read the token from a file; - is stdin."),
    click.option("--ask-token", is_flag=True, help="Ask for the token, without showing it."),
)
_KEY_OPTIONS = (
    click.option(
        "--key-file",
        metavar="FILE",
        help="Read the issuer's key, 64 hexadecimal digits, from a file; - is stdin.",
    ),
    click.option("--ask-key", is_flag=True, help="Ask for the key, without showing it."),
)


def _token_options(command: Callable[..., R]) -> Callable[..., R]:
    for option in reversed(_TOKEN_OPTIONS):
        command = option(command)
    return command


def _key_options(command: Callable[..., R]) -> Callable[..., R]:
    for option in reversed(_KEY_OPTIONS):
        command = option(command)
    return command


@click.group("token")
def command() -> None:
    """Inspect, mint and verify the tokens of ron-auth.

    The token is that of --token-file, --ask-token, RON_APP_MACAROON or RON_APP_TOKEN; the issuer's
    key that of --key-file, --ask-key or RON_ISSUER_KEY. Neither is ever an argument: command lines
    are public.
    """


@command.command("inspect")
@_token_options
@output_options
def inspect(token_file: str | None, ask_token: bool, output: Output) -> None:
    """Show what a token says. Nothing is verified."""
    token = _token(token_file, ask_token, output)
    told = _described(token)
    output.result(told, "\n".join(_lines(token, told)))


@command.command("verify")
@_token_options
@_key_options
@output_options
def verify(
    token_file: str | None,
    ask_token: bool,
    key_file: str | None,
    ask_key: bool,
    output: Output,
) -> None:
    """Check that a token was minted with a key, and not changed since.

    Exits with 1 if not. Its caveats are told and decide nothing.
    """
    _check_one_stdin(token_file, key_file)
    token = _token(token_file, ask_token, output)
    verified = token.verify(_key(key_file, ask_key, output))
    outcome = token.evaluate().outcome
    said = "minted with this key" if verified else "not minted with this key, or changed since"
    times = {"expired": "; it has expired", "not_yet_valid": "; its time has not come"}
    output.result({"verified": verified, "outcome": outcome}, said + times.get(outcome, ""))
    if not verified:
        raise click.exceptions.Exit(ExitCode.FINDINGS)


@command.command("mint")
@click.option("--tid", required=True, metavar="TEXT", help="The tenant whose key it is.")
@click.option("--kid", required=True, metavar="TEXT", help="The key's id.")
@click.option("--expiry", metavar="TIME", help="From now on: a whole number and s, m, h or d.")
@click.option("--method", multiple=True, metavar="NAME", help="A method; may be repeated.")
@click.option("--path-prefix", metavar="TEXT", help="What the server's paths begin with.")
@click.option("--max-bytes", type=int, metavar="NUMBER", help="Largest content of a request.")
@click.option("--tenant", metavar="TEXT", help="The tenant that it is bound to.")
@click.option("--audience", metavar="TEXT", help="The audience.")
@click.option("--cidr", metavar="NETWORK", help="The network of clients, such as 10.0.0.0/8.")
@click.option("--scope-prefix", metavar="TEXT", help="Of its scope: what paths begin with.")
@click.option("--scope-method", multiple=True, metavar="NAME", help="Likewise: a method.")
@click.option("--scope-max-bytes", type=int, metavar="NUMBER", help="Likewise: largest content.")
@_key_options
@output_options
def mint(
    tid: str,
    kid: str,
    scope_prefix: str | None,
    scope_method: tuple[str, ...],
    scope_max_bytes: int | None,
    key_file: str | None,
    ask_key: bool,
    output: Output,
    **caveats: Any,
) -> None:
    """Make a token, as its issuer, and print it, alone.

    It is a credential: write it to a file that only you can read.
    """
    from ..capabilities import CapabilityToken, Scope

    made = CapabilityToken.mint(
        _key(key_file, ask_key, output),
        tid=tid,
        kid=kid,
        scope=Scope(scope_prefix, scope_method, scope_max_bytes),
        caveats=_caveats(**caveats),
    )
    text = made.text.get_secret_value()
    # The result is a secret, so that it may not be taken out.
    output.content(f"{json.dumps({'token': text}) if output.json else text}\n".encode())


def _token(token_file: str | None, ask: bool, output: Output) -> CapabilityToken:
    from ..capabilities import CapabilityToken
    from .credentials import capability_text

    text = capability_text(token_file, ask=ask, output=output)
    output.hide(text)
    return CapabilityToken.parse(text)


def _key(key_file: str | None, ask: bool, output: Output) -> str:
    from .credentials import issuer_key

    key = issuer_key(key_file, ask=ask, output=output)
    output.hide(key)
    return key


def _check_one_stdin(*files: str | None) -> None:
    if files.count("-") > 1:
        raise click.UsageError("--token-file and --key-file are both stdin; give one as a file")


def _caveats(
    expiry: str | None,
    method: tuple[str, ...],
    path_prefix: str | None,
    max_bytes: int | None,
    tenant: str | None,
    audience: str | None,
    cidr: str | None,
) -> list[Caveat]:
    from ..capabilities import Aud, BytesLe, Exp, IpCidr, Method, PathPrefix, Tenant
    from ..capabilities.expiry import expires_at_ns

    end = None if expiry is None else expires_at_ns(expiry, time.time_ns()) // 10**9
    made: list[tuple[Any, Any]] = [
        (Aud, audience),
        (IpCidr, cidr),
        (Tenant, tenant),
        (Method, method or None),
        (PathPrefix, path_prefix),
        (BytesLe, max_bytes),
        (Exp, end),
    ]
    return [kind(value) for kind, value in made if value is not None]


def _described(token: CapabilityToken) -> dict[str, Any]:
    from ..capabilities.wit import as_json

    scope, outcome = token.scope, token.evaluate().outcome
    return {
        "tid": token.tid,
        "kid": token.kid,
        "scope": {
            "prefix": scope.prefix,
            "methods": list(scope.methods),
            "max_bytes": scope.max_bytes,
        },
        "caveats": [as_json(caveat) for caveat in token.caveats],
        "not_before": _written(token.not_before),
        "expires_at": _written(token.expires_at),
        "outcome": outcome,
        "expired": outcome == "expired",
        "verified": None,
    }


def _lines(token: CapabilityToken, told: dict[str, Any]) -> list[str]:
    def shown(value: object) -> str:
        return json.dumps(value, ensure_ascii=False)

    scope = token.scope
    parts = [
        "any path" if scope.prefix is None else f"paths that begin with {shown(scope.prefix)}",
        ", ".join(map(shown, scope.methods)) or "any method",
        "any size" if scope.max_bytes is None else f"at most {scope.max_bytes} bytes",
    ]
    states = {
        "allowed": "has not expired",
        "expired": "HAS EXPIRED",
        "not_yet_valid": "ITS TIME HAS NOT COME",
        "malformed": "HAS A CAVEAT THAT RON-AUTH REFUSES",
    }
    state = states[told["outcome"]]
    if token.expires_at is None and told["outcome"] == "allowed":
        state = "never expires"
    lines = [f"{'tid':<9} {shown(token.tid)}", f"{'kid':<9} {shown(token.kid)}"]
    lines.append(f"{'scope':<9} {'; '.join(parts)}")
    for number, caveat in enumerate(told["caveats"]):
        lines.append(f"{'caveats' if number == 0 else '':<9} {caveat['t']} {_value(caveat)}")
    if not token.caveats:
        lines.append(f"{'caveats':<9} none")
    lines.append(f"{'time':<9} {state}")
    lines.append(f"{'verified':<9} no, nothing was; with the issuer's key ron token verify does")
    return lines


def _value(caveat: dict[str, Any]) -> str:
    text = json.dumps(caveat["v"], ensure_ascii=False)
    if caveat["t"] in ("Exp", "Nbf"):
        try:
            return f"{text}, {datetime.fromtimestamp(caveat['v'], UTC).isoformat()}"
        except (ValueError, OverflowError, OSError):
            return text
    return text


def _written(point: datetime | None) -> str | None:
    return None if point is None else point.isoformat()
