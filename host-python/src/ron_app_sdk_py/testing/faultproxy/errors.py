"""What goes wrong at the REST API, on both of its sides."""

from __future__ import annotations


class ToxiproxyError(Exception):
    """A request that the server refuses, or that never got to it.

    Attributes:
        message: what is wrong: the ``error`` of the answer.
        status: its HTTP status code, or None if no answer came.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message, status)
        self.message = message
        self.status = status

    def __str__(self) -> str:
        return self.message if self.status is None else f"HTTP {self.status}: {self.message}"
