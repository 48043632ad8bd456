"""Token providers: asked when a token is needed, by one call for all, and never trusted."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import gc
import itertools
import os
import signal
import threading
import time
import traceback
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from gates import LIMIT, Gate
from processes import run_python
from ron_app_sdk_py import (
    AccessToken,
    ClientConfig,
    RonAuthError,
    RonClient,
    RonClientSync,
    RonClosedError,
    RonCredentialError,
    RonError,
    RonRequestError,
    RonSandboxError,
    RonSecurityWarning,
    RonTimeoutError,
    Secret,
)
from ron_app_sdk_py.calls import credentials
from ron_app_sdk_py.credentials import Provided
from ron_app_sdk_py.defaults import MAX_PROVIDER_THREADS
from servers import TOKEN, on_a_thread, raw_server, read_request, reply
from shown import texts_of
from stream_servers import event, serving, serving_on_a_thread, stream

SECRET = "hidden-0123456789"


class Provider:
    """Gives what it is told to, one after another and the last one for ever, and counts.

    Args:
        given: tokens; exceptions are raised.
        released: what it waits for before it answers.
    """

    def __init__(self, *given: Provided | BaseException) -> None:
        self.asked = 0
        self.most_at_once = 0
        self.released = threading.Event()
        self.released.set()
        self._given = itertools.chain(given, itertools.repeat(given[-1]))
        self._at_once = 0

    def __call__(self) -> Provided:
        self._begin()
        assert self.released.wait(LIMIT)
        return self._end()

    async def asynchronous(self) -> Provided:
        self._begin()
        while not self.released.is_set():
            await asyncio.sleep(0.001)
        return self._end()

    def _begin(self) -> None:
        self.asked += 1
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)

    def _end(self) -> Provided:
        self._at_once -= 1
        given = next(self._given)
        if isinstance(given, BaseException):
            raise given
        return given


Way = Callable[[Provider], Callable[[], Provided | Awaitable[Provided]]]
WAYS: dict[str, Way] = {
    "plain": lambda provider: provider,
    "async": lambda provider: provider.asynchronous,
    "partial": lambda provider: functools.partial(provider.asynchronous),
    "lambda": lambda provider: lambda: provider.asynchronous(),
}


@pytest.fixture(params=["plain", "async"])
def way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]


def bearers(gate: Gate) -> list[str]:
    return [str(credential).removeprefix("Bearer ") for credential in gate.credentials]


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(LIMIT):
        while not condition():
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("name", WAYS)
async def test_a_provider_is_asked_once_for_a_hundred_calls_at_once(
    transport: str, name: str
) -> None:
    gate, provider = Gate(), Provider(TOKEN)
    provider.released.clear()
    async with (
        raw_server(gate) as url,
        RonClient(url, token_provider=WAYS[name](provider), transport=transport) as client,
    ):
        derived = client.with_options(timeout=LIMIT)
        calls = [
            asyncio.create_task((client, derived)[n % 2].get("/x", timeout=LIMIT))
            for n in range(100)
        ]
        await until(lambda: provider.asked)
        await asyncio.sleep(0)
        assert gate.seen == []
        provider.released.set()
        await asyncio.gather(*calls)
    assert provider.asked == 1
    assert bearers(gate) == [TOKEN] * 100


@pytest.mark.parametrize("name", WAYS)
def test_threads_that_call_at_once_ask_once(name: str) -> None:
    gate, provider = Gate(), Provider(TOKEN)
    provider.released.clear()
    outcomes: list[Any] = []
    with (
        on_a_thread(gate) as url,
        RonClientSync(url, token_provider=WAYS[name](provider), timeout=LIMIT) as client,
    ):
        threads = [
            threading.Thread(target=lambda: outcomes.append(client.get("/x"))) for _ in range(20)
        ]
        for thread in threads:
            thread.start()
        while len(client._calls._in_flight) < 20:
            pass
        provider.released.set()
        for thread in threads:
            thread.join(LIMIT)
    assert outcomes == [{"ok": True}] * 20
    assert provider.asked == 1


async def test_a_token_is_used_until_its_time_is_over(way: Way) -> None:
    given = [
        AccessToken(f"first-{TOKEN}", expires_in=3600),
        AccessToken(f"second-{TOKEN}", expires_at=datetime.now(UTC) + timedelta(hours=1)),
    ]
    for token in given:
        gate, provider = Gate(), Provider(token)
        async with (
            raw_server(gate) as url,
            RonClient(url, token_provider=way(provider)) as client,
        ):
            for _ in range(3):
                await client.get("/x")
        assert provider.asked == 1
    short = AccessToken(f"first-{TOKEN}", expires_in=0.01)
    gate, provider = Gate(), Provider(short, f"second-{TOKEN}")
    async with raw_server(gate) as url, RonClient(url, token_provider=way(provider)) as client:
        await client.get("/x")
        # No call is under way when it expires.
        await asyncio.sleep(0.02)
        await client.get("/x")
        await client.get("/x")
    assert provider.asked == 2
    assert bearers(gate) == [f"first-{TOKEN}", f"second-{TOKEN}", f"second-{TOKEN}"]


async def test_rotation_touches_later_attempts_only(way: Way) -> None:
    gate = Gate()
    provider = Provider(AccessToken(f"first-{TOKEN}", expires_in=0.01), f"second-{TOKEN}")
    async with raw_server(gate) as url, RonClient(url, token_provider=way(provider)) as client:
        gate.willing.clear()
        held = asyncio.create_task(client.get("/held", timeout=LIMIT))
        await until(lambda: gate.seen)
        await asyncio.sleep(0.02)
        later = asyncio.create_task(client.get("/later", timeout=LIMIT))
        await until(lambda: len(gate.seen) == 2)
        gate.willing.set()
        await asyncio.gather(held, later)
    assert bearers(gate) == [f"first-{TOKEN}", f"second-{TOKEN}"]


async def test_a_401_asks_once_more_and_sends_the_call_once_more(way: Way, transport: str) -> None:
    gate = Gate({f"Bearer second-{TOKEN}"})
    provider = Provider(f"first-{TOKEN}", f"second-{TOKEN}")
    async with (
        raw_server(gate) as url,
        RonClient(url, token_provider=way(provider), transport=transport) as client,
    ):
        response = await client.request("POST", "/x", json={"not": "idempotent"})
        assert response.attempts == 2
        await client.get("/x")
    assert provider.asked == 2
    assert bearers(gate) == [f"first-{TOKEN}", f"second-{TOKEN}", f"second-{TOKEN}"]


async def test_a_hundred_calls_that_are_refused_at_once_ask_once_more(way: Way) -> None:
    gate = Gate({f"Bearer second-{TOKEN}"})
    provider = Provider(f"first-{TOKEN}", f"second-{TOKEN}")
    async with raw_server(gate) as url, RonClient(url, token_provider=way(provider)) as client:
        gate.willing.clear()
        calls = [asyncio.create_task(client.get("/x", timeout=LIMIT)) for _ in range(100)]
        await until(lambda: len(gate.seen) == 100)
        gate.willing.set()
        await asyncio.gather(*calls)
    assert provider.asked == 2
    assert sorted(bearers(gate)) == [f"first-{TOKEN}"] * 100 + [f"second-{TOKEN}"] * 100


async def test_the_same_token_again_after_a_401_is_not_sent_again(way: Way) -> None:
    gate, provider = Gate({"nobody's"}), Provider(TOKEN)
    async with raw_server(gate) as url, RonClient(url, token_provider=way(provider)) as client:
        with pytest.raises(RonAuthError) as caught:
            await client.get("/x")
        assert caught.value.attempts == 1
    assert (provider.asked, len(gate.seen)) == (2, 1)


async def test_another_token_that_is_refused_too_ends_the_call(way: Way) -> None:
    gate = Gate({"nobody's"})
    provider = Provider(*[f"{n}-{TOKEN}" for n in range(9)])
    async with raw_server(gate) as url, RonClient(url, token_provider=way(provider)) as client:
        with pytest.raises(RonAuthError) as caught:
            await client.get("/x")
        assert caught.value.attempts == 2
    assert (provider.asked, len(gate.seen)) == (2, 2)


class VaultError(Exception):
    """What a provider may raise."""


async def test_what_a_provider_raises_is_named_and_its_text_is_nowhere(way: Way) -> None:
    raised: list[Exception] = [
        VaultError(SECRET),
        KeyError(SECRET),
        TimeoutError(SECRET),
        type(f"{SECRET}\n", (Exception,), {})(SECRET),
        RonCredentialError(f"{SECRET}\n", code="invalid_token"),
        RonCredentialError(f"the vault answered {SECRET}", code="invalid_token"),
        ExceptionGroup(SECRET, [ValueError(SECRET)]),
    ]
    for error in raised:
        gate, provider = Gate(), Provider(error, TOKEN)
        async with raw_server(gate) as url, RonClient(url, token_provider=way(provider)) as client:
            with pytest.raises(RonCredentialError) as caught:
                await client.get("/x")
            assert caught.value.code == "token_provider_failed"
            assert SECRET not in "".join(texts_of(caught.value))
            assert caught.value.__context__ is None
            if type(error).__name__.isidentifier():
                assert type(error).__name__ in caught.value.message
            # The next call asks anew.
            await client.get("/x")
        assert gate.credentials == [f"Bearer {TOKEN}"]
        traceback.clear_frames(error.__traceback__)


async def test_all_calls_that_wait_hear_of_the_failure(way: Way) -> None:
    gate, provider = Gate(), Provider(VaultError(SECRET))
    provider.released.clear()
    async with raw_server(gate) as url, RonClient(url, token_provider=way(provider)) as client:
        calls = [asyncio.create_task(client.get("/x", timeout=LIMIT)) for _ in range(50)]
        await until(lambda: provider.asked and len(client._calls._in_flight) == 50)
        provider.released.set()
        errors = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(error) for error in errors} == {RonCredentialError}
    assert (provider.asked, gate.seen) == (1, [])


NO_ZONE = datetime(2100, 1, 1)


class Broken:
    """A secret that can't be had."""

    def __init__(self, value: object) -> None:
        self._value = value

    def get_secret_value(self) -> Any:
        if isinstance(self._value, Exception):
            raise self._value
        return self._value


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "gave NoneType; give a str, a Secret or an AccessToken"),
        (SECRET.encode(), "gave bytes"),
        ({"access_token": SECRET}, "gave dict"),
        (7, "gave int"),
        ("", "is empty"),
        (f"{SECRET} ", "white space"),
        (f"{SECRET}\n", r"U\+000A"),
        (f"{SECRET}\0", r"U\+0000"),
        (f"{SECRET}\ud800", r"U\+D800"),
        (f"{SECRET}é", "non-ASCII"),
        (SECRET * 1000, "17000 bytes"),
        (SECRET * 2000, "34000 characters"),
        (Broken(VaultError(SECRET)), "raised VaultError"),
        (Broken(7), "raised RonConfigError"),
        (AccessToken(SECRET, expires_at=datetime(2020, 1, 1, tzinfo=UTC)), "2020-01-01.* passed"),
    ],
)
async def test_what_is_no_token_is_told_and_not_sent(way: Way, given: Any, said: str) -> None:
    gate = Gate()
    provider = Provider(given)
    async with raw_server(gate) as url, RonClient(url, token_provider=way(provider)) as client:
        with pytest.raises(RonCredentialError, match=said) as caught:
            await client.get("/x")
        assert SECRET not in "".join(texts_of(caught.value))
    assert gate.seen == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((7,), "token is int"),
        ((TOKEN, 0), "expires_in is 0; give a positive number"),
        ((TOKEN, -5), "expires_in is -5"),
        ((TOKEN, float("nan")), "expires_in is nan"),
        ((TOKEN, "3600"), "expires_in is str"),
        ((TOKEN, True), "expires_in is bool"),
        ((TOKEN, None, NO_ZONE), "without a time zone"),
        ((TOKEN, None, 1e9), "no datetime"),
        ((TOKEN, 5, datetime.now(UTC)), "both given"),
    ],
)
async def test_an_access_token_says_what_is_wrong_with_it_also_from_a_provider(
    arguments: tuple[Any, ...], said: str
) -> None:
    with pytest.raises(RonCredentialError, match=said) as caught:
        AccessToken(*arguments)
    assert caught.value.code == "invalid_token"
    async with RonClient(token_provider=lambda: AccessToken(*arguments)) as client:
        with pytest.raises(RonCredentialError, match=said):
            await client.get("/x")


