"""The version of this package."""

__version__ = "0.1.0"

USER_AGENT = f"ron-app-sdk-py/{__version__}"
"""What the client calls itself unless told otherwise."""
