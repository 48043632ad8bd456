"""``ron init``: projects to start from."""

from __future__ import annotations

import contextlib
import keyword
import re
import secrets
import shutil
import sys
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

import click

from .._version import __version__
from ..errors import RonRequestError
from .options import output_options
from .output import Output

_SUFFIX = ".tmpl"
"""Of the templates, so that no tool takes them for what they are to become."""

_TAKEN = frozenset(
    (
        "aiohttp",
        "click",
        "mypy",
        "pydantic",
        "pytest",
        "rich",
        "ron_app_sdk_py",
        "ruff",
        "tests",
        "wasmtime",
        "yarl",
    )
)
"""Packages that a project has beside its own, directly or by way of the client."""


@click.group("init")
def command() -> None:
    """Start a project."""


@command.command("py")
@click.argument("name")
@click.option(
    "--folder",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Where to put it: a folder that is empty or not there yet.  [default: NAME]",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=9000,
    show_default=True,
    help="Where the app listens.",
)
@output_options
def py(name: str, folder: Path | None, port: int, output: Output) -> None:
    """Create the facet NAME: an app with a manifest, and tests against a development node.

    NAME is a project name as on PyPI, such as notes or my-notes.
    """
    package = _package(name)
    target = Path(name) if folder is None else folder
    _check_empty(target)
    _create(target.resolve(), name, package, port)
    written = sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.is_file())
    output.result(
        {"folder": str(target), "files": written},
        f"created {target} with {len(written)} files; next:\n"
        f"  cd {target}\n  pip install -e '.[dev]'\n  pytest",
    )


def _create(target: Path, name: str, package: str, port: int) -> None:
    """Makes the project beside its place, or inside a folder that is there, and then moves it."""
    is_there = target.is_dir()
    beside = target if is_there else target.parent
    beside.mkdir(parents=True, exist_ok=True)
    made = beside / f".{secrets.token_hex(8)}"
    created = [made]
    try:
        _fill(made, name, package, port)
        if is_there:
            for entry in list(made.iterdir()):
                created.append(entry.rename(target / entry.name))
            made.rmdir()
        else:
            made.rename(target)
    except BaseException as error:
        for path in created:
            shutil.rmtree(path, ignore_errors=True)
            with contextlib.suppress(OSError):
                path.unlink()
        if isinstance(error, OSError) and error.filename is not None:
            # The name that it has until it is whole tells nobody anything.
            error.filename = str(target)
        raise


def _fill(folder: Path, name: str, package: str, port: int) -> None:
    from ..facets import FacetManifest, Route, Security, Upstream

    major, minor, *_ = (int(part) for part in __version__.split("."))
    values = {
        "name": name,
        "package": package,
        "port": str(port),
        "sdk": f"{major}.{minor}",
        "next": f"{major}.{minor + 1}",
    }
    _render(files(__package__) / "template" / "py", folder, values)
    FacetManifest(
        id=name,
        kind="proxy",
        upstream=Upstream(scheme="http", host="127.0.0.1", port=port),
        routes=[
            Route(method="GET", path="/notes"),
            Route(method="POST", path="/notes"),
            Route(method="GET", path="/notes/*tail"),
        ],
        security=Security(public=False, requires_auth=True),
    ).save(folder / f"{name}.toml")


def _render(template: Traversable, folder: Path, values: dict[str, str]) -> None:
    folder.mkdir(exist_ok=True)
    for entry in template.iterdir():
        if entry.is_dir():
            inside = values["package"] if entry.name == "package" else entry.name
            _render(entry, folder / inside, values)
        elif entry.name.endswith(_SUFFIX):
            file = entry.name.removesuffix(_SUFFIX)
            # A file of that name would hide what lies beside the template.
            file = ".gitignore" if file == "gitignore" else file
            text = Template(entry.read_text("utf-8")).substitute(values)
            (folder / file).write_text(text, "utf-8", newline="\n")


def _package(name: str) -> str:
    """The package's name of a project's: what is imported."""
    # https://packaging.python.org/en/latest/specifications/name-normalization/
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", name):
        raise _fault(
            f"{name!r} is no name of a project; names have ASCII letters, digits, '.', '_' and "
            "'-', and begin and end with a letter or digit"
        )
    package = re.sub(r"[-_.]+", "_", name).lower()
    if not package.isidentifier() or keyword.iskeyword(package):
        raise _fault(
            f"{name!r} is no good: its package would be {package!r}, which can't be imported; "
            "begin with a letter, and use no word of Python's"
        )
    if package in sys.stdlib_module_names or package in _TAKEN:
        raise _fault(
            f"{name!r} is no good: its package would be {package!r}, which is another's already"
        )
    return package


def _check_empty(folder: Path) -> None:
    if folder.is_dir():
        if any(folder.iterdir()):
            raise _fault(f"{folder} is not empty; give another folder with --folder")
    elif folder.exists() or folder.is_symlink():
        raise _fault(f"{folder} is no folder; give another one with --folder")


def _fault(message: str) -> RonRequestError:
    return RonRequestError(message, code="invalid_project")
