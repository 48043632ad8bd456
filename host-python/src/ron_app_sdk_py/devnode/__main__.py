"""``python -m ron_app_sdk_py.devnode``: runs the development node until interrupted."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys

try:
    from .app import STAND_IN
    from .server import running
except ImportError as error:
    sys.exit(
        f"the development node needs the extra: pip install 'ron-app-sdk-py[devnode]' ({error})"
    )


async def _serve(host: str, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Event loops on Windows have no signal handlers; there Ctrl-C ends asyncio.run itself.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
    async with running(host, port) as url:
        print(f"development node ({STAND_IN}) listening on {url}", flush=True)
        await stop.wait()


def main() -> None:
    """Parses the arguments and serves."""
    parser = argparse.ArgumentParser(
        prog="python -m ron_app_sdk_py.devnode", description=f"A development node: {STAND_IN}."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port", type=int, default=8080, help="port, 0 for a free one (%(default)s)"
    )
    arguments = parser.parse_args()
    try:
        asyncio.run(_serve(arguments.host, arguments.port))
    except (OSError, OverflowError) as error:
        parser.exit(1, f"{parser.prog}: {arguments.host}:{arguments.port}: {error}\n")


if __name__ == "__main__":
    main()
