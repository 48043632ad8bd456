"""The model of an error answer: ``protocol.md`` 2.5."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Problem(BaseModel):
    """An error answer in one form, whichever of its many forms the server sent."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    status: int
    """The HTTP status code."""
    code: str
    """What went wrong: ``POLICY_DENY``, ``upstream_unavailable``, ``http_404``. An open set."""
    message: str
    """A sentence for people."""
    kind: str
    """The family: ``auth``, ``validation``, ``not_found``, ``conflict``, ``rate_limit``,
    ``unavailable``, ``redirect``, ``internal``, or the server's own."""
    title: str
    """The server's title, or the code."""
    type: str
    """A URI that names the type of problem."""
    reason: str | None = None
    """The server's machine-readable reason."""
    retryable: bool
    """Whether the same call may succeed later."""
    retry_after_ms: int | None = None
    """How long the server asks to wait, in milliseconds."""
    correlation_id: str | None = None
    """The id under which the server knows the exchange."""
    details: Any = None
    """The server's details, an object; details that are none stand in its ``value``."""
    extensions: dict[str, Any] = {}
    """Every other member of the server's object."""
