"""Processes of their own, for what depends on the process."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_LIMIT = 120.0
_TESTS = Path(__file__).parents[1]


class Child:
    """A process that answers each line with a line of JSON."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, line: str = "") -> Any:
        """Its answer.

        Raises:
            RuntimeError: it ended, or took too long.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        watchdog = threading.Timer(_LIMIT, self._process.kill)
        watchdog.start()
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        finally:
            watchdog.cancel()
        if not answer:
            raise RuntimeError(f"{self._process.args!r} ended without an answer")
        return json.loads(answer)


@contextmanager
def child(module: str, *arguments: str) -> Iterator[Child]:
    """Runs a module of the bench until the block ends."""
    command = [sys.executable, "-m", f"bench.{module}", *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_TESTS
    ) as process:
        try:
            yield Child(process)
        finally:
            process.kill()


def resident_bytes() -> int:
    """What this process has in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()
