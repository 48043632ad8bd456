"""Closing a client leaves no credential, neither in what can be reached from it nor in the memory
of the component."""

from __future__ import annotations

import asyncio
import gc
import secrets
import types
from collections.abc import Iterator
from typing import Any

import pytest

from gates import LIMIT, Gate
from processes import run_python
from ron_app_sdk_py import (
    AccessToken,
    ClientConfig,
    RonClient,
    RonClientSync,
    RonClosedError,
    Secret,
)
from ron_app_sdk_py.defaults import GUEST_MEMORIES
from servers import on_a_thread, raw_server

_NOT_FOLLOWED = (types.ModuleType, type, types.CodeType, types.FrameType)


def reachable(start: object) -> Iterator[object]:
    """Everything that an object holds, directly or not, but for modules and classes."""
    seen: dict[int, object] = {}
    queue: list[object] = [start]
    while queue:
        found = queue.pop()
        is_module = isinstance(found, dict) and "__builtins__" in found
        if id(found) in seen or is_module or isinstance(found, _NOT_FOLLOWED):
            continue
        seen[id(found)] = found
        yield found
        queue += gc.get_referents(found)


def holders(start: object, texts: tuple[str, ...]) -> list[str]:
    """What holds one of the texts, of what can be reached."""
    found = []
    for thing in reachable(start):
        if isinstance(thing, str):
            content = thing
        elif isinstance(thing, bytes | bytearray):
            content = thing.decode("latin-1")
        elif isinstance(thing, Secret):
            content = bytes(thing._content or b"").decode("latin-1")
        else:
            continue
        if any(text in content for text in texts):
            found.append(type(thing).__name__)
    return found


def drawn() -> str:
    """A secret that no constant of this file holds."""
    return secrets.token_hex(16)


def configured(url: str, kind: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The arguments of a client with this kind of credential, and the texts of its secrets."""
    credential, passport = drawn(), drawn()

    def provided() -> AccessToken:
        return AccessToken(credential, expires_in=3600)

    given = provided if kind == "token_provider" else credential
    config = ClientConfig(base_url=url, passport=passport, timeout=LIMIT)
    return {"config": config, kind: given}, (credential, passport)


KINDS = ["token", "macaroon", "token_provider"]


@pytest.mark.parametrize("kind", KINDS)
async def test_nothing_that_can_be_reached_from_a_closed_client_holds_a_secret(
    kind: str, transport: str
) -> None:
    gate = Gate()
    async with raw_server(gate) as url:
        fields, texts = configured(url, kind)
        client = RonClient(**fields, transport=transport)
        admin = drawn()
        plane = client.node.admin(token=admin)
        derived = client.with_options(timeout=5)
        for caller in (client, derived):
            await caller.get("/x")
        texts += (admin,)
        assert holders(client, texts) != []
        assert client._redactor.scrub(texts[0]) == "[redacted]"
        await client.close()
        gate.willing.clear()
    del fields, plane
    gc.collect()
    assert holders(client, texts) == []
    assert client._redactor.scrub(" ".join(texts)) == " ".join(texts)


@pytest.mark.parametrize("kind", KINDS)
def test_nor_from_a_synchronous_one(kind: str) -> None:
    with on_a_thread(Gate()) as url:
        fields, texts = configured(url, kind)
        client = RonClientSync(**fields)
        client.get("/x")
        assert holders(client, texts) != []
        client.close()
    del fields
    gc.collect()
    assert holders(client, texts) == []


async def test_secrets_are_taken_out_of_texts_as_long_as_a_call_is_under_way() -> None:
    """A call that closing has ended tells of itself afterwards."""
    token, gate = drawn(), Gate()
    gate.willing.clear()
    async with raw_server(gate) as url:
        client = RonClient(url, token=token, timeout=LIMIT)
        call = asyncio.create_task(client.get("/x"))
        while not gate.seen:
            await asyncio.sleep(0.001)
        # Without a turn of the loop, so that the call has not heard of it.
        client._end()
        assert client._redactor.scrub(token) == "[redacted]"
        with pytest.raises(RonClosedError):
            await call
        assert client._redactor.scrub(token) == token
        await client.close()


async def test_the_admin_token_is_forgotten_with_its_plane_and_no_other() -> None:
    token, admin = drawn(), drawn()
    async with raw_server(Gate()) as url, RonClient(url, token=token) as client:
        plane = client.node.admin(token=admin)
        assert client._redactor.scrub(f"{token} {admin}") == "[redacted] [redacted]"
        del plane
        gc.collect()
        await client.get("/x")
        assert client._redactor.scrub(f"{token} {admin}") == f"[redacted] {admin}"


async def test_the_proxys_password_goes_too() -> None:
    user, password = drawn(), drawn()
    texts = (user, password)
    config = ClientConfig(
        base_url="http://127.0.0.1:1", proxy=f"http://{user}:{password}@127.0.0.1"
    )
    client = RonClient(config=config)
    del config
    assert holders(client, texts) != []
    await client.close()
    gc.collect()
    assert holders(client, texts) == []


@pytest.mark.linux
def test_the_memory_of_the_component_of_a_closed_client_holds_no_secret() -> None:
    """wasmtime maps a memory as an image of its data and the rest behind it. They hold the secrets
    until then, so that the test would find them."""
    done = run_python(
        """
        import secrets
        from gates import Gate
        from ron_app_sdk_py import AccessToken, RonClientSync
        from servers import on_a_thread

        def memories():
            runs, end = [], ""
            with open("/proc/self/maps") as maps:
                for line in maps:
                    bounds, mode, *_ = line.split()
                    start, stop = bounds.split("-")
                    if not mode.startswith("rw"):
                        continue
                    if "wasm-memory-image" in line:
                        runs.append([start, stop])
                        end = stop
                    elif start == end:
                        runs[-1][1] = end = stop
            with open("/proc/self/mem", "rb") as memory:
                for start, stop in runs:
                    memory.seek(int(start, 16))
                    yield memory.read(int(stop, 16) - int(start, 16))

        def held(texts):
            pieces = {text[at : at + 12].encode() for text in texts for at in (0, 10, 20)}
            return sum(piece in memory for memory in memories() for piece in pieces)

        drawn = [secrets.token_hex(16) for _ in range(6)]
        token, macaroon, passport, admin, *provided = drawn
        tokens = iter(provided)
        kinds = [
            {"token": token},
            {"macaroon": macaroon},
            {"token_provider": lambda: AccessToken(next(tokens), expires_in=60)},
        ]
        gate = Gate({f"Bearer {provided[1]}", f"Macro {macaroon}", f"Bearer {token}"}, "Macro")
        with on_a_thread(gate) as url:
            clients = [RonClientSync(url, passport=passport, **kind) for kind in kinds]
            for client in clients:
                client.get("/x")
                client.with_options(timeout=5).post("/x", json={})
            clients[0].node.admin(token=admin)
            before = held(drawn)
            for client in clients:
                client.close()
        print(len([*memories()]) // len(clients), before, held(drawn))
        """
    )
    assert (done.returncode, done.stderr) == (0, "")
    memories, before, after = map(int, done.stdout.split())
    assert memories == GUEST_MEMORIES
    assert before >= 7
    assert after == 0
