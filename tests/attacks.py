"""Attacks on where a client goes and on what it sends, and the ways by which they get in."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote_to_bytes

import ada_url

from ron_app_sdk_py import Middleware, Request, RonClient, RonClientSync, RonError

Client = RonClient | RonClientSync
Door = Callable[[Client, str], Any]
"""Has a client use a path: what its method returns, to be carried out by :func:`enter`."""

CONTROLS = [*map(chr, range(0x20)), "\x7f"]
DEPTH = 3
"""How many times over attacks are percent-encoded: as often as a path is decoded, and once more."""


def encoded(text: str, depth: int) -> str:
    """Text, percent-encoded so many times over; its unreserved characters too."""
    if depth:
        text = "".join(f"%{byte:02x}" for byte in text.encode())
    for _ in range(depth - 1):
        text = text.replace("%", "%25")
    return text


def urls_of(authority: str) -> list[str]:
    """Paths that are URLs of another host, or that some parser takes for one."""
    address, _, port = authority.rpartition(":")
    return [
        *(f"{scheme}://{authority}/x" for scheme in ("http", "https", "HTTP", "hTTp", "ws", "ftp")),
        f"http:{authority}",
        f"http:/{authority}/x",
        f"http:///{authority}/x",
        rf"http:\\{authority}\x",
        f"http://user:password@{authority}/x",
        f"http://{authority}@{authority}/x",
        f"http://{authority}#@gateway.example/x",
        f"http://{authority}?@gateway.example/x",
        f"http://loc%61lhost:{port}/x",
        f"http://%31%32%37.0.0.1:{port}/x",
        f"http://0x7f.1:{port}/x",
        f"http://2130706433:{port}/x",
        f"http://017700000001:{port}/x",
        f"http://127.1:{port}/x",
        f"http://[::1]:{port}/x",
        f"http://[::ffff:{address}]:{port}/x",
        f"http://ｌｏｃａｌｈｏｓｔ:{port}/x",
        f"http://１２７.0.0.1:{port}/x",
        f"http://xn--e1afmkfd.example:{port}/x",
        f"http://пример.example:{port}/x",
        f"http://127。0。0。1:{port}/x",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "data:,x",
        f"//{authority}/x",
        f"///{authority}/x",
        f"////{authority}",
        f"//user@{authority}/x",
        f"//localhost:{port}/x",
        f"//%6c%6fcalhost:{port}/x",
        f"//[::1]:{port}/x",
        rf"\\{authority}\x",
        rf"/\{authority}\x",
        rf"\/{authority}/x",
        f"/\t/{authority}/x",
        f"\n//{authority}/x",
        f"\x00//{authority}/x",
        f"/%2f{authority}/x",
        f"%2f%2f{authority}/x",
        f"/%5c{authority}/x",
        f"/%252f{authority}/x",
        f"/.//{authority}/x",
        f"/x/../..//{authority}/x",
        f"/x#//{authority}",
    ]


def steps() -> list[str]:
    """Paths with dot segments, slashes, backslashes, control characters and bytes that are no
    UTF-8, in every encoding and depth."""
    depths = range(DEPTH + 2)
    dots = [encoded(".", depth) for depth in depths]
    dots += [first + second for first, second in itertools.product(dots, dots)]
    around = ["{}", "{}%20", " {}", "{};x", "{}%3bx", "{}%20;x=1", "%20{}%20"]
    found = [f"/{form.format(dot)}/healthz" for dot in dots for form in around]
    found += [f"/x/{dot}" for dot in dots]
    for depth in depths:
        slashes = [encoded(character, depth) for character in "/\\"]
        found += [f"/..{slash}..{slash}ops/metrics" for slash in slashes]
        found += [f"/x{encoded(character, depth)}y" for character in ["\\", *CONTROLS]]
        found += [f"/.{encoded(character, depth)}./healthz" for character in "\t\r\n\0"]
    for depth in depths[1:]:
        found += [f"/x{encoded(character, depth)}y" for character in "/?#"]
        more = "25" * (depth - 1)
        found += [f"/%{more}c0%{more}ae%{more}c0%{more}ae/x", f"/%{more}ff", f"/%{more}c0%{more}af"]
    return found


def harmless(authority: str) -> list[str]:
    """Paths that name another host or a step only to the eye."""
    _, _, port = authority.rpartition(":")
    return [
        f"@{authority}/x",
        f"/@{authority}/x",
        f":{port}/x",
        f"/:{port}",
        f".{authority}/x",
        f"/x/http://{authority}/x",
        f" http://{authority}/x",
        f"/?next=http://{authority}/x",
        f"?//{authority}/x",
        f"/x?a=/../..//{authority}",
        f"/x;//{authority}/x",
        f"/．．/{authority}",
        "/‥/healthz",
        "/x∕y",
        "/...",
        "/..x/x..",
        "/%zz/%",
        "/%7e",
        "/app/app",
        "/apple",
    ]


def gateway_targets(base: str, target: str) -> list[str]:
    """What gateways make of a target of the app plane before they pass it on (``protocol.md`` 1.3):
    the real one decodes its path once and parses the result, others not at all or more often.

    Args:
        base: the URL behind which the app plane begins at their upstream.
        target: the target, which begins with ``/app``.
    """
    path, mark, query = target.removeprefix("/app").partition("?")
    found = []
    for _ in range(DEPTH + 3):
        found.append(ada_url.normalize_url(f"{base}{path}{mark}{query}"))
        path = unquote_to_bytes(path).decode()
    return found


def is_in_plane(target: str) -> bool:
    """Whether a target stays in the app plane, whatever gateway it passes: each of its segments
    stays one and leads nowhere else."""
    path = target.partition("?")[0]
    if path != "/app" and not path.startswith("/app/"):
        return False
    base = "http://omnigate.example:9090/v1/app"
    return all(
        url.startswith(base) and url.partition("?")[0].count("/") == path.count("/") + 3
        for url in gateway_targets(base, target)
    )


class Rerouting(Middleware):
    """Sends each call elsewhere."""

    def __init__(self, path: str) -> None:
        self.path = path

    def before_request(self, request: Request) -> None:
        request.path = self.path


def _rerouted(method: str, **options: Any) -> Door:
    def door(client: Client, path: str) -> Any:
        rerouted = client.with_options()
        rerouted.add_middleware(Rerouting(path))
        return getattr(rerouted, method)("/x", **options)

    return door


ONCE: Any = {"reconnect": False}
"""Options of a stream that ends with its connection."""

APP: dict[str, Door] = {
    "get": lambda client, path: client.get(path),
    "post": lambda client, path: client.post(path, json={"a": 1}),
    "request": lambda client, path: client.request("OPTIONS", path, idem=True),
    "stream": lambda client, path: client.subscribe(path, **ONCE),
    "stream that posts": lambda client, path: client.subscribe(
        path, method="POST", json={}, **ONCE
    ),
    "pages": lambda client, path: client.paginate(path),
    "derived": lambda client, path: client.with_options(timeout=5).get(path),
    "middleware": _rerouted("get"),
    "middleware of a stream": _rerouted("subscribe", **ONCE),
}
"""Ways into the app plane."""

FACET: dict[str, Door] = {
    "facet": lambda client, path: client.facet("users").get(path),
    "facet's stream": lambda client, path: client.facet("users").subscribe(path, **ONCE),
    "facet's pages": lambda client, path: client.facet("users").paginate(path),
}
"""Ways into a facet of it."""

NODE: dict[str, Door] = {
    "node": lambda client, path: client.node.request("GET", path, credential=True),
    "node's stream": lambda client, path: client.node.subscribe(path, credential=True, **ONCE),
    "node's facet": lambda client, path: client.node.facet("users").get(path),
    "node's facet's stream": lambda client, path: client.node.facet("users").subscribe(
        path, **ONCE
    ),
}
"""Ways to what is beside the app plane."""

DOORS = APP | FACET | NODE


async def enter(client: Client, door: Door, path: str) -> None:
    """Has a client use a path, to the end of what comes back."""
    if isinstance(client, RonClientSync):
        await asyncio.to_thread(_enter, client, door, path)
        return
    entered = door(client, path)
    if hasattr(entered, "__aiter__"):
        async for _ in entered:
            pass
    else:
        await entered


async def outcome(client: Client, door: Door, path: str) -> RonError | None:
    """The error in which the use of a path ends, if it does."""
    try:
        await enter(client, door, path)
    except RonError as error:
        return error
    return None


def _enter(client: Client, door: Door, path: str) -> None:
    entered = door(client, path)
    if isinstance(entered, Iterator):
        for _ in entered:
            pass


@asynccontextmanager
async def opened(kind: type[Client], *arguments: Any, **options: Any) -> AsyncIterator[Client]:
    """A new client of either kind, until the block ends."""
    async with closing(kind(*arguments, **options)) as client:
        yield client


@asynccontextmanager
async def closing(client: Client) -> AsyncIterator[Client]:
    """Closes a client when the block ends, the synchronous one on another thread."""
    try:
        yield client
    finally:
        if isinstance(client, RonClientSync):
            await asyncio.to_thread(client.close)
        else:
            await client.close()


def base_urls_of(authority: str, gateway: str) -> list[str]:
    """Base URLs in which one reader sees the gateway and another one a host, or that are an odd
    way to write a host."""
    address, _, port = authority.rpartition(":")
    hosts = [
        "0x7f.1",
        "0X7F.0.0.1",
        "2130706433",
        "017700000001",
        "127.1",
        "127.0.1",
        "127.0.0.01",
        "127.0.0.1.",
        "127.0.0.1..",
        "256.0.0.1",
        "%31%32%37.0.0.1",
        "127%2e0.0.1",
        "loc%61lhost",
        "localhost%00.example",
        "localhost%2e",
        "other%2eexample",
        "localhost\0.example",
        "localhost\r\nX-Evil: 1",
        "local\thost",
        "local\nhost",
        "local host",
        "ｌｏｃａｌｈｏｓｔ",
        "ⓛocalhost",
        "local\xadhost",
        "local\u200bhost",
        "１２７.0.0.1",
        "127。0。0。1",
        "127．0．0．1",
        "пример.example",
        "[0:0:0:0:0:0:0:1]",
        "[0000::1]",
        f"[::ffff:{address}]",
        "[::1%25lo]",
        "[::1%lo]",
        "[::1",
        "::1",
        ".other.example",
        "other..example",
        "",
    ]
    return [
        *(f"http://{host}:{port}" for host in hosts),
        f"http://{gateway}@{authority}",
        f"http://{gateway}@{authority}/app",
        f"http://:@{authority}",
        f"http://@{authority}",
        f"http://{gateway}%40{authority}",
        f"http://{gateway}\\@{authority}",
        f"http://{gateway}/\\@{authority}",
        f"http://{gateway}#@{authority}",
        f"http://{gateway}?@{authority}",
        f"http://{gateway}/..//{authority}",
        f"http://{gateway}/%2e%2e/x",
        f"http://{gateway}\\..\\{authority}",
        f"http://{authority}#",
        f"http://{authority}?",
        f"http:{authority}",
        f"http:/{authority}",
        f"http:///{authority}",
        f"http:\\\\{authority}",
        f"http:/\\{authority}",
        f"//{authority}",
        authority,
        f"//{gateway}//{authority}",
        f" http://{authority}",
        f"http://{authority} ",
        f"http://{authority}\n",
        f"\x01http://{authority}",
        f"ht\ttp://{authority}",
        f"http：//{authority}",
        f"http://{authority}:80",
        f"http://{address}:0{port}",
        f"http://{address}:+{port}",
        f"http://{address}:{int(port) + 65_536}",
        f"http://{address}:{port}x",
        f"http://{address}:１",
        f"ftp://{authority}",
        f"ws://{authority}",
        f"gopher://{authority}",
        f"unix://{authority}",
        f"http+unix://{authority}",
        "file:///etc/passwd",
        f"javascript://{authority}",
    ]


def plain_base_urls_of(port: int) -> list[str]:
    """Base URLs of plain http whose hosts may be this machine, but not as they are written."""
    hosts = [
        "other.example",
        "localhost.",
        "localhost.other.example",
        "127.0.0.1.other.example",
        "0.0.0.0",
        "[::]",
        "[::ffff:7f00:1]",
        "ip6-localhost",
    ]
    return [f"http://{host}:{port}" for host in hosts]
