"""Facet manifests: TOML files that tell a micronode what to mount (``protocol.md`` 6)."""

from __future__ import annotations

import contextlib
import os
import secrets
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from ..errors import RonManifestError
from .checking import Folder, check_document, check_text
from .files import manifest_bytes
from .finding import Finding

_T = TypeVar("_T")

_SHOWN_ERRORS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Integrity:
    """The digest of a route's file, which the node does not look at (``protocol.md`` 6.3).

    Attributes:
        algo: ``sha256``, ``sha384`` or ``sha512``.
        value: the digest in base64.
    """

    algo: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What is mounted at one method and path (``protocol.md`` 6.1).

    Attributes:
        method: GET, POST, PUT, PATCH or DELETE. A static facet has GET only; echo and proxy facets
            mount GET and POST only.
        path: the path below ``/facets/{id}``; that of a proxy may end in ``/*tail``.
        file: the file that a static facet answers with, relative to the folder in which the node is
            started.
        upstream_path: the path at a proxy's upstream, if it is another.
        integrity: the file's digest.
    """

    method: str
    path: str
    file: str | None = None
    upstream_path: str | None = None
    integrity: Integrity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """Where a proxy sends requests (``protocol.md`` 6.1).

    Attributes:
        scheme: ``http`` or ``https``.
        host: a name, an IPv4 address or an IPv6 address in brackets.
        port: the port.
        base_path: what stands before each path there: empty, or with a slash in front.
    """

    scheme: str
    host: str
    port: int
    base_path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """Who is meant to be let in, which the node ignores (``protocol.md`` 6.3).

    Attributes:
        public: whether anybody may call the facet.
        requires_auth: whether callers must show who they are.
    """

    public: bool = False
    requires_auth: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """What people are told of a facet; the node ignores it (``protocol.md`` 6.3).

    Attributes:
        description: what it is for.
        owner: who answers for it.
        version: its version.
    """

    description: str | None = None
    owner: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is meant to be let in, which the node ignores (``protocol.md`` 6.3).

    Attributes:
        max_rps: requests a second.
        max_concurrency: requests at once.
    """

    max_rps: int | None = None
    max_concurrency: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetManifest:
    """A facet manifest. Making one checks nothing: :meth:`findings` does, and what writes it.

    Attributes:
        id: the facet's name, unique on its node: letters, digits, ``.``, ``_`` and ``-``.
        kind: ``static``, ``echo`` or ``proxy``.
        routes: what is mounted.
        upstream: where a proxy sends requests.
        security: who is meant to be let in; nobody without a credential unless it says so.
        limits: how much is meant to be let in.
        meta: what people are told.
    """

    id: str
    kind: str
    routes: Sequence[Route] = ()
    upstream: Upstream | None = None
    security: Security = Security()
    limits: Limits | None = None
    meta: Meta | None = None

    def __post_init__(self) -> None:
        if isinstance(self.routes, list):
            object.__setattr__(self, "routes", tuple(self.routes))

    def findings(self, root: Folder | None = None) -> tuple[Finding, ...]:
        """What there is to say of it.

        Args:
            root: the folder in which the node is started. With it, the files of a static facet must
                be there, and no link may lead out.

        Returns:
            Errors, for which :meth:`to_toml` refuses it, and warnings; at most a hundred and one,
            and one for each file.

        Raises:
            RonSandboxError: the component that knows the rules can't be loaded.
        """
        document, faults = self._document()
        return faults or check_document(document, root).findings

    def to_toml(self) -> str:
        """Its text, the same in every host and language.

        Raises:
            RonManifestError: there are errors (code ``invalid_manifest``).
            RonSandboxError: the component that knows the rules can't be loaded.
        """
        document, faults = self._document()
        _refuse_errors(faults)
        checked = check_document(document, None)
        _refuse_errors(checked.findings)
        return checked.toml or ""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes it to a file at one stroke, in UTF-8.

        Raises:
            RonManifestError: there are errors (code ``invalid_manifest``), or the file can't be
                written (``manifest_file``).
            RonSandboxError: the component that knows the rules can't be loaded.
        """
        text, file = self.to_toml(), Path(path)
        try:
            # A link stays one.
            file = Path(os.path.realpath(file))
            new = file.with_name(f".{file.name}.{secrets.token_hex(4)}.new")
            if file.exists() and not file.is_file():
                raise OSError(None, "it is no file")
            try:
                new.write_text(text, "utf-8", newline="\n")
                new.replace(file)
            except BaseException:
                with contextlib.suppress(OSError):
                    new.unlink()
                raise
        except (OSError, ValueError) as error:
            raise _file_error(file, "written", error) from None

    @classmethod
    def from_toml(cls, text: str, *, source: str = "<text>") -> Self:
        """Reads a manifest as a node's loader does. What the node ignores is kept if it is known
        (``protocol.md`` 6.3), and otherwise gone.

        Args:
            text: the manifest; the legacy form too.
            source: what errors call it.

        Raises:
            RonManifestError: there are errors (code ``invalid_manifest``); it names source, line
                and field.
            RonSandboxError: the component that knows the rules can't be loaded.
        """
        return cls._read(text, source)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Reads a manifest from a file, as :meth:`from_toml`.

        Raises:
            RonManifestError: as there, or the file can't be read (``manifest_file``).
            RonSandboxError: the component that knows the rules can't be loaded.
        """
        try:
            content = manifest_bytes(path)
        except (OSError, ValueError) as error:
            raise _file_error(Path(path), "read", error) from None
        return cls._read(content, str(path))

    @classmethod
    def _read(cls, text: str | bytes, source: str) -> Self:
        checked = check_text(text, source, None)
        _refuse_errors(checked.findings)
        document = tomllib.loads(checked.toml or "")
        facet = document["facet"]
        return cls(
            id=facet["id"],
            kind=facet["kind"],
            routes=[
                Route(**{**route, "integrity": _made(Integrity, route.get("integrity"))})
                for route in document.get("route", [])
            ],
            upstream=_made(Upstream, document.get("upstream")),
            security=Security(**facet["security"]),
            limits=_made(Limits, facet.get("limits")),
            meta=_made(Meta, facet.get("meta")),
        )

    def _document(self) -> tuple[Any, tuple[Finding, ...]]:
        """The JSON form, and errors in what JSON can't say."""
        faults: list[Finding] = []
        facet = {name: getattr(self, name) for name in ("id", "kind", "security", "meta", "limits")}
        tables = {"facet": facet, "upstream": self.upstream, "route": self.routes}
        return _plain(tables, "", faults), tuple(faults)


def check_manifest(
    text: str | bytes, *, source: str = "<text>", root: Folder | None = None
) -> tuple[Finding, ...]:
    """What there is to say of any text as a manifest.

    Args:
        text: the text, or the bytes of a file.
        source: what it is called in the findings.
        root: as in :meth:`FacetManifest.findings`.

    Returns:
        Errors, with which the node would not load it or would be in danger, and warnings.

    Raises:
        RonSandboxError: the component that knows the rules can't be loaded.
    """
    return check_text(text, source, root).findings


def _made(cls: type[_T], table: dict[str, Any] | None) -> _T | None:
    return None if table is None else cls(**table)


def _plain(value: Any, field: str, faults: list[Finding]) -> Any:
    """A value as JSON has it; what has no such form is an error."""
    if is_dataclass(value) and not isinstance(value, type):
        value = {member.name: getattr(value, member.name) for member in fields(value)}
    match value:
        case dict():
            return {
                name: _plain(item, f"{field}.{name}" if field else name, faults)
                for name, item in value.items()
                if item is not None
            }
        case list() | tuple():
            return [_plain(item, f"{field}[{at}]", faults) for at, item in enumerate(value)]
        case str():
            with contextlib.suppress(UnicodeEncodeError):
                value.encode()
                return value
            fault = "holds a lone surrogate, which is no text"
        case int():
            # Numbers that are far too large would be too long as text.
            return value if abs(value) < 2**63 else 2**63
        case _:
            fault = f"is of the type {type(value).__name__}, which no manifest holds"
    faults.append(Finding("error", field, fault))
    return None


def _file_error(path: Path, what: str, error: OSError | ValueError) -> RonManifestError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    reason = reason or type(error).__name__
    return RonManifestError(f"{path} can't be {what}: {reason}", code="manifest_file")


def _refuse_errors(findings: Sequence[Finding]) -> None:
    """Raises if there are errors among them.

    Raises:
        RonManifestError: with the first few errors in its message (code ``invalid_manifest``).
    """
    errors = [finding for finding in findings if finding.severity == "error"]
    if not errors:
        return
    told = [
        ": ".join(filter(None, (error.where or "the manifest", error.field, error.message)))
        for error in errors[:_SHOWN_ERRORS]
    ]
    if len(errors) > _SHOWN_ERRORS:
        told.append(f"and {len(errors) - _SHOWN_ERRORS} more errors")
    raise RonManifestError("; ".join(told), code="invalid_manifest", findings=tuple(findings))
