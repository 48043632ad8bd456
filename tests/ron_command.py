"""The ``ron`` command as a user runs it: in a process of its own, on pipes or on a terminal."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from servers import TOKEN

RON = str(Path(sys.executable).parent / "ron")
LIMIT = 60.0
"""Seconds that a command may take. All that the tests have it do takes a fraction of them."""

_HEARS_CTRL_C = """
import signal, sys
# What runs in the background of a shell is born deaf to it.
signal.signal(signal.SIGINT, signal.default_int_handler)
from ron_app_sdk_py.cli import main
sys.argv[0] = "ron"
main()
"""
_TAKES_TERMINAL = """
import fcntl, os, signal, sys, termios
# As above: a program would inherit the deafness.
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: bytes
    err: str

    def json(self) -> Any:
        """The only document on stdout."""
        assert self.out.count(b"\n") == 1
        return json.loads(self.out)

    def error(self) -> Any:
        """The error that is the last document on stderr."""
        return json.loads(self.err.splitlines()[-1])["error"]


def environment(url: str | None, token: str | None, extra: dict[str, str]) -> dict[str, str]:
    """The variables of a command."""
    given = {"RON_APP_URL": url, "RON_APP_TOKEN": token}
    return os.environ | {name: value for name, value in given.items() if value} | extra


def ron(
    *arguments: str,
    url: str | None = None,
    token: str | None = TOKEN,
    stdin: bytes = b"",
    environ: dict[str, str] | None = None,
    may_show_token: bool = False,
    **options: Any,
) -> Done:
    """Runs the command. Whatever happens, the token is in nothing that it writes."""
    done = subprocess.run(
        [RON, *arguments],
        input=stdin,
        capture_output=True,
        timeout=LIMIT,
        env=environment(url, token, environ or {}),
        **options,
    )
    shown = done.stderr if may_show_token else done.stdout + done.stderr
    assert TOKEN.encode() not in shown
    assert b"Traceback" not in done.stderr
    return Done(done.returncode, done.stdout, done.stderr.decode())


@dataclass
class Terminal:
    """A command on a terminal."""

    process: subprocess.Popen[bytes]
    master: int
    shown: bytes = b""

    def read_until(self, text: bytes) -> None:
        """Waits until the terminal shows this."""
        while text not in self.shown:
            part = os.read(self.master, 65_536)
            assert part, self.shown
            self.shown += part

    def write(self, data: bytes) -> None:
        """Types."""
        os.write(self.master, data)

    def end(self) -> Done:
        """Waits for the end."""
        # Linux says so once no process has the terminal any more.
        with contextlib.suppress(OSError):
            while part := os.read(self.master, 65_536):
                self.shown += part
        return Done(self.process.wait(LIMIT), self.shown.replace(b"\r\n", b"\n"), "")


@contextmanager
def on_terminal(
    *arguments: str,
    url: str | None = None,
    token: str | None = TOKEN,
    columns: int = 80,
    environ: dict[str, str] | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
) -> Iterator[Terminal]:
    """Runs the command on a terminal, but for the streams that are given."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    terminal = {"TERM": "xterm-256color", "COLUMNS": "", "LINES": ""} | (environ or {})
    process = subprocess.Popen(
        [sys.executable, "-c", _TAKES_TERMINAL, RON, *arguments],
        stdin=slave,
        stdout=slave if stdout is None else stdout,
        stderr=slave if stderr is None else stderr,
        env=environment(url, token, terminal),
    )
    os.close(slave)
    watchdog = threading.Timer(LIMIT, process.kill)
    watchdog.start()
    try:
        yield Terminal(process, master)
    finally:
        watchdog.cancel()
        process.kill()
        process.wait(LIMIT)
        os.close(master)


def shown_on_terminal(*arguments: str, **options: Any) -> Done:
    """What the command shows on a terminal that has its stdout. The token is not among it."""
    with on_terminal(*arguments, stderr=subprocess.DEVNULL, **options) as terminal:
        done = terminal.end()
    assert TOKEN.encode() not in done.out
    return done


@contextmanager
def interruptible(
    *arguments: str, url: str | None = None, token: str | None = TOKEN
) -> Iterator[subprocess.Popen[bytes]]:
    """A command that runs, and hears Ctrl-C."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HEARS_CTRL_C, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(url, token, {}),
    )
    watchdog = threading.Timer(LIMIT, process.kill)
    watchdog.start()
    try:
        yield process
    finally:
        watchdog.cancel()
        process.kill()
        process.communicate()


def interrupted(process: subprocess.Popen[bytes]) -> Done:
    """Presses Ctrl-C and waits for the end."""
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LIMIT)
    assert TOKEN.encode() not in out + err
    assert b"Traceback" not in err
    return Done(process.returncode, out, err.decode())
