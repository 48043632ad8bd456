"""``python -m ron_app_sdk_py.devnode``: runs the development node until interrupted."""

from __future__ import annotations

import sys

try:
    from .command import main
except ImportError as error:
    sys.exit(
        f"the development node needs the extra: pip install 'ron-app-sdk-py[devnode]' ({error})"
    )

if __name__ == "__main__":
    main()