def test_an_access_token_shows_no_token_and_knows_every_zone() -> None:
    assert SECRET not in repr(AccessToken(SECRET, expires_in=5))
    now = datetime(2026, 1, 1, tzinfo=UTC)
    there = (now + timedelta(seconds=9)).astimezone(timezone(timedelta(hours=-7)))
    assert (
        AccessToken(SECRET, expires_at=there).lifetime_ns(int(now.timestamp() * 1e9)) == 9 * 10**9
    )
    last = datetime.max.replace(tzinfo=UTC)
    assert AccessToken(SECRET, expires_at=last).lifetime_ns(0) is not None


async def test_a_token_without_end_is_a_token() -> None:
    gate = Gate()
    last = AccessToken(TOKEN, expires_at=datetime.max.replace(tzinfo=UTC))
    async with raw_server(gate) as url, RonClient(url, token_provider=lambda: last) as client:
        await client.get("/x")
    assert bearers(gate) == [TOKEN]


async def test_a_provider_that_hangs_ends_with_the_calls_deadline(way: Way) -> None:
    gate, provider = Gate(), Provider(TOKEN)
    provider.released.clear()
    async with raw_server(gate) as url, RonClient(url, token_provider=way(provider)) as client:
        with pytest.raises(RonTimeoutError) as caught:
            await client.get("/x", timeout=0.05)
        assert (caught.value.phase, caught.value.attempts) == ("overall", 0)
        # One that runs on its thread still is not asked again so soon.
        with pytest.raises(RonTimeoutError):
            await client.get("/x", timeout=0.05)
        provider.released.set()
        await client.get("/x", timeout=LIMIT)
    assert provider.most_at_once == 1 or way is WAYS["async"]
    assert bearers(gate) == [TOKEN]


