"""The version of this package."""

from typing import Final

__version__: Final = "0.1.0"

USER_AGENT: Final = f"ron-app-sdk-py/{__version__}"
"""What the client calls itself unless told otherwise."""
