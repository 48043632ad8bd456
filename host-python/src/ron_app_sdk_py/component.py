"""``python -m ron_app_sdk_py.component FILE``: writes the client component, for another host."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .commands import Parser
from .engine.artifact import CLIENT, load
from .errors import RonSandboxError


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes it and prints its size and digest. Exits with 2 if the arguments are no good, 1 if the
    package is damaged or the file can't be written.

    Args:
        arguments: the command's arguments; by default the process's.
    """
    parser = Parser(
        prog="python -m ron_app_sdk_py.component",
        description=f"Writes {CLIENT}, which runs in any host that has WASI Preview 2.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="replaced if it is there")
    file = parser.parse_args(arguments).file
    try:
        component = load(CLIENT)
        file.write_bytes(component.wasm)
    except RonSandboxError as error:
        parser.exit(1, f"{parser.prog}: {error.message}\n")
    except OSError as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    print(f"{file}: {len(component.wasm)} bytes, sha256 {component.sha256}")


if __name__ == "__main__":
    main()