async def test_providers_that_hang_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "PROVIDER_SHARED_SECONDS", 0)
    provider = Provider(TOKEN)
    provider.released.clear()
    async with RonClient("http://127.0.0.1:1", token_provider=provider) as client:
        for _ in range(MAX_PROVIDER_THREADS):
            with pytest.raises(RonTimeoutError):
                await client.get("/x", timeout=0.02)
        with pytest.raises(RonCredentialError, match="hangs 8 times"):
            await client.get("/x", timeout=LIMIT)
        assert provider.asked == provider.most_at_once == MAX_PROVIDER_THREADS
        provider.released.set()


def test_the_end_of_a_process_waits_for_no_provider_that_hangs() -> None:
    done = run_python(
        """
        import threading
        from ron_app_sdk_py import RonClientSync, RonTimeoutError
        never = threading.Event()
        with RonClientSync("http://127.0.0.1:1", token_provider=never.wait, timeout=0.1) as client:
            try:
                client.get("/x")
            except RonTimeoutError:
                print("ended")
        """
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "ended\n", "")


@pytest.mark.parametrize("name", WAYS)
async def test_when_the_call_that_asks_is_cancelled_another_asks(name: str) -> None:
    gate, provider = Gate(), Provider(TOKEN)
    provider.released.clear()
    async with (
        raw_server(gate) as url,
        RonClient(url, token_provider=WAYS[name](provider)) as client,
    ):
        first = asyncio.create_task(client.get("/first", timeout=LIMIT))
        await until(lambda: provider.asked)
        others = [asyncio.create_task(client.get(f"/{n}", timeout=LIMIT)) for n in range(5)]
        await until(lambda: len(client._calls._in_flight) == 6)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        provider.released.set()
        await asyncio.gather(*others)
    # One that runs on its thread goes on, and who asks next waits for it.
    assert provider.asked == (1 if name == "plain" else 2)
    assert bearers(gate) == [TOKEN] * 5


