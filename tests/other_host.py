"""The other host: where every attack wants a client to go, and nothing ever may."""

from __future__ import annotations

import contextlib
import functools
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

ADDRESSES = ("127.0.0.1", "::1")
NAME = "other.example"
"""A name of it, while names lead there."""

_LIMIT = 30.0
"""Seconds until a listener that does not listen is given up."""

_KNOCK = b"knock"


class OtherHost:
    """Listens on loopback and counts what it hears. It answers nothing.

    Attributes:
        port: where it listens, at every one of :data:`ADDRESSES`.
        attacks: how many tests have tried to lead a client to it.
    """

    def __init__(self) -> None:
        self.attacks = 0
        self._heard: dict[Any, bytes] = {}
        self._changed = threading.Condition()
        self._selector = selectors.DefaultSelector()
        self._listeners = _listeners()
        self.port: int = self._listeners[0].getsockname()[1]
        self._waker, waked = socket.socketpair()
        self._selector.register(waked, selectors.EVENT_READ)
        for listener in self._listeners:
            self._selector.register(listener, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    @property
    def authority(self) -> str:
        """Its address and port."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Its plain http URL."""
        return f"http://{self.authority}"

    def heard(self) -> list[bytes]:
        """What came on each connection so far.

        Raises:
            AssertionError: it does not listen, so that what it has not heard proves nothing.
        """
        own = set()
        for address in ADDRESSES:
            # Connections are accepted in their order: before this one comes whatever was there.
            with socket.create_connection((address, self.port), _LIMIT) as knocking:
                name = knocking.getsockname()
                knocking.sendall(_KNOCK)
                own.add(name)
                with self._changed:
                    is_heard = self._changed.wait_for(
                        functools.partial(self._has, name, _KNOCK), _LIMIT
                    )
            assert is_heard, "the other host does not listen"
        with self._changed:
            for name in own:
                del self._heard[name]
            return [*self._heard.values()]

    def close(self) -> None:
        """Stops listening."""
        self._waker.close()
        self._thread.join(_LIMIT)
        for key in [*self._selector.get_map().values()]:
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        self._selector.close()

    def _has(self, name: Any, content: bytes) -> bool:
        return self._heard.get(name) == content

    def _listen(self) -> None:
        while True:
            for key, _ in self._selector.select():
                sock = key.fileobj
                assert isinstance(sock, socket.socket)
                if sock in self._listeners:
                    connection, name = sock.accept()
                    with self._changed:
                        self._heard[name] = b""
                    self._selector.register(connection, selectors.EVENT_READ, name)
                elif key.data is None:
                    return
                else:
                    self._take(sock, key.data)

    def _take(self, connection: socket.socket, name: Any) -> None:
        content = b""
        with contextlib.suppress(ConnectionError):
            content = connection.recv(65_536)
        if not content:
            self._selector.unregister(connection)
            connection.close()
            return
        with self._changed:
            self._heard[name] = self._heard.get(name, b"") + content
            self._changed.notify_all()


def _listeners() -> list[socket.socket]:
    """One for each address, at one port."""
    while True:
        first = socket.create_server((ADDRESSES[0], 0))
        port = first.getsockname()[1]
        try:
            second = socket.create_server((ADDRESSES[1], port), family=socket.AF_INET6)
        except OSError:
            first.close()
            continue
        return [first, second]


@contextmanager
def names_lead_here() -> Iterator[None]:
    """Has every name resolve to this machine, so that whoever asks for one reaches a listener."""
    look_up = socket.getaddrinfo

    def look_up_here(host: Any, *arguments: Any, **options: Any) -> Any:
        is_name = isinstance(host, str) and not _is_address(host)
        return look_up("127.0.0.1" if is_name else host, *arguments, **options)

    socket.getaddrinfo = look_up_here
    try:
        yield
    finally:
        socket.getaddrinfo = look_up


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()
