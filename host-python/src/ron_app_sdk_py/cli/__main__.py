"""``python -m ron_app_sdk_py.cli``: the same as ``ron``."""

from . import main

if __name__ == "__main__":
    main()