async def test_when_the_call_that_asks_times_out_another_asks(way: Way) -> None:
    gate, provider = Gate(), Provider(TOKEN)
    provider.released.clear()
    async with raw_server(gate) as url, RonClient(url, token_provider=way(provider)) as client:
        first = asyncio.create_task(client.get("/first", timeout=0.05))
        await until(lambda: provider.asked)
        other = asyncio.create_task(client.get("/other", timeout=LIMIT))
        with pytest.raises(RonTimeoutError):
            await first
        provider.released.set()
        await other
    assert bearers(gate) == [TOKEN]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_interrupts_and_exits_of_a_provider_go_through(
    way: Way, error: type[BaseException]
) -> None:
    gate, provider = Gate(), Provider(error(), TOKEN)
    with on_a_thread(gate) as url, RonClientSync(url, token_provider=way(provider)) as client:
        with pytest.raises(error):
            client.get("/x")
        assert client._calls._in_flight == {}
        client.get("/x")
    assert bearers(gate) == [TOKEN]


async def test_a_cancellation_that_a_provider_raises_goes_through(way: Way) -> None:
    gate, provider = Gate(), Provider(asyncio.CancelledError(), TOKEN)
    async with raw_server(gate) as url, RonClient(url, token_provider=way(provider)) as client:
        with pytest.raises(asyncio.CancelledError):
            await client.get("/x")
        await client.get("/x")
    assert bearers(gate) == [TOKEN]


