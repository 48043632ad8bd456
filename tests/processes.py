"""Servers in processes of their own: our development node, nginx, haproxy, tinyproxy."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from servers import unused_port

EXTERNAL_NODE = "RON_TEST_NODE_URL"
"""The variable that names a gateway for the tests with the marker ``external``."""

ONLY_PUBLIC_API = "RON_TEST_PUBLIC_API"
"""The variable that has all tests do without wasmtime's private parts."""

LIMIT = 60.0
"""Seconds that a server may take to start."""


def run_python(
    code: str, *arguments: str, environ: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a program that sees every warning as an error and is told of everything left open. It
    can import what tests can.

    Raises:
        subprocess.TimeoutExpired: it did not end, and was killed.
    """
    here = str(Path(__file__).parent)
    prelude = f"import sys; sys.path.insert(0, {here!r})\n"
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", prelude + textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        env=None if environ is None else os.environ | environ,
    )


def run_program(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """As :func:`run_python`, for a module of the tests."""
    code = "import runpy; runpy.run_module(sys.argv.pop(1), run_name='__main__')"
    return run_python(code, module, *arguments)


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


def program(name: str) -> str:
    """Where a program is."""
    return shutil.which(name) or f"/usr/sbin/{name}"


@contextmanager
def running(*command: str, port: int) -> Iterator[None]:
    """Runs a server in the foreground; begins once it listens."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        for attempt in range(500):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, f"{command[0]} ended with {process.returncode}"
                assert attempt < 499, f"{command[0]} does not listen"
                time.sleep(0.02)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


@contextmanager
def nginx(folder: Path, server: str, *, listen: str = "", http: str = "") -> Iterator[int]:
    """nginx with one worker and one server: its port.

    Args:
        folder: for its configuration and what it writes.
        server: directives of the server block.
        listen: parameters of ``listen``, such as ``ssl``.
        http: directives beside the server block.
    """
    port = unused_port()
    scratch = "\n".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    configuration = folder / "nginx.conf"
    configuration.write_text(
        f"""daemon off; master_process off; pid {folder}/pid; error_log stderr crit;
        events {{ worker_connections 4096; }}
        http {{
            access_log off; {scratch} {http}
            server {{ listen 127.0.0.1:{port} {listen}; {server} }}
        }}"""
    )
    with running(program("nginx"), "-p", str(folder), "-c", str(configuration), port=port):
        yield port


@contextmanager
def haproxy(folder: Path, frontend: str, backend: str) -> Iterator[int]:
    """haproxy in HTTP mode: its port.

    Args:
        folder: for its configuration.
        frontend: lines of the front end, beside ``bind``.
        backend: lines of the back end.
    """
    port = unused_port()
    configuration = folder / "haproxy.cfg"
    configuration.write_text(
        "\n".join(
            [
                "global",
                "  maxconn 100",
                "defaults",
                "  mode http",
                "  timeout connect 2s",
                "  timeout client 20s",
                "  timeout server 20s",
                "frontend front",
                f"  bind 127.0.0.1:{port}",
                *(f"  {line}" for line in frontend.splitlines()),
                "  default_backend back",
                "backend back",
                *(f"  {line}" for line in backend.splitlines()),
                "",
            ]
        )
    )
    with running(program("haproxy"), "-db", "-q", "-f", str(configuration), port=port):
        yield port


@contextmanager
def tinyproxy(folder: Path, *lines: str) -> Iterator[int]:
    """tinyproxy, an HTTP proxy: its port."""
    port = unused_port()
    configuration = folder / "tinyproxy.conf"
    settings = [f"Port {port}", "Listen 127.0.0.1", "Timeout 20", "MaxClients 50", *lines, ""]
    configuration.write_text("\n".join(settings))
    with running(program("tinyproxy"), "-d", "-c", str(configuration), port=port):
        yield port
