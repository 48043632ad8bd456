"""The ``ron`` command. Needs the extra ``cli``."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command of the process's arguments and exits."""
    try:
        from .root import ron

        ron()
    except KeyboardInterrupt:
        # Ctrl-C before there was anything to interrupt.
        sys.exit(130)
    except ModuleNotFoundError as error:
        if error.name not in ("click", "rich"):
            raise
        print(
            f"ron needs {error.name}; install it with pip install 'ron-app-sdk-py[cli]'",
            file=sys.stderr,
        )
        sys.exit(2)
