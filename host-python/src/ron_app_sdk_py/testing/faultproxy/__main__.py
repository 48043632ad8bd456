"""``python -m ron_app_sdk_py.testing.faultproxy``: runs the fault proxy until interrupted."""

from __future__ import annotations

from .command import main

if __name__ == "__main__":
    main()
