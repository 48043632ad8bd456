"""The ``ron`` command. Needs the extra ``cli``."""

from __future__ import annotations

import sys

_INTERRUPTED = 130


def main() -> None:
    """Runs the command of the process's arguments and exits."""
    try:
        from .root import ron

        ron()
    except SystemExit as ended:
        if ended.code == _INTERRUPTED:
            _end_at_once_next_time()
        raise
    except KeyboardInterrupt:
        # Ctrl-C before there was anything to interrupt.
        sys.exit(_INTERRUPTED)
    except ModuleNotFoundError as error:
        if error.name not in ("click", "rich"):
            raise
        print(
            f"ron needs {error.name}; install it with pip install 'ron-app-sdk-py[cli]'",
            file=sys.stderr,
        )
        sys.exit(2)


def _end_at_once_next_time() -> None:
    """Has another Ctrl-C end the process, instead of Python complain of it while it cleans up."""
    import signal

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
