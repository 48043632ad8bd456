"""``ron facet``: manifests of facets."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from .exit_codes import ExitCode
from .options import output_options
from .output import Output
from .writing import write

if TYPE_CHECKING:
    from ..facets import Finding, Limits, Meta, Route, Upstream


@click.group("facet")
def command() -> None:
    """Write and check the manifests that micronodes load."""


_EXAMPLES = """\b
Examples:
  ron facet new docs --kind static --file /hello=site/hello.txt
  ron facet new ping --kind echo --route 'GET /ping'
  ron facet new users --kind proxy --upstream http://127.0.0.1:9000 \\
      --route 'GET /*tail' --route 'POST /*tail'
"""


@command.command("new", epilog=_EXAMPLES)
@click.argument("id_", metavar="ID")
@click.option("--kind", required=True, type=click.Choice(["static", "echo", "proxy"]))
@click.option(
    "--route",
    "routes",
    multiple=True,
    metavar="'METHOD /PATH [/UPSTREAM_PATH]'",
    help="A route of an echo or a proxy, which may end in /*tail; may be repeated.",
)
@click.option(
    "--file",
    "files",
    multiple=True,
    metavar="/PATH=FILE",
    help="A file that a static facet serves at a path; may be repeated.",
)
@click.option("--upstream", metavar="URL", help="What a proxy passes requests to.")
@click.option("--public", is_flag=True, help="Say that the facet is for everybody.")
@click.option("--no-auth", is_flag=True, help="Say that it asks for no credential.")
@click.option("--description", metavar="TEXT", help="What it is for.")
@click.option("--owner", metavar="TEXT", help="Who answers for it.")
@click.option("--version", metavar="TEXT", help="Its version.")
@click.option("--max-rps", type=int, metavar="NUMBER", help="Requests a second.")
@click.option("--max-concurrency", type=int, metavar="NUMBER", help="Requests at once.")
@click.option(
    "-o",
    "--output",
    "target",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where to write it, - for stdout.  [default: ID.toml]",
)
@click.option("--force", is_flag=True, help="Overwrite the file.")
@output_options
def new(
    id_: str,
    kind: str,
    routes: tuple[str, ...],
    files: tuple[str, ...],
    upstream: str | None,
    public: bool,
    no_auth: bool,
    target: Path | None,
    force: bool,
    output: Output,
    **details: Any,
) -> None:
    """Write the manifest of the facet ID.

    Nothing is public unless you say so. What micronodes ignore, limits and security among it, is
    warned of.
    """
    from ..facets import FacetManifest, Security

    if files and kind != "static":
        raise click.UsageError(f"--file is for static facets; {kind} takes --route")
    if routes and kind == "static":
        raise click.UsageError("--route is for echo and proxy; static takes --file")
    if not routes and not files:
        example = "--file /hello=site/hello.txt" if kind == "static" else "--route 'GET /ping'"
        raise click.UsageError(f"a facet without routes serves nothing; give {example}")
    manifest = FacetManifest(
        id=id_,
        kind=kind,
        routes=[*map(_route, routes), *map(_file_route, files)],
        upstream=None if upstream is None else _upstream(upstream),
        security=Security(public=public, requires_auth=not no_auth),
        limits=_limits(details),
        meta=_meta(details),
    )
    text = manifest.to_toml()
    # Once the text is sound, so is the id that the file is named after.
    path = Path(f"{id_}.toml") if target is None else target
    to_stdout = path == Path("-")
    if not to_stdout:
        write(path, text, force=force)
    for finding in manifest.findings():
        output.note(f"ron: {finding}")
    if to_stdout:
        output.result({"text": text}, text.removesuffix("\n"))
    else:
        output.result({"file": str(path)}, f"wrote {path}")


@command.command("validate")
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path)
)
@click.option(
    "--root",
    metavar="FOLDER",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Where the node runs: the files of static facets are looked for in it.",
)
@output_options
@click.pass_context
def validate(
    ctx: click.Context, files: tuple[Path, ...], root: Path | None, output: Output
) -> None:
    """Show what a micronode would refuse, skip or ignore of each manifest.

    A folder stands for its *.toml files, as the loader reads them. Exits with 1 if there are
    errors.
    """
    seen: dict[tuple[Path, str], Path] = {}
    named = set(files)
    found = [
        (path, _findings(path, root, seen) if path in named else _loaded(path, root, seen))
        for path in _manifests(files)
    ]
    errors = sum(finding.severity == "error" for _, all_ in found for finding in all_)
    warnings = sum(len(all_) for _, all_ in found) - errors
    for _, all_ in found:
        for finding in all_:
            style = "red" if finding.severity == "error" else "yellow"
            output.styled((f"{finding.where}: ", ""), (str(finding), style))
    output.result(
        {
            "errors": errors,
            "warnings": warnings,
            "files": [
                {"file": str(path), "findings": [_described(finding) for finding in all_]}
                for path, all_ in found
            ],
        },
        f"{_counted(len(found), 'file')}: {_counted(errors, 'error')}, "
        f"{_counted(warnings, 'warning')}",
    )
    if errors:
        ctx.exit(ExitCode.FINDINGS)


def _route(text: str) -> Route:
    from ..facets import Route

    match text.split():
        case [method, path]:
            return Route(method=method, path=path)
        case [method, path, upstream_path]:
            return Route(method=method, path=path, upstream_path=upstream_path)
    raise click.UsageError(f"--route {text!r} is no method and path; give 'GET /path'")


def _file_route(text: str) -> Route:
    from ..facets import Route

    path, _, file = text.partition("=")
    if not path or not file:
        raise click.UsageError(f"--file {text!r} is no path and file; give /hello=site/hello.txt")
    return Route(method="GET", path=path, file=file)


def _upstream(url: str) -> Upstream:
    from ..facets import Upstream

    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise click.UsageError(f"--upstream: {error}; give http://127.0.0.1:9000") from None
    if "@" in parts.netloc:
        raise click.UsageError("--upstream has a user name or password, and manifests are no place")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise click.UsageError(f"--upstream {url!r} is no URL; give http://127.0.0.1:9000")
    if parts.query or parts.fragment:
        raise click.UsageError(f"--upstream {url!r} has a query or fragment; leave it out")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Upstream(
        scheme=parts.scheme,
        host=host,
        port={"http": 80, "https": 443}[parts.scheme] if port is None else port,
        base_path=parts.path.rstrip("/") or None,
    )


def _limits(details: dict[str, Any]) -> Limits | None:
    from ..facets import Limits

    given = {name: details[name] for name in ("max_rps", "max_concurrency")}
    return None if set(given.values()) == {None} else Limits(**given)


def _meta(details: dict[str, Any]) -> Meta | None:
    from ..facets import Meta

    given = {name: details[name] for name in ("description", "owner", "version")}
    return None if set(given.values()) == {None} else Meta(**given)


def _manifests(paths: Iterable[Path]) -> list[Path]:
    """The files, and those of the folders, in order and each once."""
    files: dict[Path, None] = {}
    for path in paths:
        if not path.is_dir():
            files[path] = None
            continue
        inside = sorted(path.glob("*.toml"))
        if not inside:
            raise click.UsageError(f"{path} has no *.toml files")
        files.update(dict.fromkeys(inside))
    return list(files)


def _findings(
    path: Path, root: Path | None, seen: dict[tuple[Path, str], Path]
) -> tuple[Finding, ...]:
    """What there is to say of a file.

    Args:
        path: the file.
        root: where the node runs.
        seen: the files of the facets that were looked at, by folder and id.
    """
    from ..facets import FacetManifest, Finding, check_manifest
    from ..facets.files import manifest_bytes

    content = manifest_bytes(path)
    findings = check_manifest(content, source=str(path), root=root)
    if any(finding.severity == "error" for finding in findings):
        return findings
    id_ = FacetManifest.from_toml(content.decode(), source=str(path)).id
    first = seen.setdefault((path.resolve().parent, id_), path)
    if first == path:
        return findings
    # A node has one folder of manifests, and of each id the first.
    message = f"{id_!r} is also that of {first}, and a node loads one of them"
    return (*findings, Finding("error", "facet.id", message, source=str(path)))


def _loaded(
    path: Path, root: Path | None, seen: dict[tuple[Path, str], Path]
) -> tuple[Finding, ...]:
    """The same of a file of a folder, where what can't be read is skipped."""
    from ..facets import Finding

    try:
        return _findings(path, root, seen)
    except OSError as error:
        message = f"can't be read: {error.strerror or type(error).__name__}"
        return (Finding("error", "", message, source=str(path)),)


def _described(finding: Finding) -> dict[str, Any]:
    return {
        "severity": finding.severity,
        "field": finding.field,
        "message": finding.message,
        "line": finding.line,
    }


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