async def test_closing_ends_the_calls_that_wait_for_a_provider(way: Way) -> None:
    provider = Provider(TOKEN)
    provider.released.clear()
    client = RonClient("http://127.0.0.1:1", token_provider=way(provider), timeout=LIMIT)
    calls = [asyncio.create_task(client.get("/x")) for _ in range(5)]
    await until(lambda: provider.asked and len(client._calls._in_flight) == 5)
    await client.close()
    for call in calls:
        with pytest.raises(RonClosedError):
            await call
    provider.released.set()


async def test_a_provider_sees_the_context_of_the_call_that_asks(way: Way) -> None:
    tenant: contextvars.ContextVar[str] = contextvars.ContextVar("tenant")

    class Tenanted(Provider):
        def _end(self) -> Provided:
            super()._end()
            return f"{tenant.get()}-{TOKEN}"

    gate = Gate()
    tenant.set("blue")
    async with (
        raw_server(gate) as url,
        RonClient(url, token_provider=way(Tenanted(TOKEN))) as client,
    ):
        await client.get("/x")
    assert bearers(gate) == [f"blue-{TOKEN}"]


async def test_a_provider_that_calls_the_client_is_told_so_instead_of_waiting_for_itself() -> None:
    gate = Gate()
    met: list[str] = []

    async def asking() -> str:
        try:
            await client.get("/token")
        except RonRequestError as error:
            met.append(error.code)
        await client.node.request("GET", "/token")
        return TOKEN

    async with raw_server(gate) as url, RonClient(url, token_provider=asking) as client:
        await client.get("/x")
        await client.get("/x")
    assert met == ["provider_reentered"]
    assert gate.credentials == [None, f"Bearer {TOKEN}", f"Bearer {TOKEN}"]


