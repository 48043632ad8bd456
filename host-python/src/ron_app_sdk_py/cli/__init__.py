"""The ``ron`` command. Needs the extra ``cli``."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command of the process's arguments and exits."""
    try:
        from .root import ron
    except ModuleNotFoundError as error:
        if error.name not in ("click", "rich"):
            raise
        sys.exit(
            f"ron needs {error.name}; install it with pip install 'ron-app-sdk-py[cli]'",
        )
    ron()
