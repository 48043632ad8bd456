"""The bill of materials and the licence texts say what is in the wheel, all of it and no more."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from license_expression import LicenseSymbol, LicenseWithExceptionSymbol, get_spdx_licensing
from packaging.requirements import Requirement

from ron_app_sdk_py.engine.artifact import CLIENT, FOLDER, HOST, TOOLS
from servers import ROOT

pytestmark = pytest.mark.checkout

THIRD_PARTY = ROOT / "host-python" / "third-party"
ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BlueOak-1.0.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "MIT",
    "MIT-0",
    "PSF-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
}
"""Licences that ask for no more than their text and the authors' names."""


@pytest.fixture(scope="module")
def text() -> str:
    return (THIRD_PARTY / "ron-app-sdk-py.cdx.json").read_text("utf-8")


@pytest.fixture(scope="module")
def bill(text: str) -> dict[str, Any]:
    return dict(json.loads(text))


@pytest.fixture(scope="module")
def components(bill: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {component["bom-ref"]: component for component in bill["components"]}


@pytest.fixture(scope="module")
def linked(bill: dict[str, Any]) -> dict[str, set[str]]:
    """What each component depends on, by its reference."""
    return {one["ref"]: {*one.get("dependsOn", ())} for one in bill["dependencies"]}


def lock() -> dict[tuple[str, str], dict[str, Any]]:
    packages = tomllib.loads((ROOT / "Cargo.lock").read_text("utf-8"))["package"]
    return {(package["name"], package["version"]): package for package in packages}


def reachable(root: str) -> set[str]:
    """What a crate needs by ``Cargo.lock``, which counts tests, builds and all targets."""
    locked = lock()
    versions: dict[str, list[str]] = {}
    for name, version in locked:
        versions.setdefault(name, []).append(version)
    found: set[tuple[str, str]] = set()
    waiting = [(root, "0.1.0")]
    while waiting:
        crate = waiting.pop()
        if crate in found:
            continue
        found.add(crate)
        for needed in locked[crate].get("dependencies", ()):
            name, *version = needed.split()
            waiting.append((name, version[0] if version else versions[name][0]))
    return {f"crate:{name}@{version}" for name, version in found}


def test_it_is_valid_cyclonedx(text: str, bill: dict[str, Any]) -> None:
    errors = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text, all_errors=True)
    assert errors is None, [*errors]
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["serialNumber"] != "urn:uuid:00000000-0000-0000-0000-000000000000"


def test_it_is_of_these_artifacts(components: dict[str, dict[str, Any]]) -> None:
    manifest = json.loads((FOLDER / "artifacts.json").read_text("utf-8"))
    assert manifest["artifacts"].keys() == {HOST, CLIENT, TOOLS}
    for name, entry in manifest["artifacts"].items():
        component = components[name]
        assert component["hashes"] == [{"alg": "SHA-256", "content": entry["sha256"]}]
        said = {one["name"].partition(":")[2]: one["value"] for one in component["properties"]}
        assert said == {"toolchain": manifest["toolchain"], "std": manifest["std"]}


def test_crates_of_the_registry_are_those_of_the_lock_file(
    components: dict[str, dict[str, Any]], linked: dict[str, set[str]]
) -> None:
    locked = lock()
    of_std = linked[TOOLS] - reachable("ron-tools")
    crates = {ref for ref in components if ref.startswith("crate:")}
    assert crates == linked[HOST] | linked[TOOLS]
    for ref in crates - of_std:
        component = components[ref]
        package = locked[component["name"], component["version"]]
        if "checksum" in package:
            assert component["hashes"] == [{"alg": "SHA-256", "content": package["checksum"]}]
            assert component["purl"].startswith("pkg:cargo/")
        else:
            assert component["name"].startswith("ron-")
            assert "purl" not in component
    names = {components[ref]["name"] for ref in of_std}
    assert "std" in names
    assert names <= {"std", "cfg-if", "dlmalloc", "hashbrown", "libc", "rustc-demangle"}


@pytest.mark.parametrize(
    ("artifact", "roots"),
    [
        (CLIENT, ["ron-client"]),
        (HOST, ["ron-bridge", "ron-client", "ron-wire"]),
        (TOOLS, ["ron-tools"]),
    ],
)
def test_an_artifact_has_its_crates_and_none_of_others(
    linked: dict[str, set[str]], artifact: str, roots: list[str]
) -> None:
    crates = linked[artifact]
    assert {f"crate:{root}@0.1.0" for root in roots} <= crates
    needed = set().union(*(reachable(root) for root in roots))
    of_std = linked[TOOLS] - reachable("ron-tools")
    assert crates <= needed | of_std
    # What only tests, builds and macros need is in no artifact.
    assert not {ref for ref in crates if ref.startswith(("crate:proptest@", "crate:syn@"))}
    # Direct dependencies for the target are, but for macros: an independent look at the manifests.
    names = {ref.removeprefix("crate:").partition("@")[0] for ref in crates}
    for root in roots:
        manifest = ROOT / "component" / root.removeprefix("ron-") / "Cargo.toml"
        written = tomllib.loads(manifest.read_text("utf-8"))["dependencies"]
        wanted = {
            name
            for name, entry in written.items()
            if not (isinstance(entry, dict) and entry.get("optional"))
        }
        assert wanted <= names, wanted - names