def test_a_plain_provider_that_calls_the_client_is_told_so_too() -> None:
    met: list[str] = []

    def asking() -> str:
        with pytest.raises(RonRequestError) as caught:
            client.get("/token")
        met.append(caught.value.code)
        return TOKEN

    gate = Gate()
    with on_a_thread(gate) as url, RonClientSync(url, token_provider=asking) as client:
        client.get("/x")
    assert met == ["provider_reentered"]


async def test_only_calls_with_the_credential_ask() -> None:
    gate, provider = Gate(), Provider(TOKEN)
    async with raw_server(gate) as url, RonClient(url, token_provider=provider) as client:
        await client.node.request("GET", "/metrics")
        assert provider.asked == 0
        for path in ("/v1/kv/a/b", "/metrics"):
            await client.node.request("GET", path, credential=True)
        assert provider.asked == 1
    assert gate.credentials == [None, f"Macro {TOKEN}", f"Bearer {TOKEN}"]


async def test_the_admin_plane_gets_its_own_token_and_no_providers() -> None:
    provider = Provider(TOKEN)
    seen = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            first, fields, _ = await read_request(reader)
            sent = {name.lower(): value for name, value in fields}
            seen.append((first.split()[1], sent.get("authorization")))
            writer.write(
                reply("200 OK", b'{"profile":"macronode"}', "content-type: application/json")
            )

    async with raw_server(handler) as url, RonClient(url, token_provider=provider) as client:
        await client.node.admin(token="admin-0123456789").storage()
    assert provider.asked == 0
    assert seen[-1] == ("/api/v1/storage/summary", "Bearer admin-0123456789")


@pytest.mark.parametrize("name", WAYS)
def test_several_loops_share_one_token(name: str) -> None:
    gate, provider = Gate(), Provider(TOKEN)
    with on_a_thread(gate) as url:
        client = RonClient(url, token_provider=WAYS[name](provider), timeout=LIMIT)

        def run() -> None:
            asyncio.run(client.get("/x"))

        threads = [threading.Thread(target=run) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT)
        run()
        asyncio.run(client.close())
    assert bearers(gate) == [TOKEN] * 9
    assert provider.asked == 1


def test_when_the_loop_of_the_call_that_asks_ends_a_call_of_another_loop_asks(way: Way) -> None:
    gate, provider = Gate(), Provider(TOKEN)
    provider.released.clear()
    with on_a_thread(gate) as url:
        client = RonClient(url, token_provider=way(provider), timeout=LIMIT)

        async def ask_and_leave() -> None:
            call = asyncio.create_task(client.get("/first"))
            await until(lambda: provider.asked)
            threading.Thread(target=run).start()
            await until(lambda: len(client._calls._in_flight) == 2)
            assert not call.done()

        outcomes: list[Any] = []
        ended = threading.Event()

        def run() -> None:
            outcomes.append(asyncio.run(client.get("/second")))
            ended.set()

        asyncio.run(ask_and_leave())
        provider.released.set()
        assert ended.wait(LIMIT)
        asyncio.run(client.close())
    assert outcomes == [{"ok": True}]


async def test_a_trap_asks_anew(way: Way) -> None:
    gate, provider = Gate(), Provider(TOKEN)
    async with raw_server(gate) as url, RonClient(url, token_provider=way(provider)) as client:
        derived = client.with_options(timeout=LIMIT)
        await client.get("/x")
        guest = client._calls._sessions.guest
        assert guest is not None
        guest.instance._fuel = 100
        with pytest.raises(RonSandboxError):
            await client.get("/x")
        await derived.get("/x")
    assert provider.asked == 2


