"""The vectors that all languages share: ``tests/vectors/README.md``."""

from __future__ import annotations

import json
from typing import Any

from servers import ROOT

Case = dict[str, Any]


def read(name: str) -> dict[str, Any]:
    """The content of a file of ``tests/vectors/``."""
    content: dict[str, Any] = json.loads((ROOT / "tests/vectors" / name).read_text("utf-8"))
    return content


def title(case: Case) -> str:
    """What tells a case from others: its name, or its provenance."""
    if "name" in case:
        return str(case["name"])
    return f"line {case['line']}: {case['group']} {case['method']} {case['target']}"


def body(case: Case) -> bytes:
    """The body of an answer."""
    if "body_hex" in case:
        return bytes.fromhex(case["body_hex"])
    return str(case["body"]).encode()


def answer(case: Case) -> bytes:
    """An answer as it goes over the wire: interim heads, head, body."""
    content = body(case)
    lines = [line for status in case["interim"] for line in (f"HTTP/1.1 {status} Interim", "")]
    lines.append(f"HTTP/1.1 {case['status']} Status")
    fields = list(case["headers"])
    if case.get("body_cut"):
        fields = [(name, value) for name, value in fields if name != "content-length"]
    has_length = any(name == "content-length" for name, _ in fields)
    if not has_length and case["status"] not in (204, 304) and case["method"] != "HEAD":
        fields.append(("content-length", str(len(content))))
    lines += [f"{name}: {value}" for name, value in fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + content
