"""The bill of materials: CycloneDX 1.6, ECMA-424. The same input gives the same text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from license_expression import get_spdx_licensing
from packageurl import PackageURL

from .crates import Crate
from .distributions import Distribution

_SPDX = get_spdx_licensing()


def document(
    project: Mapping[str, Any],
    artifacts: Mapping[str, Any],
    linked: Mapping[str, frozenset[Crate]],
    distributions: Iterable[Distribution],
) -> str:
    """The text of the bill.

    Each artifact depends on all crates that are linked into it. Python packages have no version.

    Args:
        project: the table ``project`` of ``pyproject.toml``.
        artifacts: what ``artifacts.json`` says.
        linked: the crates in each artifact.
        distributions: the Python packages that are asked for.
    """
    name, version = project["name"], project["version"]
    wheel = Component(
        name=name,
        version=version,
        bom_ref=name,
        purl=PackageURL("pypi", None, name, version),
        licenses=[_license(name, project["license"])],
    )
    bom = Bom()
    bom.metadata.component = wheel
    # The time of the build would make each build another one.
    bom.metadata.timestamp = None  # type: ignore[assignment]
    needed = [_distribution(one) for one in distributions]
    for file, entry in artifacts["artifacts"].items():
        artifact = _artifact(file, project, entry, artifacts)
        crates = [_crate(crate) for crate in sorted(linked[file])]
        bom.components.update(crates)
        bom.register_dependency(artifact, crates)
        needed.append(artifact)
    bom.components.update(needed)
    bom.register_dependency(wheel, needed)
    bom.serial_number = UUID(int=0)
    bom.serial_number = uuid5(NAMESPACE_URL, _text(bom))
    return _text(bom)


def _text(bom: Bom) -> str:
    return json.dumps(json.loads(JsonV1Dot6(bom).output_as_string()), indent=1) + "\n"


def _artifact(
    name: str, project: Mapping[str, Any], entry: Mapping[str, Any], artifacts: Mapping[str, Any]
) -> Component:
    return Component(
        name=name,
        version=project["version"],
        bom_ref=name,
        licenses=[_license(name, project["license"])],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=entry["sha256"])],
        properties=[
            Property(name="ron-app-sdk-py:toolchain", value=artifacts["toolchain"]),
            Property(name="ron-app-sdk-py:std", value=artifacts["std"]),
        ],
    )


def _crate(crate: Crate) -> Component:
    sha256 = crate.sha256
    return Component(
        name=crate.name,
        version=crate.version,
        bom_ref=f"crate:{crate.name}@{crate.version}",
        purl=PackageURL("cargo", None, crate.name, crate.version) if sha256 else None,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha256)] if sha256 else [],
        licenses=[_license(crate.name, crate.license)],
    )


def _distribution(one: Distribution) -> Component:
    required = Property(name="ron-app-sdk-py:versions", value=one.versions)
    extra = [] if one.extra is None else [Property(name="ron-app-sdk-py:extra", value=one.extra)]
    return Component(
        name=one.name,
        bom_ref=f"pypi:{one.name}",
        purl=PackageURL("pypi", None, one.name),
        scope=ComponentScope.REQUIRED if one.extra is None else ComponentScope.OPTIONAL,
        licenses=[_license(one.name, one.license)],
        properties=[required, *extra],
    )


def _license(name: str, written: str) -> LicenseExpression:
    # Cargo's form before SPDX expressions.
    expression = _SPDX.parse(written.replace("/", " OR "))
    if unknown := _SPDX.unknown_license_keys(expression):
        raise RuntimeError(f"{name} has a licence that SPDX does not list: {', '.join(unknown)}")
    return LicenseExpression(str(expression.simplify()))
