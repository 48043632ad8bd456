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
    """Which server a node stands in for, and how that is configured.

    Fields have the names of the real servers' configuration, which their docstrings give. The
    defaults are those of servers without a configuration file. An omnigate with the shipped file
    denies every write, which is of little use in development: ``policy=STOCK`` is that.

    ``facets_dir`` and ``security`` are a micronode's, ``admin_token`` is a macronode's, ``ready``
    is everybody's, the rest is a gateway's. Of that, all but ``upstream`` and ``sse_heartbeat_ms``
    is omnigate's and means nothing with an ``upstream``.

    Raises:
        SettingsError: when made with values that are no good.
    """

    profile: str = "gateway"
    """``gateway``, with the omnigate behind it and a registry beside it, ``micronode``, or
    ``macronode``, of which it is the admin plane."""

    upstream: str | None = None
    """Gateway mode: an app of yours to pass ``/app/*`` to, in omnigate's place. ``/app/{tail}``
    becomes ``{upstream}/{tail}``, so with ``http://127.0.0.1:9000`` the app sees ``/hello`` for
    ``/app/hello``. Give ``http://127.0.0.1:9000/v1/app`` to see what omnigate would see
    (``SVC_GATEWAY_OMNIGATE_BASE_URL``, to which the real gateway adds ``/v1/app``)."""

    ready: bool = True
    """Whether ``/readyz`` says so."""

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

    facets_dir: Path | None = None
    """``facets.dir``: a folder whose manifests are loaded, or None for not ``enabled``."""

    security: str = "deny_all"
    """``security.mode``: ``deny_all``, ``dev_allow``, or ``external``, which denies all too."""

    admin_token: str | None = dataclasses.field(default=None, repr=False)
    """``RON_ADMIN_TOKEN``: what the admin plane demands. None lets every caller in that names this
    machine in ``Host``."""

    def __post_init__(self) -> None:
        faults = list(self._faults())
        if faults:
            raise SettingsError("; ".join(faults))

    def _faults(self) -> Iterator[str]:
        changed = [
            field.name
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != field.default
        ]
        yield from self._profile_faults(changed)
        if self.upstream is not None:
            fault = _upstream_fault(self.upstream)
            if fault is not None:
                yield fault
            lost = [name for name in changed if name in _GATEWAY - _KEPT_WITH_UPSTREAM]
            if lost:
                yield f"{', '.join(lost)} can't be had with upstream: no omnigate is in between"
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
        for name in ("app_static_dir", "facets_dir"):
            folder = getattr(self, name)
            if folder is not None and not (
                folder.is_dir() and os.access(folder, os.R_OK | os.X_OK)
            ):
                yield f"{name} is {str(folder)!r}, which is no folder that can be read"
        if self.security not in SECURITY_MODES:
            yield f"security is {self.security!r}; give {', '.join(SECURITY_MODES)}"
        token = self.admin_token
        if token is not None and not (token and token.isascii() and token.isprintable()):
            yield "admin_token is empty or holds more than printable ASCII"

    def _profile_faults(self, changed: list[str]) -> Iterator[str]:
        if self.profile not in _OWN:
            yield f"profile is {self.profile!r}; give {', '.join(_OWN)}"
            return
        for owner, names in _OWN.items():
            foreign = [name for name in changed if name in names]
            if foreign and owner != self.profile:
                yield (
                    f"{', '.join(foreign)} can't be had with the profile {self.profile}, but with "
                    f"{owner}"
                )


SECURITY_MODES = ("deny_all", "dev_allow", "external")
"""What ``security`` may be."""

_MICRONODE = frozenset({"facets_dir", "security"})
_MACRONODE = frozenset({"admin_token"})
_GATEWAY = (
    frozenset(field.name for field in dataclasses.fields(Settings))
    - _MICRONODE
    - _MACRONODE
    - {"profile", "ready"}
)
_KEPT_WITH_UPSTREAM = frozenset({"upstream", "sse_heartbeat_ms"})
_OWN = {"gateway": _GATEWAY, "micronode": _MICRONODE, "macronode": _MACRONODE}
"""The fields of each profile."""

PROFILES = tuple(_OWN)
"""What ``profile`` may be."""


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
