"""A simulation: virtual time is exact, runs repeat, and what can't be simulated is said."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from ron_app_sdk_py import (
    Attempt,
    CallRecord,
    ClientConfig,
    RonClient,
    RonClosedError,
    RonConnectError,
    RonError,
    RonNetworkError,
    RonProblem,
    RonTimeoutError,
)
from ron_app_sdk_py.testing import (
    Answer,
    ConnectHangs,
    Drip,
    Outcome,
    Refused,
    Silence,
    SimulatedRequest,
    Simulation,
    SimulationDeadlockError,
    SimulationError,
    Stalled,
    TlsFailure,
    Truncated,
    Unread,
)
from servers import TOKEN

ONCE = ClientConfig(retries=0)


def failing(sim: Simulation, program: Callable[[RonClient], Awaitable[Any]]) -> RonError:
    """The error in which a program ends."""
    with pytest.raises(RonError) as caught:
        sim.run(program)
    return caught.value


def test_hours_pass_and_every_clock_agrees() -> None:
    sim = Simulation()

    async def program(client: RonClient) -> tuple[float, float]:
        await asyncio.sleep(36_000.000_000_001)
        return sim.now, asyncio.get_running_loop().time()

    assert sim.run(program) == (36_000.000_000_001, 36_000.000_000_001)
    assert sim.now == 36_000.000_000_001


@pytest.mark.parametrize(
    ("outcome", "fields", "ends_at", "phase"),
    [
        (Silence(), {"timeout": 2.345_678_901}, 2.345_678_901, "overall"),
        (Silence(connect=0.5), {"read_timeout": 3.0}, 3.5, "read"),
        (ConnectHangs(), {"connect_timeout": 0.000_000_001}, 0.000_000_001, "connect"),
        (Answer(connect=0.3), {"connect_timeout": 0.25}, 0.25, "connect"),
        (Unread(), {"write_timeout": 1.5}, 1.5, "write"),
        (Drip(content="abc", every=1.25), {"read_timeout": 1.0}, 1.0, "read"),
        (Drip(content="x" * 99, every=0.9), {"read_timeout": 1.0}, 10.0, "overall"),
        (Stalled(content="abc", keep=2, after=1.0), {"read_timeout": 2.0}, 3.0, "read"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Outcome) else None,
)
def test_a_time_out_ends_a_call_to_the_nanosecond(
    outcome: Outcome, fields: dict[str, Any], ends_at: float, phase: str
) -> None:
    sim = Simulation(config=ONCE)
    sim.otherwise(outcome)
    records: list[CallRecord] = []

    async def program(_: RonClient) -> None:
        async with sim.client(**fields) as client:
            client.add_metrics_hook(records.append)
            await client.post("/x", content=bytes(200_000))

    error = failing(sim, program)
    assert isinstance(error, RonTimeoutError)
    assert error.phase == phase
    assert sim.now == ends_at == records[0].duration
    assert not sim.under_way


def test_attempts_are_timed_by_the_same_clock() -> None:
    sim = Simulation()
    sim.otherwise(Answer(after=0.125))
    seen: list[float] = []

    class Times:
        def after_attempt(self, attempt: Attempt) -> None:
            seen.append(attempt.duration)

    async def program(client: RonClient) -> None:
        client.add_middleware(Times())
        await client.get("/x")

    sim.run(program)
    assert seen == [0.125]


def test_the_wall_clock_begins_with_2026_and_goes_along() -> None:
    sim = Simulation()
    sim.otherwise(Answer(418, retry_after="Thu, 01 Jan 2026 01:00:10 GMT"))

    async def program(client: RonClient) -> None:
        await asyncio.sleep(3600)
        await client.get("/x")

    error = failing(sim, program)
    assert isinstance(error, RonProblem)
    assert error.retry_after == 10.0


def test_outcomes_come_in_their_order_by_method_and_path() -> None:
    sim = Simulation(config=ONCE)
    sim.on("GET", "/jobs", [TlsFailure("wrong_host"), Answer(json=[1]), Answer(content="two")])
    sim.on("POST", "/app/jobs", Answer(204))
    sim.on("GET", "/healthz", Answer(json={"ok": True}), node=True)
    sim.otherwise(Answer(404))

    async def program(client: RonClient) -> list[Any]:
        got: list[Any] = []
        for call in (
            lambda: client.get("/jobs"),
            lambda: client.get("/jobs", query={"page": 2}),
            lambda: client.post("/jobs", json={"a": 1}),
            lambda: client.get("/jobs"),
            lambda: client.get("/healthz"),
            lambda: client.node.request("GET", "/healthz"),
        ):
            try:
                got.append(await call())
            except RonError as error:
                got.append(error.code)
        return got

    *results, health = sim.run(program)
    assert results == ["tls_certificate_error", [1], None, b"two", "http_404"]
    assert health.json() == {"ok": True}
    assert [(r.method, r.path, r.query) for r in sim.requests] == [
        ("GET", "/app/jobs", ""),
        ("GET", "/app/jobs", "page=2"),
        ("POST", "/app/jobs", ""),
        ("GET", "/app/jobs", ""),
        ("GET", "/app/healthz", ""),
        ("GET", "/healthz", ""),
    ]
    assert sim.requests[2].content == b'{"a":1}'
    assert [r.sent for r in sim.requests] == [False, True, True, True, True, True]


def test_a_handler_decides_on_each_request_and_what_it_raises_reaches_the_test() -> None:
    sim = Simulation()

    def handler(request: SimulatedRequest) -> Outcome:
        assert request.headers["accept"] != "", "no accept"
        assert request.query != "bad", "the query is bad"
        return Answer(json={"at": request.at, "path": request.path})

    sim.otherwise(handler)

    async def program(_: RonClient) -> Any:
        client = sim.client(base_url="https://gw.example/ron/app/")
        await asyncio.sleep(1.5)
        assert await client.get("/x") == {"at": 1.5, "path": "/app/x"}
        await client.get("/x?bad")

    with pytest.raises(AssertionError, match="the query is bad"):
        sim.run(program)
    assert [request.ended for request in sim.requests] == ["complete", "AssertionError"]


@pytest.mark.parametrize(
    ("outcomes", "message"),
    [
        (None, r"request 1, GET /app/x, has no outcome: nothing says .* use on\(\) or otherwise\("),
        ([], "its outcomes are used up; give more"),
        (lambda _: None, "its handler returned NoneType; return an outcome"),
    ],
)
def test_a_request_without_an_outcome_fails_the_test_even_if_the_program_swallows_it(
    outcomes: Any, message: str
) -> None:
    sim = Simulation()
    if outcomes is not None:
        sim.on("GET", "/x", outcomes)

    async def program(client: RonClient) -> None:
        await asyncio.gather(client.get("/x"), return_exceptions=True)

    with pytest.raises(SimulationError, match=message):
        sim.run(program)
    sim.otherwise(Answer())
    sim.on("GET", "/x", Answer())
    sim.run(program)


def test_outcomes_that_are_none_are_refused() -> None:
    with pytest.raises(SimulationError, match="outcomes are int; give an outcome such as Answer"):
        Simulation().otherwise(cast(Any, 200))


@pytest.mark.parametrize("path", ["/x?a=1", "x", ""])
def test_a_path_that_no_request_can_have_is_refused(path: str) -> None:
    with pytest.raises(SimulationError, match="begin with / and leave the query out"):
        Simulation().on("GET", path, Answer())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Answer(99), "status is 99; give a number from 200 to 999"),
        (lambda: Answer(after=-1), "after is -1; give 0 or more seconds"),
        (lambda: Answer(after=float("inf")), "after is inf; .* Silence"),
        (lambda: Answer(json={}, content="x"), "json and content are both given"),
        (lambda: Drip(every=float("nan")), "every is nan"),
        (lambda: Drip(size=0), "size is 0; give 1 or more bytes"),
        (lambda: Truncated(content="ab", keep=2), "keep is 2; the content has 2 bytes, give fewer"),
        (lambda: TlsFailure("bad"), "reason is 'bad'; give one of alert, client_certificate"),
        (lambda: Refused(connect=cast(Any, "1")), "connect is '1'; give 0 or more seconds"),
        (lambda: Simulation().random_faults(faults=2), "faults=2; give at least one answer"),
    ],
)
def test_outcomes_that_can_not_be_are_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_a_program_that_waits_for_ever_is_told_where() -> None:
    sim = Simulation()

    async def never_told() -> None:
        await asyncio.Event().wait()

    async def program(_: RonClient) -> None:
        await never_told()

    with pytest.raises(
        SimulationDeadlockError,
        match=r"nothing .*program \(test_simulation\.py:\d+\) → .*never_told .* → Event\.wait",
    ):
        sim.run(program)


def test_a_program_that_never_ends_is_told_at_its_limit() -> None:
    sim = Simulation()

    async def program(_: RonClient) -> None:
        while True:
            await asyncio.sleep(60)

    with pytest.raises(SimulationError, match="the limit of virtual time has passed; give `limit`"):
        sim.run(program, limit=600)
    assert sim.now == 600.0


def test_a_program_that_turns_without_time_passing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ron_app_sdk_py.testing.simulation.loop.SIMULATION_MAX_TURNS", 1000)

    async def program(_: RonClient) -> None:
        while True:
            await asyncio.sleep(0)

    with pytest.raises(SimulationError, match=r"turned 1000 times without .*program"):
        Simulation().run(program)


async def watch_a_socket() -> None:
    with socket.socket() as unconnected:
        asyncio.get_running_loop().add_reader(unconnected, print)


@pytest.mark.parametrize(
    ("act", "what"),
    [
        (lambda: asyncio.open_connection("127.0.0.1", 9), "opens a connection"),
        (lambda: asyncio.start_server(lambda *_: None, "127.0.0.1", 0), "opens a server"),
        (lambda: asyncio.get_running_loop().getaddrinfo("gw.example", 9), "looks a name up"),
        (watch_a_socket, "opens a socket or a pipe"),
        (lambda: asyncio.create_subprocess_exec("true"), "starts a process"),
        (lambda: asyncio.create_subprocess_shell("true"), "starts a process"),
    ],
)
def test_sockets_names_and_processes_are_refused(
    act: Callable[[], Awaitable[Any]], what: str
) -> None:
    async def program(_: RonClient) -> None:
        await act()

    with pytest.raises(SimulationError, match=what):
        Simulation().run(program)


def test_work_for_other_threads_is_done_at_once() -> None:
    async def program(_: RonClient) -> list[Any]:
        results = [await asyncio.to_thread(sum, [1, 2])]
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 / 0)
        return results

    assert Simulation().run(program) == [3]


def test_what_another_thread_has_told_is_heard() -> None:
    async def program() -> float:
        loop, told = asyncio.get_running_loop(), asyncio.Event()
        thread = threading.Thread(target=loop.call_soon_threadsafe, args=(told.set,))
        thread.start()
        thread.join()
        await told.wait()
        return loop.time()

    assert Simulation().run(program()) == 0.0


async def test_a_simulation_inside_a_running_loop_is_refused() -> None:
    with pytest.raises(SimulationError, match="call run\\(\\) from a plain function"):
        Simulation().run(lambda client: client.get("/x"))
    with pytest.raises(SimulationError):
        Simulation().run(asyncio.sleep(1))


def test_a_coroutine_is_run_as_well() -> None:
    assert Simulation().run(asyncio.sleep(3, "done")) == "done"


def test_time_and_clients_go_on_from_run_to_run() -> None:
    sim = Simulation()
    sim.otherwise(Answer(after=2.0))
    client = sim.client()
    derived = client.with_options(timeout=1.0)

    sim.run(lambda _: client.get("/x"))
    with pytest.raises(RonTimeoutError):
        sim.run(lambda _: derived.get("/x"))
    assert sim.now == 3.0

    async def end(_: RonClient) -> None:
        await client.close()

    sim.run(end)


def test_tasks_that_a_program_leaves_are_ended_in_the_order_in_which_they_were_made() -> None:
    sim = Simulation()
    sim.otherwise(Silence())
    ended: list[int] = []
    tasks: list[asyncio.Task[None]] = []

    async def left(client: RonClient, number: int) -> None:
        try:
            await client.get("/x")
        finally:
            ended.append(number)

    async def program(client: RonClient) -> None:
        tasks[:] = [
            asyncio.create_task(left(sim.client(), number), name=str(-number))
            for number in range(20)
        ]
        await asyncio.sleep(1)

    sim.run(program)
    assert ended == list(range(20))
    assert [request.ended for request in sim.requests] == ["cancelled"] * 20


def test_a_client_that_is_closed_ends_its_calls_and_its_requests() -> None:
    sim = Simulation()
    sim.otherwise(Silence())

    async def program(client: RonClient) -> list[object]:
        calls = asyncio.gather(*(client.get("/x") for _ in range(3)), return_exceptions=True)
        await asyncio.sleep(1)
        await client.close()
        return await calls

    assert [type(error) for error in sim.run(program)] == [RonClosedError] * 3
    assert [(r.ended, r.ended_at) for r in sim.requests] == [("cancelled", 1.0)] * 3


def test_an_answer_to_head_has_no_content() -> None:
    sim = Simulation()
    sim.otherwise(Truncated(content="abc", keep=1))

    async def program(client: RonClient) -> None:
        response = await client.request("HEAD", "/x")
        assert (response.content, response.headers["content-length"]) == (b"", "3")

    sim.run(program)
    assert [request.ended for request in sim.requests] == ["complete"]


def test_answers_over_the_limits_are_refused_as_elsewhere() -> None:
    sim = Simulation()
    sim.on("GET", "/head", Answer(headers={"x-big": "y" * 70_000}))
    sim.on("GET", "/declared", Answer(headers={"content-length": str(2**40)}))
    sim.on("GET", "/body", Drip(content="xxx", size=2, headers={"content-length": "3"}))

    async def program(_: RonClient) -> list[str]:
        codes = []
        async with sim.client(max_response_bytes=2) as client:
            for path in ("/head", "/declared", "/body"):
                with pytest.raises(RonError) as caught:
                    await client.get(path)
                codes.append(caught.value.code)
        return codes

    assert sim.run(program) == [
        "response_headers_too_large",
        "response_too_large",
        "response_too_large",
    ]
    assert not sim.under_way


def test_synchronous_programs_pass_virtual_time_in_their_calls() -> None:
    sim = Simulation(config=ONCE)
    sim.on("GET", "/slow", Answer(json="late", after=7_000.0))
    sim.on("GET", "/mute", Silence())

    with sim.client_sync(timeout=8_000.0, read_timeout=7_500.0) as client:
        assert client.get("/slow") == "late"
        with pytest.raises(RonTimeoutError):
            client.get("/mute")
    assert sim.now == 14_500.0


def test_a_simulation_does_not_look_at_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RON_APP_TOKEN", TOKEN)
    monkeypatch.setenv("RON_APP_TIMEOUT", "nonsense")
    sim = Simulation()
    sim.otherwise(Answer())
    sim.run(lambda client: client.get("/x"))
    assert "authorization" not in sim.requests[0].headers


def test_the_credential_is_in_nothing_that_a_simulation_shows() -> None:
    sim = Simulation()
    sim.otherwise(Answer(400, content=TOKEN))

    async def program(_: RonClient) -> None:
        client = sim.client(config=ClientConfig(token=TOKEN))
        with pytest.raises(RonProblem):
            await client.get("/x", headers={"x-copy": TOKEN})

    sim.run(program)
    (request,) = sim.requests
    shown = [sim.trace, repr(request), request.path, request.query, str(request.headers.raw())]
    assert TOKEN not in "".join(shown)
    assert request.headers["authorization"] == "[redacted]"
    assert "x-copy" not in repr(request)


PROGRAM = textwrap.dedent(
    """
    import asyncio, random, sys
    from ron_app_sdk_py import RonError
    from ron_app_sdk_py.testing import Answer, Simulation

    sim = Simulation(seed=int(sys.argv[1]))
    sim.otherwise(sim.random_faults(Answer(json={"ok": True}, after=0.1), Answer(503)))

    async def program(client):
        async def call(number):
            await asyncio.sleep(sim.random.random())
            try:
                await client.post("/x", json=number, idem=True)
            except RonError:
                pass

        calls = [asyncio.create_task(call(number)) for number in range(12)]
        await asyncio.sleep(5)
        for task in {*calls[:4]}:
            task.cancel()
        await asyncio.wait(calls[4:10])

    sim.run(program)
    print(sim.trace)
    """
)


def traced(seed: int, hash_seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(seed)],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
        timeout=120,
    )
    return done.stdout


def test_the_same_seed_gives_the_same_trace_byte_for_byte_in_every_process() -> None:
    first, again, other = traced(7, "1"), traced(7, "2"), traced(8, "1")
    assert first == again
    assert first.count("POST /app/x") >= 12
    assert first != other


def test_ids_and_keys_come_from_the_seed() -> None:
    def ids(seed: int) -> list[tuple[str | None, str | None]]:
        sim = Simulation(seed=seed)
        sim.otherwise(Answer())

        async def program(client: RonClient) -> None:
            for _ in range(3):
                await client.post("/x", idem=True)

        sim.run(program)
        return [(request.request_id, request.idempotency_key) for request in sim.requests]

    assert ids(1) == ids(1)
    assert len({*ids(1), *ids(2)}) == 6


def test_what_a_program_raises_comes_out_of_run() -> None:
    sim = Simulation(config=ONCE)
    sim.otherwise(Refused(connect=0.25))
    assert isinstance(failing(sim, lambda client: client.get("/x")), RonConnectError)
    assert sim.now == 0.25


def test_a_body_cut_short_is_a_network_error() -> None:
    sim = Simulation()
    sim.otherwise(Truncated(content="abc", keep=1, reset=True))
    error = failing(sim, lambda client: client.get("/x"))
    assert isinstance(error, RonNetworkError)
    assert (error.code, error.reason) == ("response_incomplete", "reset")


def test_importing_the_testing_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, ron_app_sdk_py.testing; "
        "print(sorted({'asyncio', 'aiohttp', 'wasmtime', 'pydantic', 'json'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_of_the_testing_package_can_be_imported() -> None:
    from ron_app_sdk_py import testing

    for name in testing.__all__:
        assert getattr(testing, name) is not None
    assert set(dir(testing)) == set(testing.__all__)
