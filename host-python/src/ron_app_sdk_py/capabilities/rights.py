"""What a narrowed client may do. Both the last check before the socket and
:meth:`Capability.permits` ask here; the component has rules of its own for the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote

from ..defaults import PATH_DECODE_ROUNDS

_STANDARD_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class Rights:
    """Rights that are left. None means that nothing narrows them.

    Attributes:
        expires_at_ns: when they end, in nanoseconds since 1970.
        methods: the methods that are left.
        path_prefixes: what paths are inside of, each as the caller wrote it.
        max_bytes: the largest content of a request in bytes.
    """

    expires_at_ns: int | None = None
    methods: tuple[str, ...] | None = None
    path_prefixes: tuple[str, ...] = ()
    max_bytes: int | None = None

    def narrowed(self, other: Rights) -> Self:
        """What both leave."""
        methods = self.methods if other.methods is None else other.methods
        if self.methods is not None and other.methods is not None:
            methods = tuple(method for method in self.methods if method in other.methods)
        prefixes = tuple(dict.fromkeys((*self.path_prefixes, *other.path_prefixes)))
        return type(self)(
            _least(self.expires_at_ns, other.expires_at_ns),
            methods,
            prefixes,
            _least(self.max_bytes, other.max_bytes),
        )

    def have_ended(self, now_ns: int) -> bool:
        """Whether their time is over.

        Args:
            now_ns: the wall clock in nanoseconds since 1970.
        """
        return self.expires_at_ns is not None and now_ns >= self.expires_at_ns

    def denial(self, method: str, path: str, length: int, *, node: bool = False) -> str | None:
        """Why a request is not permitted, whatever the time: the code of a
        :class:`RonCapabilityError`, or None.

        Args:
            method: its method, as it is sent.
            path: its path as it is sent, without the query and what a base URL has in front.
            length: the size of its content in bytes.
            node: whether it is a call beside the app plane.
        """
        if self.methods is not None and method not in self.methods:
            return "method_not_allowed"
        if self.path_prefixes and (node or not _inside(path, self.path_prefixes)):
            return "path_not_allowed"
        if self.max_bytes is not None and length > self.max_bytes:
            return "bytes_exceed"
        return None


def sent_method(given: str) -> str:
    """A method as it is sent: the standard ones in upper case, others as given (Fetch standard)."""
    upper = given.upper()
    return upper if upper in _STANDARD_METHODS else given


def app_path(written: str) -> str:
    """A path of the app plane as a caller writes it, ``/app`` in front and without the query."""
    path = written.partition("?")[0]
    if path == "/app" or path.startswith("/app/"):
        return path
    return "/app/" + path.removeprefix("/")


def prefix_segments(written: str) -> tuple[str, ...] | None:
    """The decoded segments of a path prefix as a caller writes it, without empty ones at the end;
    None if it has dot segments, is no UTF-8 or is encoded over and over."""
    return _decoded(app_path(written).rstrip("/"))


def _inside(path: str, prefixes: Iterable[str]) -> bool:
    segments = _decoded(path)
    if segments is None:
        return False
    return all(
        begin is not None and segments[: len(begin)] == begin
        for begin in map(prefix_segments, prefixes)
    )


def _decoded(path: str) -> tuple[str, ...] | None:
    # The gateway decodes twice (`protocol.md` 1.3), and what is behind it may do so again.
    for _ in range(PATH_DECODE_ROUNDS + 1):
        segments = path.split("/")
        if any(segment.partition(";")[0].strip(" ") in (".", "..") for segment in segments):
            return None
        try:
            decoded = unquote(path, errors="strict")
        except UnicodeDecodeError:
            return None
        if decoded == path:
            return tuple(segments[1:])
        path = decoded
    return None


def _least(one: int | None, other: int | None) -> int | None:
    return min((number for number in (one, other) if number is not None), default=None)
