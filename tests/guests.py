"""Stand-ins for the component, one behaviour each, as WebAssembly text."""

from __future__ import annotations

from wasmtime import Config, Engine
from wasmtime.component import Component

from ron_app_sdk_py.engine.artifact import Artifact
from ron_app_sdk_py.engine.runtime import Runtime

EXPORTS = ("abi-version", "open", "derive", "begin", "feed", "cancel", "close", "stats")

TRAP = "unreachable"
LOOP = "(loop $l (br $l)) (unreachable)"
RECURSION = "(return (call $self (local.get 0) (local.get 1)))"
MEMORY_BOMB = (
    """(loop $l (br_if $l (i32.ne (memory.grow (i32.const 64)) (i32.const -1)))) (unreachable)"""
)
OUT_OF_BOUNDS = """(i32.store (i32.const 0) (i32.const 1024))
    (i32.store (i32.const 4) (i32.const 2147483647)) (return (i32.const 0))"""
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


def guest(**bodies: str) -> Runtime:
    """A component whose exports have these bodies; the ABI version is right unless given."""
    given = {name.replace("_", "-"): body for name, body in bodies.items()}
    all_bodies = dict.fromkeys(EXPORTS, TRAP) | {"abi-version": answer("1")} | given
    functions = "".join(
        f"""(func $f{number} (export "{name}") (param i32 i32) (result i32)
            {body.replace("$self", f"$f{number}")} unreachable)"""
        for number, (name, body) in enumerate(all_bodies.items())
    )
    lifts = "".join(
        f"""(func $l{number} (param "message" string) (result string)
            (canon lift (core func $i "{name}") (memory (core memory $i "memory"))
                (realloc (core func $i "realloc"))))"""
        for number, name in enumerate(all_bodies)
    )
    exports = "".join(
        f'(export "{name}" (func $l{number}))' for number, name in enumerate(all_bodies)
    )
    text = f"""(component
        (core module $m
            (memory (export "memory") 4)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 131072))
            {functions})
        (core instance $i (instantiate $m))
        {lifts}
        (instance $bridge {exports})
        (export "ron:bridge/bridge@0.1.0" (instance $bridge)))"""
    config = Config()
    config.consume_fuel = True
    engine = Engine(config)
    return Runtime(engine, Component(engine, text), Artifact("test.wasm", b"", "", ""))