STD = {"alloc", "compiler_builtins", "core", "panic_abort", "std", "std_detect", "unwind"}
"""The crates that ``std`` stands for."""


def with_code(module: bytes) -> set[str]:
    """The crates that functions of a module come from, by their mangled names: v0 has a crate's
    after a disambiguator (``CsdfG7_4core``), the form before it at the beginning (``_ZN4core``)."""
    names = re.findall(rb"(?:Cs[0-9A-Za-z]*_|_ZN)(\d+)([a-z][a-z0-9_]*)", module)
    return {name[: int(size)].decode() for size, name in names if len(name) >= int(size)}


@pytest.mark.parametrize(
    ("artifact", "modules"),
    [
        (CLIENT, ["guest/ron_client"]),
        (HOST, ["guest/ron_client", "guest/ron_bridge", "guest/ron_wire"]),
        (TOOLS, ["tool/ron_tools"]),
    ],
)
def test_no_function_in_an_artifact_is_of_a_crate_that_the_bill_leaves_out(
    linked: dict[str, set[str]], artifact: str, modules: list[str]
) -> None:
    folder = ROOT / "target" / "guests" / "wasm32-unknown-unknown"
    crates = set().union(*(with_code((folder / f"{name}.wasm").read_bytes()) for name in modules))
    assert {name.partition("/")[2] for name in modules} | {"core"} <= crates
    listed = {ref.removeprefix("crate:").partition("@")[0] for ref in linked[artifact]}
    assert crates <= {name.replace("-", "_") for name in listed} | STD


def test_python_packages_are_those_that_pyproject_asks_for(
    bill: dict[str, Any], components: dict[str, dict[str, Any]], linked: dict[str, set[str]]
) -> None:
    text = (ROOT / "host-python" / "pyproject.toml").read_text("utf-8")
    project = tomllib.loads(text)["project"]
    asked = dict.fromkeys(project["dependencies"], "required")
    for requirements in project["optional-dependencies"].values():
        asked |= dict.fromkeys(requirements, "optional")
    expected = {
        f"pypi:{requirement.name.lower()}": (scope, requirement.specifier)
        for requirement, scope in ((Requirement(one), scope) for one, scope in asked.items())
    }
    found = {
        ref: (component["scope"], Requirement(f"x{versions}").specifier)
        for ref, component in components.items()
        if ref.startswith("pypi:")
        for versions in [
            one["value"] for one in component["properties"] if one["name"].endswith(":versions")
        ]
    }
    assert found == expected
    root = bill["metadata"]["component"]
    assert (root["name"], root["version"]) == (project["name"], project["version"])
    assert linked[root["bom-ref"]] == {*expected, HOST, CLIENT, TOOLS}


def granted(expression: Any) -> bool:
    """Whether one may use what has this licence."""
    match expression:
        case LicenseSymbol() | LicenseWithExceptionSymbol():
            return str(expression) in ALLOWED
    are_granted = [granted(one) for one in expression.args]
    return any(are_granted) if expression.operator == " OR " else all(are_granted)


@pytest.mark.parametrize(
    ("expression", "is_granted"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("GPL-3.0-only OR MIT", True),
        ("GPL-3.0-only AND MIT", False),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("MIT AND (CC0-1.0 OR Apache-2.0)", True),
    ],
)
def test_the_check_of_licences_reads_expressions(expression: str, is_granted: bool) -> None:
    assert granted(get_spdx_licensing().parse(expression)) == is_granted


def licences(components: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for ref, component in components.items():
        (licence,) = component["licenses"]
        yield ref, licence["expression"]


def test_every_licence_is_allowed(components: dict[str, dict[str, Any]]) -> None:
    spdx = get_spdx_licensing()
    refused = {ref: text for ref, text in licences(components) if not granted(spdx.parse(text))}
    assert not refused, "choose another crate, or add to ALLOWED what may be shipped"


def test_the_licence_texts_are_there_for_every_crate_of_others(
    components: dict[str, dict[str, Any]],
) -> None:
    text = (THIRD_PARTY / "LICENSES.txt").read_text("utf-8")
    rule = "-" * 80
    # Between two rules stand the crates; after the second one, the text.
    _, *parts = text.split(f"{rule}\n")
    named = {name for holders in parts[::2] for name in holders.strip().split(", ")}
    assert all(len(words.split()) >= 3 for words in parts[1::2])
    others = {
        f"{component['name']} {component['version']}"
        for ref, component in components.items()
        if ref.startswith("crate:") and not component["name"].startswith("ron-")
    }
    assert named == others
