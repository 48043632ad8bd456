"""HTTP without a client's help: the target and the fields go out as they are given."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

LIMIT = 30.0
"""Seconds that a server may be silent."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    fields: list[tuple[str, str]]
    """Names in lower case."""
    body: bytes

    def field(self, name: str) -> str | None:
        """The value of the only field of this name, or None."""
        values = [value for given, value in self.fields if given == name]
        assert len(values) < 2, self.fields
        return values[0] if values else None

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def exchange(
    url: str,
    method: str,
    target: str,
    fields: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    *,
    chunked: bool = False,
    host: str | None = None,
) -> Answer:
    """Sends one request on a connection of its own; interim answers are passed over.

    Args:
        url: the server.
        method: what stands before the target.
        target: goes out as it is.
        fields: go out after ``Host``; those that frame the body are added.
        body: the content.
        chunked: whether to send it as one chunk, without a length.
        host: the value of ``Host``; by default the server's address.
    """
    head = [("Host", host or urlsplit(url).netloc), *fields]
    if chunked:
        head.append(("Transfer-Encoding", "chunked"))
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    elif body:
        head.append(("Content-Length", str(len(body))))
    lines = "".join(f"{name}: {value}\r\n" for name, value in head).encode()
    with connection(url) as sock:
        sock.sendall(b"%s %s HTTP/1.1\r\n%s\r\n" % (method.encode(), target.encode(), lines))
        # A server may answer and close before it has taken everything.
        with contextlib.suppress(ConnectionError):
            sock.sendall(body)
        response = http.client.HTTPResponse(sock, method=method)
        try:
            response.begin()
            answer = [(name.lower(), value) for name, value in response.getheaders()]
            return Answer(response.status, answer, response.read())
        finally:
            response.close()


def connection(url: str) -> socket.socket:
    """A connection to the server of a URL."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    port = parts.port or (443 if parts.scheme == "https" else 80)
    sock = socket.create_connection((parts.hostname, port), timeout=LIMIT)
    if parts.scheme == "https":
        return ssl.create_default_context().wrap_socket(sock, server_hostname=parts.hostname)
    return sock
