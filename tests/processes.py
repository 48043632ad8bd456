"""Servers in processes of their own."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

EXTERNAL_NODE = "RON_TEST_NODE_URL"
"""The variable that names a gateway for the tests with the marker ``external``."""

LIMIT = 60.0
"""Seconds that a server may take to start."""


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    url: str
    process: subprocess.Popen[str]


@contextmanager
def started(*arguments: str) -> Iterator[Server]:
    """Runs Python with these arguments until the block ends.

    The program must print a line that ends with the URL on which it listens, or holds it between
    spaces.
    """
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    watchdog = threading.Timer(LIMIT, process.kill)
    watchdog.start()
    try:
        lines = iter(process.stdout.readline, "")
        url = next(
            (found[-1] for line in lines if (found := re.findall(r"http://\S+", line))), None
        )
        watchdog.cancel()
        assert url is not None, f"{arguments} ended before it listened"
        yield Server(url, process)
    finally:
        watchdog.cancel()
        process.terminate()
        process.wait(timeout=LIMIT)
        process.stdout.close()


@contextmanager
def devnode(*options: str) -> Iterator[str]:
    """A development node: its base URL."""
    with started("-m", "ron_app_sdk_py.devnode", "--port", "0", *options) as server:
        yield server.url
