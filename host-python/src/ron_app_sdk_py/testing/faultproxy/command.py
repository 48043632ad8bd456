"""The command line of the fault proxy."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path

from ...commands import Parser, interruption, port_number
from .bodies import ProxyCreation, proxy_creations
from .errors import ToxiproxyError
from .server import PORT, running


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves until interrupted. Exits with 2 if the arguments are no good, 1 if it can't listen.

    Args:
        arguments: the command's arguments; by default the process's.
    """
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        # The one that has readers on Windows too, which `Proxy` needs.
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(_serve(given.host, given.port, given.seed, given.config or []))
    except ToxiproxyError as error:
        parser.exit(1, f"{parser.prog}: {error.message}\n")
    except (OSError, OverflowError) as error:
        parser.exit(1, f"{parser.prog}: {given.host}:{given.port}: {error}\n")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="ron-faultproxy", description="A TCP proxy with faults, under Toxiproxy's REST API."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address of the REST API (%(default)s)")
    parser.add_argument(
        "--port", type=port_number, default=PORT, help="its port, 0 for a free one (%(default)s)"
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="of jitter, toxicity and slicing (%(default)s)",
    )
    parser.add_argument(
        "--config",
        type=_config,
        metavar="FILE",
        help="JSON file with proxies to begin with, as POST /populate takes them",
    )
    return parser


def _config(text: str) -> list[ProxyCreation]:
    try:
        return proxy_creations(Path(text).read_bytes())
    except (OSError, ToxiproxyError) as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from None


async def _serve(host: str, port: int, seed: int, proxies: list[ProxyCreation]) -> None:
    stop = interruption()
    async with running(host, port, seed=seed, proxies=proxies) as url:
        print(f"fault proxy (Toxiproxy's REST API), seed {seed}, listening on {url}", flush=True)
        await stop.wait()