async def test_a_trap_while_a_provider_is_asked_ends_the_calls_and_the_next_one_asks(
    way: Way,
) -> None:
    gate, provider = Gate(), Provider(TOKEN)
    provider.released.clear()
    async with raw_server(gate) as url, RonClient(url, token_provider=way(provider)) as client:
        waiting = asyncio.create_task(client.get("/x", timeout=LIMIT))
        await until(lambda: provider.asked)
        guest = client._calls._sessions.guest
        assert guest is not None
        guest.instance._fuel = 100
        with pytest.raises(RonSandboxError):
            await client.get("/x")
        with pytest.raises(RonSandboxError):
            await waiting
        provider.released.set()
        await client.get("/x")
    assert bearers(gate) == [TOKEN]


def test_a_forked_child_asks_for_itself_also_while_its_parent_asks() -> None:
    gate, provider = Gate(), Provider(TOKEN)
    provider.released.clear()
    outcomes: list[Any] = []
    with (
        on_a_thread(gate) as url,
        RonClientSync(url, token_provider=provider, timeout=LIMIT) as client,
    ):
        call = threading.Thread(target=lambda: outcomes.append(client.get("/parent")))
        call.start()
        while not provider.asked:
            pass
        child = os.fork()
        if child == 0:
            try:
                signal.alarm(int(LIMIT))
                provider.released = threading.Event()
                provider.released.set()
                client.get("/child")
                os._exit(0 if provider.asked == 2 else 3)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        provider.released.set()
        call.join(LIMIT)
    assert outcomes == [{"ok": True}]
    assert [target for target, _, _ in gate.seen] == ["/app/child", "/app/parent"]


def test_a_short_token_of_a_provider_is_warned_of_once() -> None:
    gate = Gate()
    provider = Provider(*[AccessToken(f"t{n}", expires_in=0.001) for n in range(9)])
    with on_a_thread(gate) as url, RonClientSync(url, token_provider=provider) as client:
        with pytest.warns(RonSecurityWarning, match="fewer than 8"):
            client.get("/x")
        for _ in range(3):
            time.sleep(0.002)
            client.get("/x")


async def test_the_last_tokens_of_a_provider_are_taken_out_of_texts() -> None:
    """Attempts that began with the ones before may still be answered."""
    tokens = [f"{n:x}" * 12 for n in range(12)]
    provider = Provider(*[AccessToken(token, expires_in=0.001) for token in tokens])
    body = f'{{"code":"c","message":"{" ".join(tokens)}"}}'.encode()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(reply("400 Bad", body, "content-type: application/json"))

    async with raw_server(handler) as url, RonClient(url, token_provider=provider) as client:
        for _ in tokens:
            with pytest.raises(RonError) as caught:
                await client.get("/x")
            await asyncio.sleep(0.002)
        shown = "".join(texts_of(caught.value))
    assert [token for token in tokens if token in shown] == tokens[:4]
    assert client._redactor.scrub(tokens[-1]) == tokens[-1]


async def test_each_connection_of_a_stream_has_the_token_of_its_time(way: Way) -> None:
    provider = Provider(AccessToken(f"first-{TOKEN}", expires_in=0.001), f"second-{TOKEN}")
    steps = stream(event("a", "1"), 0.01), stream(event("b", "2"))
    async with (
        serving(*steps) as served,
        RonClient(served.url, token_provider=way(provider)) as client,
    ):
        subscription = client.subscribe("/x", reconnect_delay=0.1)
        assert [event.data async for event in subscription] == ["a", "b"]
    sent = [exchange.fields["authorization"] for exchange in served.seen]
    assert sent == [f"Bearer first-{TOKEN}", f"Bearer second-{TOKEN}", f"Bearer second-{TOKEN}"]


