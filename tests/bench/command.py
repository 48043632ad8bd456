"""The ``ron`` command from its start to its end, with a compiled component at hand."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ron_app_sdk_py.engine.cache import VARIABLE

from .candidates import TOKEN
from .report import Row, Section, at_most, median
from .rounds import Stage

_RON = str(Path(sys.executable).parent / "ron")
_INTERPRETER = "interpreter alone"
_COMMANDS = {
    _INTERPRETER: [sys.executable, "-c", ""],
    "`ron --version`": [_RON, "--version"],
    "`ron --help`": [_RON, "--help"],
    "`ron get /hello`": [_RON, "get", "/hello"],
}
_BUDGET = at_most(300, "ms")


def measure(stage: Stage) -> Section:
    """Runs the commands in turn."""
    taken: dict[str, list[float]] = {name: [] for name in _COMMANDS}
    with tempfile.TemporaryDirectory() as folder:
        environ = os.environ | {VARIABLE: folder, "RON_APP_URL": stage.base, "RON_APP_TOKEN": TOKEN}
        for round_ in range(1 + stage.settings.fewer(2).rounds):
            for name, command in _COMMANDS.items():
                seconds = _run(command, environ)
                # The first round fills the caches, the machine's among them.
                if round_ > 0:
                    taken[name].append(seconds * 1000)
    section = Section("the `ron` command, from its start to its end")
    section.figures = {"milliseconds": taken}
    for name, figures in taken.items():
        budget = None if name == _INTERPRETER else _BUDGET
        section.rows.append(Row(name, median(figures), "ms", budget))
    return section


def _run(command: list[str], environ: dict[str, str]) -> float:
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, timeout=60, env=environ)
    took = time.perf_counter() - started
    if done.returncode != 0:
        raise SystemExit(f"{command} ended with {done.returncode}:\n{done.stderr.decode()}")
    return took
