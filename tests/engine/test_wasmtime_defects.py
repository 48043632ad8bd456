"""What is wrong with, or in the way in, wasmtime-py itself.

Each test asserts today's behaviour. One that fails tells that wasmtime has mended something and
which work-around can go; docs/wasmtime.md says how to go about it. None of our package runs here.
"""

from __future__ import annotations

import textwrap
import threading

import pytest
from wasmtime import Config, Engine, Store, Trap, WasmtimeError

import wat
from processes import run_python


def still(defect: bool, mended: str, work_around: str) -> None:
    """Fails once the defect is gone."""
    assert defect, f"wasmtime mends {mended}: {work_around}"


def crashes(code: str) -> bool:
    """Whether a program ends by a signal at what follows its line ``begun()``."""
    begun = "from functools import partial; begun = partial(print, 'begun', flush=True)\n"
    done = run_python(begun + textwrap.dedent(code))
    assert done.stdout.startswith("begun"), done.stderr
    return done.returncode < 0


def test_an_exception_of_one_host_function_is_raised_at_whoever_traps_next() -> None:
    def host(_store: object) -> None:
        raise LookupError("of another")

    engine = Engine()
    with pytest.raises(WasmtimeError):  # and leaves the LookupError lying about
        wat.functions(Store(engine), wat.CALLS_THE_HOST_AT_ITS_START, host=host)
    raised: list[BaseException] = []

    def elsewhere() -> None:
        store = Store(engine)
        try:
            wat.function(store, wat.TRAPS)(store)
        except Exception as error:
            raised.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join(60)
    still(
        isinstance(raised[0], LookupError),
        "exceptions that reach another thread",
        "public_call in engine/ffi.py need not hide them",
    )


@pytest.mark.parametrize("raised", ["KeyboardInterrupt", "asyncio.CancelledError"])
def test_a_base_exception_of_a_host_function_is_swallowed_or_ends_the_process(raised: str) -> None:
    done = run_python(
        f"""
        import asyncio, wat
        from wasmtime import Engine, Store
        def host(_store):
            raise {raised}
        store = Store(Engine())
        run = wat.function(store, wat.CALLS_THE_HOST, host)
        print("begun", flush=True)
        try:
            run(store)
        except {raised}:
            print("arrived")
        """
    )
    assert done.stdout.startswith("begun"), done.stderr
    still(
        "arrived" not in done.stdout,
        f"{raised} in host functions",
        "engine/sandbox.py may give the component host functions in Python",
    )


def test_many_host_resources_end_the_process() -> None:
    still(
        crashes(
            """
            import wat
            store, use, keep = wat.resources([])
            begun()
            keep(store, 100_000)
            """
        ),
        "crashes with 100,000 host resources",
        "components may be given host resources",
    )


def test_destructors_of_host_resources_do_not_run_when_their_store_is_closed() -> None:
    done = run_python(
        """
        import wat
        dropped = []
        store, use, keep = wat.resources(dropped)
        use(store)
        assert dropped == [7]
        keep(store, 3)
        store.close()
        print(len(dropped))
        """
    )
    assert done.stdout, done.stderr
    still(
        done.stdout == "1\n",
        "destructors at the end of a store",
        "host resources may rely on their destructors",
    )


@pytest.mark.parametrize(("given", "arrives"), [(2**32 + 3, 3), (-1, 2**32 - 1)])
def test_numbers_too_large_for_their_type_wrap_around(given: int, arrives: int) -> None:
    store = Store(Engine())
    run = wat.function(store, wat.ECHOES_A_NUMBER)
    try:
        answer = run(store, given)
    except Exception:
        answer = None
    still(
        answer == arrives,
        "numbers that wrap",
        "numbers may cross as numbers and not only as text",
    )


def test_the_memory_limit_holds_for_each_memory_and_not_for_their_sum() -> None:
    store = Store(Engine())
    store.set_limits(memory_size=64 * 1024)
    try:
        wat.functions(store, wat.TWO_MEMORIES)
        limited = False
    except WasmtimeError:
        limited = True
    still(not limited, "the limit of memory", "GUEST_MEMORIES need not bound the sum")


