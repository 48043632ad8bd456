"""Sizes of what is shipped."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from ron_app_sdk_py.engine.artifact import FOLDER
from servers import ROOT

from .report import Row, Section, at_most
from .rounds import Stage


def measure(_stage: Stage) -> Section:
    """Builds a wheel and looks."""
    with tempfile.TemporaryDirectory() as out:
        subprocess.run(
            [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", out,
             str(ROOT / "host-python")],
            check=True,
            capture_output=True,
            timeout=300,
        )  # fmt: skip
        (wheel,) = Path(out).iterdir()
        sizes = {
            "wheel, zipped": (wheel.stat().st_size, 400),
            "ron_host.wasm": ((FOLDER / "ron_host.wasm").stat().st_size, 450),
            "ron_tools.wasm": ((FOLDER / "ron_tools.wasm").stat().st_size, 70),
        }
    return Section(
        "sizes",
        [Row(name, size / 1000, "kB", at_most(most, "kB")) for name, (size, most) in sizes.items()],
        {"bytes": {name: size for name, (size, _) in sizes.items()}},
    )
