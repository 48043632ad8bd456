"""Wheels and sdists of this package, built for a test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from servers import ROOT

LIMIT = 300
"""Seconds that pip and the build may take."""


def build(
    kind: str, out: Path, source: Path = ROOT / "host-python"
) -> subprocess.CompletedProcess[str]:
    """Builds a ``wheel`` or an ``sdist`` into a folder."""
    command = [sys.executable, "-m", "build", "--no-isolation", f"--{kind}", "--outdir", str(out)]
    return subprocess.run([*command, str(source)], capture_output=True, text=True, timeout=LIMIT)


def built_wheel(out: Path, source: Path = ROOT / "host-python") -> Path:
    """Builds a wheel into an empty folder."""
    done = build("wheel", out, source)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = out.iterdir()
    return wheel
