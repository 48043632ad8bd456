"""The process that a lying component runs in, in place of ours, over the real calls and transports.

    python -m hostile.lying NAME NODE

has it lie to a call and to a stream, over each transport, while another origin listens; then calls
the real component, and prints what came of it.
"""

from __future__ import annotations

import io
import json
import logging
import socket
import sys
import threading
from typing import Any
from unittest import mock

import guests
from hostile.lies import ALL, CONTENT, ENDED, Kind, Lie, filled
from ron_app_sdk_py import ClientConfig, RonClientSync, RonError
from ron_app_sdk_py.engine import guest as engine
from ron_app_sdk_py.engine.runtime import Runtime

TOKEN = "a-token-that-nobody-may-see"
TIMEOUT = 1.0
"""Seconds for a call that the component does not end."""


class Listener:
    """Another origin, which counts what reaches it.

    Attributes:
        host: where it listens.
        connections: how many were made.
        received: how many bytes came.
    """

    def __init__(self) -> None:
        self.connections = 0
        self.received = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with connection:
                self.connections += 1
                self.received += len(connection.recv(65536))


def liar(lie: Lie) -> Runtime:
    """The component."""
    text = guests.text(
        {"open": guests.OPENED, "cancel": guests.NOTHING, "close": guests.NOTHING},
        answers={"begin": guests.message(*lie.begin), "feed": guests.message(*lie.feed)},
    )
    return guests.compiled(text)


def told(client: RonClientSync, lie: Lie, kind: Kind) -> dict[str, Any]:
    """What a call or a stream comes to."""
    try:
        if kind == "stream":
            with client.subscribe("/x") as events:
                for _ in events:
                    pass
        else:
            method, content = ("POST", CONTENT) if lie.posts else ("GET", None)
            client.request(method, "/x", content=content)
    except RonError as error:
        message = "\n".join([str(error), *getattr(error, "__notes__", [])])
        return {"error": type(error).__name__, "code": error.code, "message": message}
    return {"error": ENDED}


def main(name: str, node: str) -> None:
    """Tells one of the lies."""
    log = io.StringIO()
    logging.basicConfig(level=logging.DEBUG, stream=log)
    other = Listener()
    replacements = {
        "{node}": node,
        "{node_rest}": node.removeprefix("http"),
        "{secure_node}": node.replace("http:", "https:"),
        "{other}": f"http://{other.host}",
        "{other_host}": other.host,
        "{token}": TOKEN,
    }

    def fill(text: str) -> str:
        for placeholder, value in replacements.items():
            text = text.replace(placeholder, value)
        return text

    lie = filled(ALL[name], fill)
    hostile = liar(lie)
    outcomes = []
    for transport in ("aiohttp", "httpx2"):
        for kind in lie.kinds:
            credential = {"token_provider": lambda: TOKEN} if lie.provides else {"token": TOKEN}
            config = ClientConfig(base_url=node, timeout=TIMEOUT, **credential)
            with (
                mock.patch.object(engine, "shared", return_value=hostile),
                RonClientSync(config=config, transport=transport) as client,
            ):
                outcomes.append({"by": f"{transport} {kind}", **told(client, lie, kind)})
    with RonClientSync(node, token=TOKEN) as real:
        after = real.get("/hello")["ok"]
    print(
        json.dumps(
            {
                "outcomes": outcomes,
                "after": after,
                "connections": other.connections,
                "received": other.received,
                "log": log.getvalue()[-20_000:],
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
