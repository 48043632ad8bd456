"""The types of calls, and what their answers have to be."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

from ron_app_sdk_py import Response

LARGE_ANSWER = bytes(number * number % 251 for number in range(1024 * 1024))
LARGE_CONTENT = bytes(number * number % 241 for number in range(256 * 1024))
SMALL_CONTENT = b'{"kind":"resize"}'

Key = Literal["none", "made", "given"]
"""Of what kind the call's ``Idempotency-Key`` is."""


@dataclass(frozen=True)
class CallType:
    """A type of call.

    Attributes:
        name: as the report shows it.
        method: its method.
        path: what the counting server has there: ``/small``, ``/large`` or ``/effect``.
        content: what is sent.
        key: of what kind its key is.
    """

    name: str
    method: str
    path: str
    content: bytes | None = None
    key: Key = "none"

    @property
    def repeatable(self) -> bool:
        """Whether it may be sent again once bytes went out: its method is idempotent (RFC 9110,
        section 9.2.2), or it has a key."""
        return self.method != "POST" or self.key != "none"

    @property
    def options(self) -> dict[str, Any]:
        """Arguments of the call."""
        options: dict[str, Any] = {}
        if self.content is not None:
            options["content"] = self.content
        if self.key != "none":
            options["idem"] = True if self.key == "made" else GIVEN_KEY
        return options

    def is_right(self, response: Response) -> bool:
        """Whether an answer is that of the counting server."""
        if response.status != 200:
            return False
        match self.path:
            case "/small":
                return bool(response.json() == SMALL_ANSWER)
            case "/large":
                return response.content == LARGE_ANSWER
        return bool(response.json()["sha256"] == digest(self.content or b""))


GIVEN_KEY = "order-17"
SMALL_ANSWER = {"ok": True}


def digest(content: bytes) -> str:
    """What the counting server answers to content."""
    return hashlib.sha256(content).hexdigest()


CALLS = [
    CallType("GET", "GET", "/small"),
    CallType("GET 1 MiB", "GET", "/large"),
    CallType("PUT", "PUT", "/effect", SMALL_CONTENT),
    CallType("DELETE", "DELETE", "/effect"),
    CallType("POST", "POST", "/effect", SMALL_CONTENT),
    CallType("POST idem=True", "POST", "/effect", SMALL_CONTENT, "made"),
    CallType("POST idem=key", "POST", "/effect", SMALL_CONTENT, "given"),
    CallType("POST 256 KiB", "POST", "/effect", LARGE_CONTENT),
]
