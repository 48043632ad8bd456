"""Who may do what: the part of ron-policy that omnigate's bundles use (``protocol.md`` 1.5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from .answers import problem

_DEFAULT_REASON = "default"
_LEGAL = "LEGAL"


class Policy(Protocol):
    """Decides on requests."""

    def denial(self, method: str) -> str | None:
        """The reason why requests with this method are denied, or None if they are allowed.

        Raises:
            EvaluationError: no decision can be made.
        """


class EvaluationError(Exception):
    """A policy could not be evaluated."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What to do with requests of one method."""

    method: str
    """An HTTP method, in capitals."""

    allow: bool
    """Whether they are allowed."""

    reason: str
    """Why. Denials tell it; ``LEGAL`` makes the status 451 instead of 403."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """Rules, of which the first that matches decides. What none matches is denied."""

    rules: tuple[Rule, ...]
    """The rules, in order."""

    def denial(self, method: str) -> str | None:
        """See :class:`Policy`."""
        for rule in self.rules:
            if rule.method == method:
                return None if rule.allow else rule.reason
        return _DEFAULT_REASON


@dataclass(frozen=True, slots=True)
class Broken:
    """A policy of which every evaluation fails."""

    def denial(self, method: str) -> str | None:
        """See :class:`Policy`."""
        raise EvaluationError


_READS = (Rule("GET", True, "read ok"), Rule("HEAD", True, "head ok"))
_BLOCKED_WRITES = (Rule("PUT", False, "put blocked"), Rule("DELETE", False, "delete blocked"))

STOCK = Bundle((*_READS, *_BLOCKED_WRITES))
"""The bundle that omnigate ships: reads only (``configs/policy.bundle.json``)."""

DEMO = Bundle((*_READS, Rule("POST", True, "demo post ok (reload)"), *_BLOCKED_WRITES))
"""The bundle of the demo: POST too (``scripts/policy.demo.bundle.json``)."""

POLICIES: Mapping[str, Policy | None] = {
    "off": None,
    "stock": STOCK,
    "demo": DEMO,
    "broken": Broken(),
}
"""Policies by the names that the command knows."""


def enforced(policy: Policy) -> Middleware:
    """Denies what the policy denies: 403 or 451 (O1), or 503 if it can't be evaluated (O6)."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            reason = policy.denial(request.method)
        except EvaluationError:
            return problem(
                503,
                "POLICY_ERROR",
                "Policy evaluation failed",
                retryable=True,
                retry_after_ms=250,
            )
        if reason is None:
            return await handler(request)
        status, code = (451, "LEGAL_RESTRICTION") if reason == _LEGAL else (403, "POLICY_DENY")
        return problem(status, code, "Access denied", retryable=False, reason=reason)

    return middleware
