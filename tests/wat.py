"""Components as WebAssembly text, and what it takes to call them: for tests of wasmtime itself."""

from __future__ import annotations

from typing import Any

from wasmtime import Engine, Store
from wasmtime.component import Component, Func, Linker, ResourceHost, ResourceType

CALLS_THE_HOST = """(component
    (import "host" (func $host))
    (core func $lowered (canon lower (func $host)))
    (core module $m (import "a" "host" (func $host)) (func (export "run") (call $host)))
    (core instance $i (instantiate $m (with "a" (instance (export "host" (func $lowered))))))
    (func (export "run") (canon lift (core func $i "run"))))"""

CALLS_THE_HOST_AT_ITS_START = """(component
    (import "host" (func $host))
    (core func $lowered (canon lower (func $host)))
    (core module $m (import "a" "host" (func $host)) (start $host))
    (core instance (instantiate $m (with "a" (instance (export "host" (func $lowered)))))))"""

TRAPS = """(component
    (core module $m (func (export "run") unreachable))
    (core instance $i (instantiate $m))
    (func (export "run") (canon lift (core func $i "run"))))"""

ECHOES_A_NUMBER = """(component
    (core module $m (func (export "run") (param i32) (result i32) (local.get 0)))
    (core instance $i (instantiate $m))
    (func (export "run") (param "n" u32) (result u32) (canon lift (core func $i "run"))))"""

MAKES_RESOURCES = """(component
    (import "thing" (type $thing (sub resource)))
    (import "make" (func $make (result (own $thing))))
    (core func $lowered (canon lower (func $make)))
    (core func $drop (canon resource.drop $thing))
    (core module $m
        (import "a" "make" (func $make (result i32)))
        (import "a" "drop" (func $drop (param i32)))
        (func (export "keep") (param i32)
            (loop $l (drop (call $make)) (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
                (br_if $l (local.get 0))))
        (func (export "use") (call $drop (call $make))))
    (core instance $i (instantiate $m (with "a" (instance
        (export "make" (func $lowered)) (export "drop" (func $drop))))))
    (func (export "keep") (param "n" u32) (canon lift (core func $i "keep")))
    (func (export "use") (canon lift (core func $i "use"))))"""

RECURS = """(component
    (core module $m (func $f (export "run") (call $f)))
    (core instance $i (instantiate $m))
    (func (export "run") (canon lift (core func $i "run"))))"""

TRAPS_OR_NOT = """(component
    (core module $m (func (export "run") unreachable) (func (export "sound")))
    (core instance $i (instantiate $m))
    (func (export "run") (canon lift (core func $i "run")))
    (func (export "sound") (canon lift (core func $i "sound"))))"""

TWO_MEMORIES = """(component
    (core module $m (memory 1))
    (core instance (instantiate $m))
    (core instance (instantiate $m)))"""


def functions(store: Store, text: str, *names: str, host: Any = None) -> list[Func]:
    """Exports of a fresh instance in this store.

    Args:
        store: the store.
        text: the component.
        names: the names of the exports.
        host: the function that it imports, if it does.
    """
    linker = Linker(store.engine)
    if host is not None:
        with linker.root() as root:
            root.add_func("host", host)
    return _exports(store, linker, text, names)


def function(store: Store, text: str, host: Any = None) -> Func:
    """The export ``run`` of a fresh instance in this store."""
    return functions(store, text, "run", host=host)[0]


def resources(dropped: list[int]) -> tuple[Store, Func, Func]:
    """A store, and ``use`` and ``keep`` of a component that is given host resources by each.

    Args:
        dropped: where their destructor writes.
    """
    store = Store(Engine())
    linker = Linker(store.engine)
    with linker.root() as root:
        root.add_resource("thing", ResourceType.host(1), lambda _, rep: dropped.append(rep))
        root.add_func("make", lambda _: ResourceHost.own(7, 1))
    use, keep = _exports(store, linker, MAKES_RESOURCES, ("use", "keep"))
    return store, use, keep


def _exports(store: Store, linker: Linker, text: str, names: tuple[str, ...]) -> list[Func]:
    instance = linker.instantiate(store, Component(store.engine, text))
    found = [instance.get_func(store, name) for name in names]
    return [func for func in found if func is not None]