async def test_a_stream_that_connects_again_asks_for_calls_too(way: Way, transport: str) -> None:
    provider = Provider(AccessToken(f"first-{TOKEN}", expires_in=0.001), f"second-{TOKEN}")
    async with (
        serving(stream(event("a", "1"))) as served,
        RonClient(served.url, token_provider=way(provider), transport=transport) as client,
    ):
        subscription = client.subscribe("/x", reconnect_delay=0.1)
        assert (await anext(subscription)).data == "a"
        provider.released.clear()
        waiting = asyncio.ensure_future(anext(subscription))
        await until(lambda: provider.asked == 2)
        call = asyncio.create_task(client.request("GET", "/y", timeout=LIMIT))
        await until(lambda: len(client._calls._in_flight) == 2)
        provider.released.set()
        assert (await call).status == 204
        with pytest.raises(StopAsyncIteration):
            await waiting
    assert provider.asked == 2


@pytest.mark.parametrize("name", WAYS)
def test_a_stream_whose_consumer_is_busy_keeps_no_call_from_its_token(name: str) -> None:
    """The loop of a blocking subscription runs only while its consumer waits, and it may be the one
    that is to ask."""
    provider = Provider(AccessToken(f"first-{TOKEN}", expires_in=0.001), f"second-{TOKEN}")
    asked: list[int] = []

    def on_error(_: RonError) -> None:
        """Other calls have the time come at which the stream is to connect again."""
        while not asked:
            client.node.request("GET", "/y")
            asked.extend([provider.asked] * (provider.asked > 1))
        assert client.request("GET", "/y", timeout=LIMIT).status == 204

    with (
        serving_on_a_thread(stream(event("a", "1"))) as served,
        RonClientSync(served.url, token_provider=WAYS[name](provider)) as client,
    ):
        subscription = client.subscribe("/x", reconnect_delay=0.1, on_error=on_error)
        assert [event.data for event in subscription] == ["a"]
    assert asked == [2]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), VaultError(SECRET)], ids=["exit", "error"])
def test_what_a_provider_raises_while_a_streams_consumer_is_busy_is_told_like_any_loss(
    error: BaseException,
) -> None:
    first = AccessToken(f"first-{TOKEN}", expires_in=0.001)
    provider = Provider(first, error, f"second-{TOKEN}")
    lost: list[RonError] = []

    def on_error(loss: RonError) -> None:
        lost.append(loss)
        while provider.asked < 2:
            client.node.request("GET", "/y")

    with (
        serving_on_a_thread(stream(event("a", "1"))) as served,
        RonClientSync(served.url, token_provider=provider, timeout=LIMIT) as client,
    ):
        subscription = client.subscribe("/x", reconnect_delay=0.1, on_error=on_error)
        assert [event.data for event in subscription] == ["a"]
    assert [loss.code for loss in lost] == ["stream_ended", "token_provider_failed"]
    assert type(error).__name__ in lost[1].message
    assert SECRET not in "".join(texts_of(lost[1]))


async def test_a_provider_that_has_given_no_token_ends_a_stream() -> None:
    provider = Provider(VaultError(SECRET))
    gate = Gate()
    async with raw_server(gate) as url, RonClient(url, token_provider=provider) as client:
        with pytest.raises(RonCredentialError, match="VaultError"):
            await anext(client.subscribe("/x"))
    assert (provider.asked, gate.seen) == (1, [])


async def test_a_client_that_nobody_has_any_more_lets_its_provider_go() -> None:
    gate, provider = Gate(), Provider(TOKEN)
    async with raw_server(gate) as url:
        client = RonClient(url, config=ClientConfig(token_provider=provider.asynchronous))
        derived = client.with_options(timeout=5)
        await derived.get("/x")
        await client.close()
        assert client.config.token_provider is None
        gc.collect()
        with pytest.raises(RonClosedError):
            await derived.get("/x")


def test_the_settings_of_a_client_are_copies_of_the_callers_secrets() -> None:
    mine = Secret(TOKEN)
    with RonClientSync("http://127.0.0.1:1", token=mine) as client:
        shown = client.config.token
    assert mine.get_secret_value() == TOKEN
    assert shown is not None
    with pytest.raises(RonClosedError):
        shown.get_secret_value()
