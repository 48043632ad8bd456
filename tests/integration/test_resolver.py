"""Names are looked up where a resolver that hangs holds nobody up."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from processes import run_python
from ron_app_sdk_py import ClientConfig, RonClient, RonConnectError, RonDnsError, RonTimeoutError
from ron_app_sdk_py.defaults import MAX_LOOKUPS
from ron_app_sdk_py.transport import resolver
from ron_app_sdk_py.transport.resolver import LookupsHangError, Resolver
from servers import unused_port

LIMIT = 30
THREAD = "ron-app-sdk-py-lookup"


@contextmanager
def hanging_aliases(folder: Path) -> Iterator[dict[str, str]]:
    """An environment in which a lookup of a name without a dot hangs in the C library: the file of
    aliases, which it reads first, is a pipe into which nobody writes."""
    pipe = folder / "aliases"
    os.mkfifo(pipe)
    yield {"HOSTALIASES": str(pipe)}


HANGING = """
    import asyncio, sys, time
    from ron_app_sdk_py import ClientConfig, RonClient, RonClientSync, RonTimeoutError

    transport, kind = sys.argv[1:]
    config = ClientConfig(base_url="https://gateway", connect_timeout=0.3, retries=0)

    def told(started, error):
        print(error.phase, 0.29 < time.monotonic() - started < 10)

    async def call():
        async with RonClient(config=config, transport=transport) as client:
            started = time.monotonic()
            try:
                await client.get("/x")
            except RonTimeoutError as error:
                told(started, error)

    if kind == "async":
        asyncio.run(call())
    else:
        with RonClientSync(config=config, transport=transport) as client:
            started = time.monotonic()
            try:
                client.get("/x")
            except RonTimeoutError as error:
                told(started, error)
    print("over")
