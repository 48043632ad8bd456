"""What wasmtime gets wrong doesn't reach our users: the twins of test_wasmtime_defects.py.

Each test fails without the work-around that docs/wasmtime.md names.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from wasmtime import Engine, Store, WasmtimeError, _bindings, _ffi

import guests
import wat
from processes import run_python
from ron_app_sdk_py import RonSandboxError
from ron_app_sdk_py.defaults import GUEST_MEMORIES
from ron_app_sdk_py.engine import ffi, runtime, sandbox
from ron_app_sdk_py.engine.guest import Begin, Guest
from ron_app_sdk_py.engine.messages import Failed, Send
from ron_app_sdk_py.engine.runtime import shared

BOTH_WAYS = pytest.mark.parametrize("private_api", [True, False], ids=["fast", "public"])
SETTINGS = [("base-url", "http://127.0.0.1:8080"), ("token", "a-token-of-some-length")]


def traps(private_api: bool, behaviour: str = guests.TRAP) -> RonSandboxError:
    """What a guest that traps raises."""
    guest = Guest(runtime=guests.guest(stats=behaviour), private_api=private_api)
    with pytest.raises(RonSandboxError) as caught:
        guest.stats()
    return caught.value


@BOTH_WAYS
def test_an_exception_of_another_s_host_function_is_not_raised_by_our_trap(
    private_api: bool,
) -> None:
    def host(_store: object) -> None:
        raise LookupError("a secret of another")

    with pytest.raises(WasmtimeError):  # and leaves the LookupError lying about
        wat.functions(Store(Engine()), wat.CALLS_THE_HOST_AT_ITS_START, host=host)
    try:
        error = traps(private_api)
    finally:
        # Whoever traps next takes it away: other tests need not find it.
        store = Store(Engine())
        with pytest.raises((WasmtimeError, LookupError)):
            wat.function(store, wat.TRAPS)(store)
    assert error.code == "trap"
    assert "secret" not in f"{error!r} {error.__cause__} {error.__context__}"


@BOTH_WAYS
def test_a_call_that_would_block_traps_and_leaves_no_exception_behind_for_others(
    private_api: bool,
) -> None:
    error = traps(private_api, guests.WAIT)
    assert error.code == "trap"
    assert "ron:wire/host@0.1.0#wait" in error.message
    store = Store(Engine())
    run = wat.function(store, wat.TRAPS)
    with pytest.raises(WasmtimeError, match="unreachable"):
        run(store)


@BOTH_WAYS
def test_ctrl_c_while_the_component_calls_the_host_is_a_keyboard_interrupt(
    private_api: bool,
) -> None:
    done = run_python(
        """
        import signal, sys
        import guests
        from ron_app_sdk_py.engine.guest import Guest
        def interrupt(*_):
            raise KeyboardInterrupt
        signal.signal(signal.SIGALRM, interrupt)
        guest = Guest(runtime=guests.guest(stats=guests.COUNT + guests.WAIT),
                      private_api=sys.argv[1] == "True")
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        try:
            guest.stats()
        except KeyboardInterrupt:
            print("interrupted", guest.instance.dead)
        """,
        str(private_api),
    )
    assert (done.stdout, done.stderr) == ("interrupted True\n", "")


@pytest.mark.parametrize("behaviour", ["TRAP", "RECURSION", "OUT_OF_BOUNDS_LOAD"])
def test_a_trap_is_an_error_even_if_faulthandler_was_turned_on_later(behaviour: str) -> None:
    done = run_python(
        """
        import faulthandler, sys
        import guests
        from ron_app_sdk_py import RonSandboxError
        from ron_app_sdk_py.engine.guest import Guest
        guest = Guest(runtime=guests.guest(stats=getattr(guests, sys.argv[1])))
        faulthandler.enable()
        try:
            guest.stats()
        except RonSandboxError as error:
            print(error.code)
        """,
        behaviour,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("trap\n", "", 0)


def test_runaway_recursion_is_an_error_on_a_thread_with_a_small_stack() -> None:
    done = run_python(
        """
        import threading
        import guests
        from ron_app_sdk_py import RonSandboxError
        from ron_app_sdk_py.engine.guest import Guest
        guest = Guest(runtime=guests.guest(stats=guests.RECURSION))
        def call():
            try:
                guest.stats()
            except RonSandboxError as error:
                print(error.code, "call stack exhausted" in error.message)
        threading.stack_size(256 * 1024)
        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
        """
    )
    assert (done.stdout, done.stderr, done.returncode) == ("trap True\n", "", 0)


def test_a_forked_child_compiles_though_its_parent_has_compiled_something_before() -> None:
    """As a server that forks its workers after it has loaded an application with wasm in it."""
    done = run_python(
        """
        import os, warnings
        import wat
        from wasmtime import Engine
        from wasmtime.component import Component
        Component(Engine(), wat.TRAPS_OR_NOT)
        os.environ["RON_SDK_COMPILE_CACHE"] = "off"
        warnings.simplefilter("ignore")
        child = os.fork()
        if not child:
            from ron_app_sdk_py.engine.guest import Guest
            Guest().stats()
            print("compiled", flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        """
    )
    assert (done.stdout, done.stderr) == ("compiled\n", "")


def test_fifty_more_clients_fit_into_two_gigabytes_of_address_space() -> None:
    done = run_python(
        """
        import resource
        from ron_app_sdk_py.engine.guest import Guest
        guests = [Guest()]
        with open("/proc/self/statm") as memory:
            used = int(memory.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + (2 << 30), used + (2 << 30)))
        guests += [Guest() for _ in range(50)]
        print(len(guests))
        """
    )
    assert (done.stdout, done.stderr) == ("51\n", "")


@BOTH_WAYS
def test_a_component_can_not_pass_a_trap_off_as_running_out_of_fuel(private_api: bool) -> None:
    runtime = guests.guest(function_name="wasm trap: all fuel consumed by WebAssembly")
    guest = Guest(runtime=runtime, private_api=private_api)
    with pytest.raises(RonSandboxError) as caught:
        guest.stats()
    assert caught.value.code == "trap"
    assert "fuel" not in caught.value.message


@BOTH_WAYS
def test_threads_take_turns_in_the_component(private_api: bool) -> None:
    guest = Guest(private_api=private_api)
    guest.open(1, SETTINGS)
    faults: list[BaseException] = []

    def use(first: int) -> None:
        try:
            for call in range(first, first + 300):
                (send,) = guest.begin(1, call, Begin("GET", f"/{call}", None, [], [], [])).items
                assert isinstance(send, Send)
                assert send.url.endswith(f"/app/{call}")
                guest.cancel(call)
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=use, args=(first,)) for first in (1, 1001, 2001, 3001)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []
    assert guest.stats()["calls"] == 0


@BOTH_WAYS
@pytest.mark.parametrize("number", [2**64, 10**30])
def test_a_number_too_large_for_the_component_is_refused_and_never_wraps(
    number: int, private_api: bool
) -> None:
    guest = Guest(private_api=private_api)
    guest.open(1, SETTINGS)
    for begin in (
        Begin("GET", "/x", None, [("timeout", str(number))], [], []),
        Begin("POST", "/x", number, [], [], []),
    ):
        (failed,) = guest.begin(1, 7, begin).items
        assert isinstance(failed, Failed)
    (failed,) = guest.response(7, number, 200, []).items
    assert isinstance(failed, Failed)


def test_the_component_has_as_many_memories_as_it_may_have_and_not_one_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Guest(runtime=guests.guest(memories=GUEST_MEMORIES))
    with pytest.raises(RonSandboxError, match="memory count too high") as caught:
        Guest(runtime=guests.guest(memories=GUEST_MEMORIES + 1))
    assert caught.value.code == "instantiate"
    monkeypatch.setattr(sandbox, "GUEST_MEMORIES", GUEST_MEMORIES - 1)
    with pytest.raises(RonSandboxError, match="memory count too high"):
        Guest()


def _gone(*_arguments: Any) -> Any:
    raise AttributeError


def _of_another_type(*_arguments: Any) -> Any:
    raise ctypes.ArgumentError


def _failing(*_arguments: Any) -> Any:
    return _bindings.wasmtime_error_new(b"not like this")


def _silent(*_arguments: Any) -> None:
    return None


@pytest.mark.parametrize("call", [_gone, _of_another_type, _failing, _silent])
def test_the_public_api_serves_where_the_private_parts_are_not_as_expected(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    others = SimpleNamespace(**vars(_bindings) | {"_wasmtime_component_func_call": call})
    monkeypatch.setattr(ffi, "_bindings", others)
    guest = Guest()
    assert not guest.instance.fast
    guest.open(1, SETTINGS)
    assert guest.stats()["sessions"] == 1


def test_without_the_private_setting_the_engine_works_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(_ffi, "wasmtime_config_concurrency_support_set")
    guest = Guest(runtime=runtime.compiled(shared().artifact))
    guest.open(1, SETTINGS)
    assert guest.stats()["sessions"] == 1
