"""``ron doctor``: what is between here and the gateway's answer."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import click

from ..defaults import DOCTOR_SECONDS
from .options import Connection, client_options
from .output import Output

if TYPE_CHECKING:
    from .checks import Check, Examination

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red", "skip": "dim"}


@click.command()
@click.option(
    "--path",
    default="/healthz",
    show_default=True,
    help="What is called on the app plane to see whether the token is taken.",
)
@click.option(
    "--stream",
    metavar="PATH",
    help="An event stream of the app plane.  [default: /events, if it is there]",
)
@client_options
def command(path: str, stream: str | None, connection: Connection, output: Output) -> None:
    """Find out what is between here and the gateway's answer.

    Checks configuration, DNS, TCP, TLS, gateway, auth and streaming, in this order: a line each
    with its state, what was seen, and what helps. What comes after a check that fails is not
    reached. Exits with 1 if one fails. --timeout is for each check, 5 seconds if not given.
    """
    import asyncio

    from .quick_import import import_aiohttp

    import_aiohttp()
    from .checks import Examination
    from .exit_codes import ExitCode
    from .running import told

    examination = Examination(
        lambda: connection.config(output),
        path=path,
        stream=stream,
        limit=DOCTOR_SECONDS if connection.timeout is None else connection.timeout,
    )
    with told(output):
        checks = asyncio.run(_examine(examination, output))
    ok = all(check.state != "fail" for check in checks)
    if output.json:
        output.value({"ok": ok, "checks": [dataclasses.asdict(check) for check in checks]})
    if not ok:
        raise click.exceptions.Exit(ExitCode.FINDINGS)


async def _examine(examination: Examination, output: Output) -> list[Check]:
    checks = []
    async for check in examination.checks():
        checks.append(check)
        mend = f"; {check.mend}" if check.mend else ""
        output.styled(
            (f"{check.name:<13} ", ""),
            (f"{check.state:<4}", _STYLES[check.state]),
            (f"  {check.cause}{mend}", ""),
        )
    return checks
