"""Components that attack their host, one behaviour each, and how each attempt ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import guests
from guests import LOOP, NOTHING, OPENED, TRAP

COMPONENT = b"\0asm\x0d\0\x01\0"
"""What the binary of a component begins with."""

_PAGES = "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 64)) (i32.const -1))))"
_RESOURCE = "(type $r (resource (rep i32)))"
_NEW = ("(canon resource.new $r)", "(param i32) (result i32)")
_REP = ("(canon resource.rep $r)", "(param i32) (result i32)")
_DROP = ("(canon resource.drop $r)", "(param i32)")
_HANDLES = {"new": _NEW, "rep": _REP, "drop": _DROP}


@dataclass(frozen=True)
class Hostile:
    """A hostile component.

    Attributes:
        wasm: its text or its bytes.
        code: of the :class:`~ron_app_sdk_py.RonSandboxError` in which it ends.
        says: a piece of the message.
    """

    wasm: str | bytes
    code: str
    says: str = ""


def behaving(
    body: str, code: str, says: str = "", *, at: str = "begin", **shape: object
) -> Hostile:
    """One that does this where it is called first for a call, or at another export."""
    bodies = {"open": OPENED, "feed": NOTHING, "cancel": NOTHING, "close": NOTHING, at: body}
    return Hostile(guests.text(bodies, **shape), code, says)  # type: ignore[arg-type]


def refused(says: str = "", **shape: object) -> Hostile:
    """One that is refused before anything of it has run."""
    return Hostile(guests.text({"abi-version": TRAP}, **shape), "abi", says)  # type: ignore[arg-type]


def uncompiled(module: str, code: str = "artifact_corrupt", says: str = "") -> Hostile:
    """One whose module has something that is not to be."""
    return Hostile(guests.text(module=module), code, says)


def nested(depth: int) -> bytes:
    """So many components, each in the one before."""
    binary = b""
    for _ in range(depth):
        size, length = b"", len(binary)
        while length > 127:
            size, length = size + bytes([length & 127 | 128]), length >> 7
        binary = COMPONENT + (b"\x04" + size + bytes([length]) + binary if binary else b"")
    return binary


def _module(fields: str) -> str:
    return f"(core module $x {fields})"


def _table(body: str) -> Hostile:
    return behaving(f"(loop $l {body} (br $l))", "fuel", module="(table $t 20000 funcref)")


COMPUTING = {
    "an endless loop": behaving(LOOP, "fuel", "computed for too long in begin"),
    "an endless loop while it starts": uncompiled(
        f"(func $s {LOOP}) (start $s)", "instantiate", "fuel"
    ),
    "an endless loop as it is opened": behaving(LOOP, "fuel", at="open"),
    "an endless loop in its allocator": behaving(NOTHING, "abi", "too long", realloc=LOOP),
    "an endless loop in a destructor": behaving(
        "(call $drop (call $new (i32.const 1)))",
        "fuel",
        definitions=f"""{_module(f'(func (export "end") (param i32) {LOOP})')}
            (core instance $d (instantiate $x))
            (type $r (resource (rep i32) (dtor (core func $d "end"))))""",
        functions=_HANDLES,
    ),
    "an endless loop that cleans up after an answer": behaving(
        NOTHING,
        "abi",
        "too long",
        module=f'(func (export "after") (param i32) {LOOP})',
        canon='(post-return (core func $i "after"))',
    ),
    "runaway recursion": behaving(guests.RECURSION, "trap", "call stack exhausted"),
    "large blocks filled without end": behaving(guests.FILL_LOOP, "fuel"),
    "large blocks copied without end": behaving(guests.COPY_LOOP, "fuel"),
    "a table filled without end": _table(
        "(table.fill $t (i32.const 0) (ref.null func) (i32.const 20000))"
    ),
    "a table copied without end": _table(
        "(table.copy $t $t (i32.const 0) (i32.const 1) (i32.const 19999))"
    ),
    "more memory asked for without end": behaving(
        "(loop $l (drop (memory.grow (i32.const 65535))) (br $l))", "fuel"
    ),
    "a trap": behaving(TRAP, "trap", "a defect"),
    "waits for the host": behaving(guests.WAIT, "trap", "ron:wire/host@0.1.0#wait"),
}

MEMORY = {
    "a memory bomb": behaving(guests.MEMORY_BOMB, "trap", "memories would exceed"),
    "a memory bomb that is written to": behaving(
        f"""{_PAGES} (memory.fill (i32.const 0) (i32.const 255)
            (i32.mul (memory.size) (i32.const 65536))) unreachable""",
        "fuel",
    ),
    "a memory that is too large to begin with": behaving(
        LOOP,
        "instantiate",
        "memory minimum size",
        definitions=f"{_module('(memory 1025)')} (core instance (instantiate $x))",
    ),
    "a fourth memory": behaving(LOOP, "instantiate", "memory count too high", memories=4),
    "memories of one module": uncompiled("(memory 1) (memory 1)", "instantiate", "memory count"),
    "a table that is too large": uncompiled("(table 10000000 funcref)", "instantiate", "table"),
    "a table that grows without end": behaving(
        """(loop $l (br_if $l (i32.ne (i32.const -1)
            (table.grow $t (ref.null func) (i32.const 64))))) unreachable""",
        "trap",
        module="(table $t 1 funcref)",
    ),
    "tables without end": uncompiled("(table 1 funcref)" * 17, "instantiate", "table count"),
    "instances without end": behaving(
        LOOP,
        "instantiate",
        "instance count",
        definitions=_module("") + "(core instance (instantiate $x))" * 20,
    ),
    "a shared memory": uncompiled("(memory 1 65536 shared)", says="threads"),
    "a memory of 64 bits": uncompiled("(memory i64 1)", says="memory64"),
    "objects without end": uncompiled("(type $a (array i8))", says="gc"),
    "exceptions without end": uncompiled("(tag $t)", says="exceptions"),
}

VALUES = {
    "a text beyond its memory": behaving(guests.OUT_OF_BOUNDS, "trap", "out of bounds"),
    "a text at the end of the address space": behaving(
        """(i32.store (i32.const 0) (i32.const -1)) (i32.store (i32.const 4) (i32.const -1))
            (return (i32.const 0))""",
        "trap",
    ),
    "an answer that is nowhere": behaving("(return (i32.const 2147483644))", "trap"),
    "a text that is not UTF-8": behaving(guests.NOT_UTF8, "trap", "utf-8"),
    "a giant text": behaving(
        f"""{_PAGES} (i32.store (i32.const 0) (i32.const 8))
            (i32.store (i32.const 4) (i32.const 60000000)) (return (i32.const 0))""",
        "abi",
        "more than 33554432 bytes",
    ),
    "a giant text that grows as it is read": behaving(
        f"""{_PAGES} (memory.fill (i32.const 8) (i32.const 255) (i32.const 40000000))
            (i32.store (i32.const 0) (i32.const 8))
            (i32.store (i32.const 4) (i32.const 40000000)) (return (i32.const 0))""",
        "abi",
        "more than 33554432 bytes",
        canon="string-encoding=latin1+utf16",
    ),
    "fields without end": behaving(
        f"""{_PAGES} (i32.store (i32.const 0) (i32.const 65536))
            (i32.store (i32.const 4) (i32.const 33000000)) (return (i32.const 0))""",
        "abi",
        "not within 1000000",
    ),
    "no text of the ABI": behaving(guests.answer("garbage"), "abi", "malformed"),
    "an item of no kind": behaving(guests.output((1, "no-such-kind")), "abi", "no item kind"),
}

HANDLES = {
    "a forged handle": behaving(
        "(drop (call $rep (i32.const 99)))",
        "trap",
        "unknown handle",
        definitions=_RESOURCE,
        functions=_HANDLES,
    ),
    "a stale handle": behaving(
        "(call $drop (call $new (i32.const 1))) (call $drop (i32.const 1))",
        "trap",
        "unknown handle",
        definitions=_RESOURCE,
        functions=_HANDLES,
    ),
    "a foreign handle": behaving(
        "(drop (call $other (call $new (i32.const 1))))",
        "trap",
        "handle",
        definitions=f"{_RESOURCE} (type $o (resource (rep i32)))",
        functions={**_HANDLES, "other": ("(canon resource.rep $o)", _REP[1])},
    ),
    "a flood of handles": behaving(
        "(loop $l (drop (call $new (i32.const 1))) (br $l))",
        "trap",
        "handle",
        definitions=_RESOURCE,
        functions=_HANDLES,
    ),
}

INTERFACE = {
    "an import that nobody declared": Hostile(
        guests.text(definitions='(import "evil:door/key" (func))'), "abi", "evil:door/key"
    ),
    "imports of sockets": Hostile(
        guests.text(
            definitions="""(import "wasi:sockets/tcp@0.2.0" (instance
                (export "socket" (type (sub resource)))))"""
        ),
        "abi",
        "wasi:sockets/tcp@0.2.0",
    ),
    "an export that is not there": refused("has no export", without="cancel"),
    "a number for a text": refused("stats", results={"stats": "u32"}),
    "a list for a text": refused("feed", results={"feed": "(list u8)"}),
    "a list of texts for a text": refused("begin", results={"begin": "(list string)"}),
    "a result for a text": refused("open", results={"open": "(result string (error string))"}),
    "a number for a parameter": refused("text", parameters='(param "a" u32) (param "b" u32)'),
    "another ABI": behaving(guests.answer("2"), "abi", "version", at="abi-version"),
}

GARBAGE: Mapping[str, Hostile] = {
    name: Hostile(wasm, "artifact_corrupt", "refuses")
    for name, wasm in {
        "nothing": b"",
        "no WebAssembly": bytes(range(256)) * 64,
        "a magic number and no more": COMPONENT + b"\xff" * 1000,
        "a core module": b"\0asm\x01\0\0\0",
        "a section without end": COMPONENT + b"\x01\xff\xff\xff\xff\x0f",
        "components in components": nested(2000),
    }.items()
}

ALL = {**COMPUTING, **MEMORY, **VALUES, **HANDLES, **INTERFACE, **GARBAGE}


def tool(
    body: str, code: str, says: str = "", *, module: str = "", more: str = "", name: str = "write"
) -> Hostile:
    """One in place of ``ron_tools.wasm``, whose ``write`` answers with a list of texts."""
    text = f"""(component {more}
        (core module $m
            (memory (export "memory") 4) {module}
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 131072))
            (func (export "write") (param i32 i32) (result i32) {body} unreachable))
        (core instance $i (instantiate $m))
        (func $write (param "json" string) (result (list string))
            (canon lift (core func $i "write") (memory (core memory $i "memory"))
                (realloc (core func $i "realloc"))))
        (instance $tools (export "{name}" (func $write)))
        (export "ron:tools/facet-manifests@0.1.0" (instance $tools)))"""
    return Hostile(text, code, says)


def _list(length: int) -> str:
    return f"""{_PAGES} (i32.store (i32.const 0) (i32.const 8))
        (i32.store (i32.const 4) (i32.const {length})) (return (i32.const 0))"""


TOOLS = {
    "a list beyond its memory": tool(_list(2**27), "trap", "out of bounds"),
    "a list longer than there are numbers for": tool(_list(-1), "trap"),
    "a list without end": tool(_list(7_000_000), "trap", "too much data"),
    "a text in a list beyond its memory": tool(
        "(i32.store (i32.const 12) (i32.const -1))" + _list(1), "trap", "out of bounds"
    ),
    "an endless loop": tool(LOOP, "fuel", "too long in write"),
    "an endless loop while it starts": tool(
        LOOP, "instantiate", "fuel", module=f"(func $s {LOOP}) (start $s)"
    ),
    "a memory bomb": tool(guests.MEMORY_BOMB, "trap", "memories would exceed"),
    "runaway recursion": tool(
        "(return (call $deeper))",
        "trap",
        "call stack exhausted",
        module="(func $deeper (result i32) (i32.add (call $deeper) (i32.const 1)))",
    ),
    "an import that nobody declared": tool(
        LOOP, "abi", "evil:door/key", more='(import "evil:door/key" (func))'
    ),
    "the import of the other component": tool(
        LOOP, "abi", "ron:wire/host", more='(import "ron:wire/host@0.1.0" (instance))'
    ),
    "an export that is not there": tool(LOOP, "abi", "no export", name="read"),
    **GARBAGE,
}
"""In place of ``ron_tools.wasm``, which gives lists, and more than texts."""
