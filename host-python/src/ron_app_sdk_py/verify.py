"""``python -m ron_app_sdk_py verify``: whether what runs here is what was built and installed.

It compares each artifact with the digest that the build wrote into ``artifacts.json``, and each
installed file, that one too, with the digest that the wheel has in ``RECORD``. That finds damage,
mixed-up versions and files that somebody put there; who can replace all of them can replace this
check. ``SECURITY.md`` has the rest of the chain.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, PackagePath, distribution
from pathlib import Path

from ._version import __version__
from .commands import Parser
from .engine.artifact import CLIENT, HOST, TOOLS, load
from .engine.runtime import fresh, imports
from .errors import RonSandboxError

_NAME = "ron-app-sdk-py"
_PACKAGE = Path(__file__).resolve().parent
_HASHES = ("sha256", "sha384", "sha512")
"""Those that the specification of ``RECORD`` asks for and Python always has."""


@dataclass(frozen=True, slots=True)
class Checked:
    """An artifact that is as it was built.

    Attributes:
        name: what it is called.
        bytes: its size.
        sha256: its digest in hexadecimal.
        toolchain: the compiler that made it.
        imports: all that it can reach in its host, read out of the component itself.
    """

    name: str
    bytes: int
    sha256: str
    toolchain: str
    imports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Something is not as it was built or installed.

    Attributes:
        file: its path, or the name of an artifact.
        reason: what is wrong with it.
    """

    file: str
    reason: str


@dataclass(slots=True)
class Report:
    """What was found.

    Attributes:
        version: the version of this package.
        package: the folder of the package that runs.
        artifacts: those that are as they were built.
        files: how many installed files were compared, or None if no ``RECORD`` lists them, as in a
            checkout.
        differences: what is not as it should be; empty if all is well.
    """

    version: str = __version__
    package: str = str(_PACKAGE)
    artifacts: list[Checked] = field(default_factory=list)
    files: int | None = None
    differences: list[Difference] = field(default_factory=list)


def verify() -> Report:
    """Compares everything; the components are compiled afresh, without the cache."""
    report = Report()
    for name in (HOST, CLIENT, TOOLS):
        try:
            artifact = load(name)
            names = tuple(imports(fresh(artifact)))
        except RonSandboxError as error:
            report.differences.append(Difference(name, error.message))
            continue
        size = len(artifact.wasm)
        report.artifacts.append(Checked(name, size, artifact.sha256, artifact.toolchain, names))
    recorded = _recorded()
    roots = {
        Path(str(file.locate())).parents[len(file.parts) - 2].resolve()
        for file in recorded.values()
        if file.parts[0] == _PACKAGE.name and len(file.parts) > 1
    }
    if _PACKAGE in roots:
        report.files = sum(file.hash is not None for file in recorded.values())
        report.differences += _differences(recorded)
    elif roots:
        other = f"the one that was installed is in {min(roots)}"
        report.differences.append(Difference(report.package, other))
    return report


def _recorded() -> dict[Path, PackagePath]:
    """What the wheel brought, by where it is. The installer's own scripts are outside of that."""
    try:
        files = distribution(_NAME).files or ()
    except PackageNotFoundError:
        return {}
    return {
        Path(str(file.locate())).resolve(): file for file in files if not str(file).startswith("..")
    }


def _differences(recorded: dict[Path, PackagePath]) -> Iterator[Difference]:
    for path, file in recorded.items():
        if file.hash is None:
            if file.name != "RECORD" and not _is_compiled(path):
                yield Difference(str(path), "RECORD has no digest of it")
            continue
        if file.hash.mode not in _HASHES:
            yield Difference(
                str(path), f"RECORD has a {file.hash.mode} of it, which proves nothing"
            )
            continue
        try:
            digest = hashlib.new(file.hash.mode, path.read_bytes()).digest()
        except OSError as error:
            yield Difference(str(path), f"it was installed but can't be read: {error.strerror}")
            continue
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != file.hash.value:
            yield Difference(str(path), f"its {file.hash.mode} is not the one in RECORD")
    for path in sorted(_PACKAGE.rglob("*")):
        # A link to a folder is a package to Python, and goes before a module of that name.
        is_file = path.is_file() or path.is_symlink()
        if path not in recorded and is_file and not _is_compiled(path):
            yield Difference(str(path), "it was not installed with the package")


def _is_compiled(path: Path) -> bool:
    """Whether Python put it there, of which no ``RECORD`` has a digest."""
    return path.parent.name == "__pycache__"


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints what was found. Exits with 1 if something differs, 2 if the arguments are no good.

    Args:
        arguments: the command's arguments; by default the process's.
    """
    parser = Parser(prog=f"python -m {__package__}", description="Looks after this installation.")
    commands = parser.add_subparsers(required=True, metavar="verify", dest="command")
    command = commands.add_parser("verify", help="compare what runs here with what was built")
    command.add_argument("--json", action="store_true", help="one JSON object, for programs")
    options = parser.parse_args(arguments)
    report = verify()
    print(json.dumps(asdict(report), indent=2) if options.json else _text(report))
    parser.exit(1 if report.differences else 0)


def _text(report: Report) -> str:
    lines = [f"{_NAME} {report.version} in {report.package}"]
    for one in report.artifacts:
        lines += [
            f"{one.name}: {one.bytes} bytes, sha256 {one.sha256}, as built",
            f"  by {one.toolchain}",
            *(f"  imports {name}" for name in one.imports or ("nothing",)),
        ]
    if report.files is None:
        lines.append("installed files: not compared, no RECORD lists them (a checkout?)")
    else:
        lines.append(f"installed files: {report.files} compared with RECORD")
    lines += [f"DIFFERS: {one.file}: {one.reason}" for one in report.differences]
    if report.differences:
        lines.append(
            f"{len(report.differences)} differ: reinstall the package from a source you trust"
        )
    else:
        lines.append("nothing differs")
    return "\n".join(lines)
