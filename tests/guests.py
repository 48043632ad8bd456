"""Stand-ins for the component, one behaviour each, as WebAssembly text."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from wasmtime.component import Component

from ron_app_sdk_py.engine.artifact import Artifact
from ron_app_sdk_py.engine.runtime import Runtime
from ron_app_sdk_py.engine.settings import make_engine

EXPORTS = ("abi-version", "open", "derive", "begin", "feed", "cancel", "close", "stats")

TRAP = "unreachable"
LOOP = "(loop $l (br $l)) (unreachable)"
FILL_LOOP = """(loop $l (memory.fill (i32.const 0) (i32.const 0) (i32.const 262144)) (br $l))
    (unreachable)"""
COPY_LOOP = """(loop $l (memory.copy (i32.const 0) (i32.const 131072) (i32.const 131072)) (br $l))
    (unreachable)"""
COUNT = """(local.set 0 (i32.const 500000000))
    (loop $l (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br_if $l (local.get 0)))"""
OUT_OF_BOUNDS_LOAD = "(drop (i32.load (i32.const 2147483000)))"
RECURSION = "(return (call $self (local.get 0) (local.get 1)))"
MEMORY_BOMB = (
    """(loop $l (br_if $l (i32.ne (memory.grow (i32.const 64)) (i32.const -1)))) (unreachable)"""
)
OUT_OF_BOUNDS = """(i32.store (i32.const 0) (i32.const 1024))
    (i32.store (i32.const 4) (i32.const 2147483647)) (return (i32.const 0))"""
WAIT = "(call $wait (i32.const 0) (i32.const 0) (i32.const 64))"
NOT_UTF8 = """(i32.store8 (i32.const 16) (i32.const 255)) (i32.store (i32.const 0) (i32.const 16))
    (i32.store (i32.const 4) (i32.const 1)) (return (i32.const 0))"""


def answer(text: str) -> str:
    """A body that answers with this text."""
    stores = "".join(
        f"(i32.store8 (i32.const {1024 + at}) (i32.const {byte}))"
        for at, byte in enumerate(text.encode())
    )
    return f"""{stores} (i32.store (i32.const 0) (i32.const 1024))
        (i32.store (i32.const 4) (i32.const {len(text.encode())})) (return (i32.const 0))"""


def message(*items: tuple[object, ...], wake_at: object = "") -> str:
    """An output with these items (``docs/abi.md``)."""
    fields = [wake_at, *(field for item in items for field in item)]
    return "".join(f"{field}\0" for field in fields)


def output(*items: tuple[object, ...]) -> str:
    """A body that answers with these items."""
    return answer(message(*items))


NOTHING = output()
OPENED = output((0, "opened", 1))


def text(
    bodies: Mapping[str, str] | None = None,
    /,
    *,
    answers: Mapping[str, str] | None = None,
    memories: int = 2,
    function_name: str = "f",
    definitions: str = "",
    functions: Mapping[str, tuple[str, str]] | None = None,
    module: str = "",
    realloc: str = "(i32.const 131072)",
    results: Mapping[str, str] | None = None,
    parameters: str = '(param "message" string)',
    canon: str = "",
    without: str = "",
) -> str:
    """A component whose exports have these bodies; the ABI version is right unless given.

    Args:
        bodies: what its exports do, by their names; those that are not there trap.
        answers: what others answer with; for long texts.
        memories: how many it has, two or more: of 256 KiB and of 64 KiB each.
        function_name: what its functions are called in its own words.
        definitions: of the component, before its modules.
        functions: core functions that the bodies may call, by their names: how they are defined,
            and their type.
        module: fields of the module that has the bodies.
        realloc: the body of its allocator.
        results: the types of what exports answer with, where that is not ``string``. In core
            WebAssembly they must be one ``i32`` too.
        parameters: those of all exports; two ``i32`` in core WebAssembly.
        canon: options of the exports beside memory and allocator.
        without: an export that it has not.
    """
    names = [name for name in EXPORTS if name != without]
    all_bodies = {name: (bodies or {}).get(name, TRAP) for name in names}
    if "abi-version" not in (bodies or {}):
        all_bodies["abi-version"] = answer("1")
    data, end = "", 262144
    for name, given_answer in (answers or {}).items():
        given_bytes = (
            struct.pack("<II", end + 8, len(given_answer.encode())) + given_answer.encode()
        )
        escaped = "".join(f"\\{byte:02x}" for byte in given_bytes)
        data += f'(data (i32.const {end}) "{escaped}")'
        all_bodies[name] = f"(return (i32.const {end}))"
        end += -(-len(given_bytes) // 8) * 8
    wait = (
        """(canon lower (func $host "wait") (memory (core memory $s "memory"))
            (realloc (core func $s "realloc")))""",
        "(param i32 i32 i32)",
    )
    given = {"wait": wait, **(functions or {})}
    exported = "".join(
        f"""(func $f{number} (@name "{function_name}") (export "{name}")
            (param i32 i32) (result i32) {body.replace("$self", f"$f{number}")} unreachable)"""
        for number, (name, body) in enumerate(all_bodies.items())
    )
    lifts = "".join(
        f"""(func $l{number} {parameters} (result {(results or {}).get(name, "string")})
            (canon lift (core func $i "{name}") (memory (core memory $i "memory"))
                (realloc (core func $i "realloc")) {canon}))"""
        for number, name in enumerate(names)
    )
    exports = "".join(f'(export "{name}" (func $l{number}))' for number, name in enumerate(names))
    return f"""(component
        (import "ron:wire/host@0.1.0" (instance $host
            (export "wait" (func (param "commands" string) (result string)))))
        (core module $strings
            (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
        (core instance $s (instantiate $strings))
        {"(core instance (instantiate $strings))" * (memories - 2)}
        {definitions}
        {"".join(f"(core func ${name} {how})" for name, (how, _) in given.items())}
        (core module $m
            {"".join(f'(import "host" "{n}" (func ${n} {kind}))' for n, (_, kind) in given.items())}
            (memory (export "memory") {-(-end // 65536)})
            {data}
            {module}
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) {realloc})
            {exported})
        (core instance $i (instantiate $m
            (with "host" (instance {
        "".join(f'(export "{name}" (func ${name}))' for name in given)
    }))))
        {lifts}
        (instance $bridge {exports})
        (export "ron:bridge/bridge@0.1.0" (instance $bridge)))"""


def guest(
    bodies: Mapping[str, str] | None = None,
    /,
    *,
    memories: int = 2,
    function_name: str = "f",
    **more: str,
) -> Runtime:
    """A component of that text, compiled.

    Args:
        bodies: what its exports do, by their names with underscores.
        memories: as of :func:`text`.
        function_name: as of :func:`text`.
        more: more of ``bodies``.
    """
    given = {name.replace("_", "-"): body for name, body in {**(bodies or {}), **more}.items()}
    return compiled(text(given, memories=memories, function_name=function_name))


def compiled(component: str) -> Runtime:
    """A component of this text."""
    engine, _settings = make_engine()
    return Runtime(engine, Component(engine, component), Artifact("test.wasm", b"", "", ""))