def test_a_component_s_trap_has_no_code_and_its_text_holds_the_component_s_own_words() -> None:
    store = Store(Engine())
    words = "all fuel consumed by WebAssembly"
    run = wat.function(store, wat.TRAPS.replace("(func (", f'(func (@name "{words}") (', 1))
    with pytest.raises(WasmtimeError) as caught:
        run(store)
    assert words in str(caught.value)
    still(
        not isinstance(caught.value, Trap) and not hasattr(caught.value, "trap_code"),
        "traps without a code",
        "trapped in engine/sandbox.py can go by the code",
    )


def test_a_component_that_has_trapped_can_not_be_entered_again() -> None:
    store = Store(Engine())
    run, sound = wat.functions(store, wat.TRAPS_OR_NOT, "run", "sound")
    sound(store)
    with pytest.raises(WasmtimeError):
        run(store)
    try:
        sound(store)
        dead = False
    except WasmtimeError:
        dead = True
    still(dead, "trapped instances", "a trap need not cost the instance")


def test_a_second_thread_is_let_into_a_store_that_is_in_use() -> None:
    done = run_python(
        """
        import threading, wat
        from wasmtime import Engine, Store
        store = Store(Engine())
        echo = wat.function(store, wat.ECHOES_A_NUMBER)
        let_in = []
        def host(_store):
            thread = threading.Thread(target=lambda: let_in.append(echo(store, 7)), daemon=True)
            thread.start()
            thread.join(5)
        run = wat.function(store, wat.CALLS_THE_HOST, host)
        print("begun", flush=True)
        run(store)
        print(let_in)
        """
    )
    assert done.stdout.startswith("begun"), done.stderr
    still(
        "[7]" in done.stdout or done.returncode < 0,
        "stores that two threads use at once",
        "the lock of engine/instance.py may be wasmtime's",
    )


def test_a_memory_reserves_gigabytes_of_address_space() -> None:
    done = run_python(
        """
        import resource, wat
        from wasmtime import Engine, Store, WasmtimeError
        from wasmtime.component import Component, Linker
        engine = Engine()
        component = Component(engine, wat.TWO_MEMORIES)
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
        try:
            Linker(engine).instantiate(Store(engine), component)
            print("fits")
        except WasmtimeError:
            print("is refused")
        """
    )
    assert done.stdout, done.stderr
    still(
        done.stdout == "is refused\n",
        "the reservation of 4 GiB for each memory",
        "memory_reservation in engine/settings.py can go",
    )


def test_the_public_api_can_not_turn_off_concurrent_component_functions() -> None:
    still(
        not hasattr(Config, "concurrency_support"),
        "the missing setting for concurrency support",
        "turn_off_concurrency in engine/ffi.py can be a setting",
    )


def test_a_trap_ends_a_process_that_turned_faulthandler_on_after_the_engine_was_made() -> None:
    still(
        crashes(
            """
            import faulthandler, wat
            from wasmtime import Engine, Store, WasmtimeError
            store = Store(Engine())
            run = wat.function(store, wat.TRAPS)
            faulthandler.enable()
            begun()
            try:
                run(store)
            except WasmtimeError:
                pass
            """
        ),
        "traps that are signals",
        "signals_based_traps in engine/settings.py can go",
    )


def test_recursion_runs_off_the_end_of_a_thread_s_small_stack() -> None:
    still(
        crashes(
            """
            import contextlib, threading, wat
            from wasmtime import Engine, Store, WasmtimeError
            store = Store(Engine())
            run = wat.function(store, wat.RECURS)
            def call():
                with contextlib.suppress(WasmtimeError):
                    run(store)
            threading.stack_size(256 * 1024)
            thread = threading.Thread(target=call)
            begun()
            thread.start()
            thread.join()
            """
        ),
        "stacks smaller than it thinks",
        "max_wasm_stack in engine/settings.py can go",
    )


def test_a_forked_child_waits_for_ever_for_threads_that_compile() -> None:
    done = run_python(
        """
        import os, signal, time, warnings
        from wasmtime import Engine
        from wasmtime.component import Component
        text = "(component (core module (func) (func) (func) (func)))"
        Component(Engine(), text)
        warnings.simplefilter("ignore")
        child = os.fork()
        if not child:
            Component(Engine(), text)
            os._exit(0)
        for _ in range(300):
            if os.waitpid(child, os.WNOHANG)[0]:
                print("compiled")
                break
            time.sleep(0.01)
        else:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        """
    )
    assert done.returncode == 0, done.stderr
    still(
        "compiled" not in done.stdout,
        "compiling after a fork",
        "parallel_compilation in engine/settings.py can go",
    )
