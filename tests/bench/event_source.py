"""A server of event streams that is no bottleneck: ``python -m bench.event_source``.

It sends what it has made beforehand, as fast as it is taken, to one reader at a time, and answers
its first line with its port. The request's path ends in the size of a chunk.
"""

from __future__ import annotations

import json
import socket
import sys
import threading

EVENT_BYTES = 200
_HEAD = b"id: 12345\ndata: "
EVENT = _HEAD + b"x" * (EVENT_BYTES - len(_HEAD) - 2) + b"\n\n"
"""An event with an id and a line of data."""

_BLOCK_BYTES = 512 * 1024
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def main() -> None:
    """Serves until the process is ended."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve, args=(server,), daemon=True).start()
        for _ in sys.stdin:
            print(json.dumps(server.getsockname()[1]), flush=True)


def _serve(server: socket.socket) -> None:
    while True:
        connection, _ = server.accept()
        with connection:
            request = connection.recv(65536)
            path = request.split(b" ", 2)[1]
            block = _block(int(path.rpartition(b"/")[2]))
            try:
                connection.sendall(_ANSWER)
                while True:
                    connection.sendall(block)
            except OSError:
                # The reader has enough.
                pass


def _block(chunk_bytes: int) -> bytes:
    """Many chunks, each of whole events."""
    content = EVENT * max(1, chunk_bytes // EVENT_BYTES)
    chunk = b"%x\r\n%s\r\n" % (len(content), content)
    return chunk * max(1, _BLOCK_BYTES // len(chunk))


if __name__ == "__main__":
    main()
