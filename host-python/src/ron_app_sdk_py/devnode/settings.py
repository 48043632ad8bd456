"""What a development node is started with."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import ada_url

from .policy import Policy

_MIB = 1024 * 1024


class SettingsError(ValueError):
    """Settings with which no node can be started. The message names every fault."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Quota:
    """A token bucket: ``protocol.md`` 1.5."""

    qps: int
    """Tokens that come back in a second."""

    burst: int
    """Tokens that the bucket holds, and starts with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Which gateway, omnigate and registry a node stands in for.

    Fields have the names of the real servers' configuration, which their docstrings give. The
    defaults are those of an omnigate without a configuration file. One with the shipped file
    denies every write, which is of little use in development: ``policy=STOCK`` is that.

    All fields but ``upstream``, ``ready`` and ``sse_heartbeat_ms`` are omnigate's and mean nothing
    with an ``upstream``.

    Raises:
        SettingsError: when made with values that are no good.
    """

    upstream: str | None = None
    """Gateway mode: an app of yours to pass ``/app/*`` to, in omnigate's place. ``/app/{tail}``
    becomes ``{upstream}/{tail}``, so with ``http://127.0.0.1:9000`` the app sees ``/hello`` for
    ``/app/hello``. Give ``http://127.0.0.1:9000/v1/app`` to see what omnigate would see
    (``SVC_GATEWAY_OMNIGATE_BASE_URL``, to which the real gateway adds ``/v1/app``)."""

    ready: bool = True
    """Whether the gateway's ``/readyz`` says so."""

    sse_heartbeat_ms: int = 5_000
    """``sse.heartbeat_ms`` of the registry: milliseconds between two heartbeats of its stream, at
    least 1."""

    policy: Policy | None = None
    """``policy.enabled`` and ``policy.bundle_path``: who may do what, or None for no policy."""

    global_quota: Quota = Quota(qps=20_000, burst=40_000)
    """``admission.global_quota``: all requests together."""

    ip_quota: Quota | None = Quota(qps=2_000, burst=4_000)
    """``admission.ip_quota``, or None for not ``enabled``: requests with the same first address in
    ``X-Forwarded-For``, else ``X-Real-IP``. All requests without either share one bucket."""

    max_inflight: int = 2_048
    """``admission.fair_queue.max_inflight``: requests in omnigate at once."""

    headroom: int | None = None
    """``admission.fair_queue.headroom``: how many more for requests with ``X-Omnigate-Priority:
    interactive``. None is an eighth of ``max_inflight``."""

    max_content_length: int = 10 * _MIB
    """``admission.body.max_content_length``, in bytes: a compressed body may have a tenth of it.
    The shipped configuration file says 1 MiB."""

    max_body_bytes: int = 64 * _MIB
    """``OMNIGATE_MAX_BODY_BYTES``: the largest request body, in bytes. The gateway takes no more
    than 2 MiB for ``/app/*``, whatever this is."""

    app_static_dir: Path | None = None
    """``OMNIGATE_APP_STATIC_DIR``: a folder to serve under ``/app/site``."""

    def __post_init__(self) -> None:
        faults = list(self._faults())
        if faults:
            raise SettingsError("; ".join(faults))

    def _faults(self) -> Iterator[str]:
        if self.upstream is not None:
            fault = _upstream_fault(self.upstream)
            if fault is not None:
                yield fault
            changed = [
                field.name
                for field in dataclasses.fields(self)
                if field.name not in ("upstream", "ready", "sse_heartbeat_ms")
                and getattr(self, field.name) != field.default
            ]
            if changed:
                yield f"{', '.join(changed)} can't be had with upstream: no omnigate is in between"
        for name in ("max_inflight", "headroom", "max_content_length", "max_body_bytes"):
            number = getattr(self, name)
            if number is not None and number < 0:
                yield f"{name} is {number}; give 0 or more"
        if self.sse_heartbeat_ms < 1:
            yield f"sse_heartbeat_ms is {self.sse_heartbeat_ms}; give 1 or more"
        for name in ("global_quota", "ip_quota"):
            quota = getattr(self, name)
            if quota is not None and (quota.qps < 0 or quota.burst < 0):
                yield f"{name} is {quota.qps}:{quota.burst}; give two numbers of 0 or more"
        folder = self.app_static_dir
        if folder is not None and not (folder.is_dir() and os.access(folder, os.R_OK | os.X_OK)):
            yield f"app_static_dir is {str(folder)!r}, which is no folder that can be read"


def _upstream_fault(url: str) -> str | None:
    if "@" in url:  # It is not repeated, because the credentials would be.
        return "upstream has credentials; leave them out"
    try:
        parsed = ada_url.URL(url)
    except ValueError:
        return f"upstream is {url!r}, which is no URL; give one such as http://127.0.0.1:9000"
    if parsed.protocol not in ("http:", "https:"):
        return f"upstream is {url!r}; give an http or https URL"
    if parsed.search or parsed.hash:
        return f"upstream is {url!r}; leave the query and the fragment out"
    return None