"""


@pytest.mark.linux
@pytest.mark.parametrize("kind", ["async", "sync"])
def test_neither_the_loop_nor_the_process_waits_for_a_lookup_that_hangs(
    transport: str, kind: str, tmp_path: Path
) -> None:
    with hanging_aliases(tmp_path) as environ:
        done = run_python(HANGING, transport, kind, environ=environ)
    assert (done.returncode, done.stdout, done.stderr) == (0, "connect True\nover\n", "")


@pytest.mark.parametrize(
    ("way", "outcomes"),
    [
        ("threading.Thread(target=late).start()", {"True\n"}),
        # From Python 3.12 on, no thread starts there any more.
        ("atexit.register(late)", {"True\n", "RonDnsError\n"}),
    ],
)
def test_names_are_looked_up_after_the_end_of_the_main_thread(
    node: str, transport: str, way: str, outcomes: set[str]
) -> None:
    done = run_python(
        f"""
        import atexit, sys, threading
        from ron_app_sdk_py import RonClientSync, RonError

        def late():
            if threading.current_thread() is not threading.main_thread():
                threading.main_thread().join()
            try:
                print(client.get("/hello")["ok"], flush=True)
            except RonError as error:
                print(type(error).__name__, flush=True)

        client = RonClientSync(sys.argv[1], transport=sys.argv[2])
        {way}
        """,
        node.replace("127.0.0.1", "localhost"),
        transport,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout in outcomes


class Lookups:
    """Stands in for ``getaddrinfo``: names that begin with ``slow`` take as long as one lets them,
    the others are at once 127.0.0.1."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.begun = threading.Semaphore(0)
        self.answer = threading.Event()

    def __call__(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked.append(host)
        if host.startswith("slow"):
            self.begun.release()
            assert self.answer.wait(LIMIT)
        if host.startswith("unknown"):
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


@pytest.fixture
def lookups(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lookups]:
    given = Lookups()
    monkeypatch.setattr(socket, "getaddrinfo", given)
    yield given
    given.answer.set()
    for thread in threading.enumerate():
        if thread.name == THREAD:
            thread.join(LIMIT)


def lookup_threads() -> int:
    return sum(thread.name == THREAD for thread in threading.enumerate())


async def begun(lookups: Lookups, count: int) -> None:
    for _ in range(count):
        assert await asyncio.to_thread(lookups.begun.acquire, timeout=LIMIT)


async def test_lookups_of_the_same_name_are_shared(lookups: Lookups) -> None:
    names = Resolver()
    tasks = [asyncio.create_task(names.addresses("slow", 80)) for _ in range(50)]
    await begun(lookups, 1)
    lookups.answer.set()
    answers = await asyncio.wait_for(asyncio.gather(*tasks), LIMIT)
    assert lookups.asked == ["slow"]
    assert {address[4] for (address,) in answers} == {("127.0.0.1", 80)}


async def test_who_gives_up_takes_the_lookup_from_nobody(lookups: Lookups) -> None:
    names = Resolver()
    first, second = (asyncio.create_task(names.addresses("slow", 80)) for _ in range(2))
    await begun(lookups, 1)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert not second.done()
    third = asyncio.create_task(names.addresses("slow", 80))
    await asyncio.sleep(0)
    lookups.answer.set()
    await asyncio.wait_for(asyncio.gather(second, third), LIMIT)
    assert lookups.asked == ["slow"]


async def test_a_lookup_that_hangs_holds_up_no_other_name(lookups: Lookups) -> None:
    names = Resolver()
    slow = asyncio.create_task(names.addresses("slow", 80))
    await begun(lookups, 1)
    assert await asyncio.wait_for(names.addresses("quick", 80), LIMIT)
    with pytest.raises(socket.gaierror):
        await asyncio.wait_for(names.addresses("unknown", 80), LIMIT)
    assert not slow.done()
    slow.cancel()


async def test_a_name_is_asked_for_anew_when_its_lookup_takes_long(
    lookups: Lookups, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver, "LOOKUP_SHARED_SECONDS", -1.0)
    names = Resolver()
    first = asyncio.create_task(names.addresses("slow", 80))
    await begun(lookups, 1)
    second = asyncio.create_task(names.addresses("slow", 80))
    await begun(lookups, 1)
    # Whichever ends first answers all.
    lookups.answer.set()
    await asyncio.wait_for(asyncio.gather(first, second), LIMIT)
    assert lookups.asked == ["slow", "slow"]


async def test_threads_are_bounded_and_what_finds_no_place_says_why(lookups: Lookups) -> None:
    names = Resolver()
    hanging = [asyncio.create_task(names.addresses(f"slow{n}", 80)) for n in range(MAX_LOOKUPS)]
    await begun(lookups, MAX_LOOKUPS)
    assert lookup_threads() == MAX_LOOKUPS
    for _ in range(2):
        with pytest.raises(LookupsHangError, match=f"{MAX_LOOKUPS} lookups hang"):
            await names.addresses("quick", 80)
    joined = asyncio.create_task(names.addresses("slow0", 80))
    await asyncio.sleep(0)
    assert lookup_threads() == MAX_LOOKUPS
    lookups.answer.set()
    await asyncio.wait_for(asyncio.gather(joined, *hanging), LIMIT)
    assert await asyncio.wait_for(names.addresses("quick", 80), LIMIT)


async def test_a_name_that_has_hung_too_often_is_an_error_that_says_so(
    transport: str, lookups: Lookups, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver, "LOOKUP_SHARED_SECONDS", -1.0)
    config = ClientConfig(base_url="https://slow.example", connect_timeout=0.05, retries=0)
    async with RonClient(config=config, transport=transport) as client:
        for _ in range(MAX_LOOKUPS):
            with pytest.raises(RonTimeoutError):
                await client.get("/x")
        with pytest.raises(RonDnsError) as caught:
            await client.get("/x")
        assert caught.value.reason == "lookups_hang"
        assert f"{MAX_LOOKUPS} lookups hang" in caught.value.__notes__[0]
        assert lookup_threads() == MAX_LOOKUPS


def test_an_answer_for_a_loop_that_has_ended_is_dropped(lookups: Lookups) -> None:
    async def give_up() -> None:
        task = asyncio.create_task(Resolver().addresses("slow", 80))
        await begun(lookups, 1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(give_up())
    assert lookup_threads() == 1
    lookups.answer.set()
    for thread in threading.enumerate():
        if thread.name == THREAD:
            thread.join(LIMIT)
            # Had it raised, pytest would tell.
            assert not thread.is_alive()


async def test_a_name_that_can_not_be_encoded_does_not_resolve() -> None:
    with pytest.raises(OSError, match="can't be encoded"):
        await Resolver().addresses("x" * 64 + ".example", 80)


async def test_a_process_without_threads_to_spare_is_told(
    transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async with RonClient("https://gw.example", transport=transport) as client:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", start)
            with pytest.raises(RonDnsError):
                await client.get("/x")


@pytest.mark.parametrize("addresses", [["203.0.113.7"], ["203.0.113.7", "127.0.0.1"]])
async def test_localhost_is_this_machine_whatever_the_resolver_says(
    transport: str, addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolve(_host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    async with RonClient(f"http://localhost:{unused_port()}", transport=transport) as client:
        with pytest.raises(RonConnectError if "127.0.0.1" in addresses else RonDnsError):
            await client.get("/x")


async def test_all_addresses_of_a_name_are_tried_the_zone_of_an_address_included(
    transport: str, node: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def resolve(_host: str, port: int, **_: Any) -> list[Any]:
        v6 = [("::1", port, 0, 0), ("fe80::1", port, 0, 1)]
        return [
            *((socket.AF_INET6, socket.SOCK_STREAM, 6, "", address) for address in v6),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
        ]

    real = asyncio.get_running_loop().sock_connect

    async def connect(sock: socket.socket, address: Any) -> None:
        asked.append(address[0])
        await real(sock, address)

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", connect)
    config = ClientConfig(
        base_url=node.replace("127.0.0.1", "gateway.example"), allow_insecure_http=True
    )
    async with RonClient(config=config, transport=transport) as client:
        with monkeypatch.context() as patch:
            patch.setattr(socket, "getaddrinfo", resolve)
            assert (await client.get("/hello"))["ok"]
    assert {"::1", "127.0.0.1"} <= set(asked)
