"""``python -m ron_app_sdk_py verify``: see :mod:`ron_app_sdk_py.verify`."""

from .verify import main

if __name__ == "__main__":
    main()
