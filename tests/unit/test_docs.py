"""The tables of the documents are those of the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

import ron_app_sdk_py
from ron_app_sdk_py import defaults, errors
from servers import ROOT

pytestmark = pytest.mark.checkout


def table(document: str, columns: int) -> Iterator[list[str]]:
    for line in (ROOT / "docs" / document).read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and len(cells) == columns and cells[0] not in ("class", "what"):
            yield cells


def test_every_error_class_is_documented_with_its_bases_and_kind() -> None:
    documented = {row[0].strip("`"): (row[1], row[2]) for row in table("errors.md", 4)}
    kinds = {cls.__name__: kind for kind, cls in errors._BY_KIND.items()}
    kinds |= {"RonProblem": "problem", "RonAuthError": "problem", "RonTimeoutError": "timeout"}
    classes = {
        name: value
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.RonError) and value.__name__ == name
    }
    assert documented.keys() == classes.keys()
    for name, cls in classes.items():
        bases, kind = documented[name]
        assert bases == ", ".join(f"`{base.__name__}`" for base in cls.__bases__), name
        assert kind.strip("`") == kinds.get(name, ""), name


def test_every_error_kind_of_the_wit_has_a_class() -> None:
    wit = (ROOT / "wit/ron-app/types.wit").read_text("utf-8")
    enum = re.search(r"enum error-kind \{(.*?)\n  \}", wit, re.S)
    assert enum is not None
    kinds = set(re.findall(r"^    %?([a-z-]+),$", enum.group(1), re.M))
    assert kinds == {*errors._BY_KIND, "problem", "timeout"} - {"abi"}


def test_every_exported_error_is_public() -> None:
    raised = {name for name in vars(errors) if name.startswith("Ron")}
    assert raised <= {*ron_app_sdk_py.__all__}


def test_every_number_is_documented() -> None:
    documented: dict[str, str] = {}
    for row in table("defaults.md", 5):
        documented[row[3].strip("`")] = row[1]
    in_code = {
        f"python:{name}": str(value) for name, value in vars(defaults).items() if name.isupper()
    }
    for prefix, crate in (("rust", "core"), ("wire", "wire"), ("tools", "tools")):
        rust = (ROOT / f"component/{crate}/src/defaults.rs").read_text("utf-8")
        for name, text in re.findall(r"pub const (\w+): \w+ = (.*);", rust):
            expression = re.sub(r"Duration::from_millis\((.*)\)", r"\1", text).replace("_", "")
            in_code[f"{prefix}:{name}"] = str(evaluated(expression))
    assert documented == in_code


def test_a_number_that_both_sides_have_is_the_same() -> None:
    seconds = {"ms": 1000, "s": 1}
    values: dict[str, dict[str, float]] = {side: {} for side in ("rust", "python", "wire", "tools")}
    for _, value, unit, constant, _ in table("defaults.md", 5):
        side, _, name = constant.strip("`").partition(":")
        values[side][name] = float(value) / seconds.get(unit, 1)
    shared = values["rust"].keys() & values["python"].keys()
    assert shared >= {"MAX_RETRIES", "OVERALL_TIMEOUT", "RETRY_BUDGET", "WRITE_TIMEOUT"}
    for name in shared:
        assert values["rust"][name] == values["python"][name], name


def evaluated(expression: str) -> int:
    """A product of whole numbers."""
    total = 1
    for factor in expression.split("*"):
        total *= int(ast.literal_eval(factor.strip()))
    return total


def test_the_tests_that_a_promise_rests_on_are_there() -> None:
    named = re.findall(r"`(tests/[^`]+)`", (ROOT / "SECURITY.md").read_text("utf-8"))
    assert len(named) > 10
    assert not [pattern for pattern in named if not any(ROOT.glob(pattern))]


def test_every_wit_item_has_a_doc_comment_and_every_interface_item_a_since() -> None:
    for path in sorted((ROOT / "wit").glob("ron-*/*.wit")):
        lines = path.read_text("utf-8").splitlines()
        for number, line in enumerate(lines):
            item = re.match(
                r"\s*(interface|world|resource|record|variant|enum|type|[a-z-]+: func|"
                r"[a-z-]+: [a-z]|[a-z-]+(\([a-z-]+\))?,$)",
                line,
            )
            if item is None or re.match(r"\s*(use|import|export|package)\b", line):
                continue
            before = lines[number - 1].strip()
            if before.startswith("@since"):
                before = lines[number - 2].strip()
            elif item.group(1) in ("interface", "world", "resource") or "func" in item.group(1):
                assert path.parent.name == "ron-bridge", f"{path.name}:{number + 1} no @since"
            assert before.startswith("///"), f"{path.name}:{number + 1} has no doc comment"
