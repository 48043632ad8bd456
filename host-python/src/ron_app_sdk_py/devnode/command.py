"""The command line of the development node."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from ..commands import Parser, interruption, port_number
from .faithful import stand_in
from .policy import POLICIES
from .server import running
from .settings import PROFILES, SECURITY_MODES, Quota, Settings, SettingsError

_DEFAULTS = Settings()
_SERVERS = {"gateway": "svc-gateway"}
"""The names of servers, where they have another than their profile."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves until interrupted. Exits with 2 if the arguments are no good, 1 if it can't listen.

    Args:
        arguments: the command's arguments; by default the process's.
    """
    parser = _parser()
    given = vars(parser.parse_args(arguments))
    host, port = given.pop("host"), given.pop("port")
    given["policy"] = POLICIES[given["policy"]]
    if given["profile"] == "macronode" and given["admin_token"] is None:
        given["admin_token"] = os.environ.get("RON_ADMIN_TOKEN") or None
    try:
        settings = Settings(**given)
    except SettingsError as error:
        parser.error(str(error))
    logging.basicConfig(format="%(message)s")
    try:
        asyncio.run(_serve(host, port, settings))
    except (OSError, OverflowError) as error:
        parser.exit(1, f"{parser.prog}: {host}:{port}: {error}\n")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m ron_app_sdk_py.devnode",
        description="A development node: a stand-in for a RON server on this machine.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port", type=port_number, default=8080, help="port, 0 for a free one (%(default)s)"
    )
    parser.add_argument(
        "--profile",
        choices=PROFILES,
        default=_DEFAULTS.profile,
        help="which server: %(choices)s (%(default)s)",
    )
    parser.add_argument(
        "--not-ready", dest="ready", action="store_false", help="let /readyz answer 503"
    )
    gateway = parser.add_argument_group("gateway")
    gateway.add_argument(
        "--upstream",
        metavar="URL",
        help="pass /app/{tail} to {URL}/{tail}, an app of yours, instead of the node's omnigate",
    )
    registry = parser.add_argument_group("registry")
    registry.add_argument(
        "--sse-heartbeat-ms",
        type=_number,
        default=_DEFAULTS.sse_heartbeat_ms,
        metavar="N",
        help="milliseconds between heartbeats of /registry/stream (%(default)s)",
    )
    omnigate = parser.add_argument_group("omnigate")
    omnigate.add_argument(
        "--policy",
        choices=POLICIES,
        default="off",
        help="off; stock: reads only, as shipped; demo: POST too; broken: fails (%(default)s)",
    )
    omnigate.add_argument(
        "--global-quota",
        type=_quota,
        default=_DEFAULTS.global_quota,
        metavar="QPS:BURST",
        help="rate of all requests (20000:40000)",
    )
    omnigate.add_argument(
        "--ip-quota",
        type=_optional_quota,
        default=_DEFAULTS.ip_quota,
        metavar="QPS:BURST|off",
        help="rate of one address (2000:4000)",
    )
    for name, what in (
        ("max_inflight", "requests at once"),
        ("headroom", "more of them if interactive; an eighth if not given"),
        ("max_content_length", "bytes; ten times a compressed body may not exceed it"),
        ("max_body_bytes", "bytes of a request body"),
    ):
        default = getattr(_DEFAULTS, name)
        omnigate.add_argument(
            "--" + name.replace("_", "-"),
            type=_number,
            default=default,
            metavar="N",
            help=what if default is None else f"{what} ({default})",
        )
    omnigate.add_argument(
        "--app-static-dir", type=Path, metavar="DIR", help="folder to serve under /app/site"
    )
    micronode = parser.add_argument_group("micronode")
    micronode.add_argument(
        "--facets-dir", type=Path, metavar="DIR", help="folder of facet manifests to load"
    )
    micronode.add_argument(
        "--security",
        choices=SECURITY_MODES,
        default=_DEFAULTS.security,
        help="who may use the key-value store and the facets: %(choices)s (%(default)s)",
    )
    macronode = parser.add_argument_group("macronode")
    macronode.add_argument(
        "--admin-token",
        metavar="TOKEN",
        help="what the admin plane demands; better in RON_ADMIN_TOKEN, where ps does not show it",
    )
    return parser


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r:.40} is no whole number of 0 or more")
    return int(text)


def _quota(text: str) -> Quota:
    qps, colon, burst = text.partition(":")
    if not (colon and text.isascii() and qps.isdigit() and burst.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r:.40} is no quota; give QPS:BURST, as in 50:100")
    return Quota(qps=int(qps), burst=int(burst))


def _optional_quota(text: str) -> Quota | None:
    return None if text == "off" else _quota(text)


async def _serve(host: str, port: int, settings: Settings) -> None:
    stop = interruption()
    async with running(host, port, settings) as url:
        to = "" if settings.upstream is None else f", /app/* goes to {settings.upstream}"
        server = stand_in(_SERVERS.get(settings.profile, settings.profile))
        print(f"development node ({server}){to}, listening on {url}", flush=True)
        await stop.wait()
