"""``ron codegen``: models of a schema."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from ..errors import RonConfigError
from .options import output_options
from .output import Output
from .terminal import can_redraw, one_line
from .writing import check_free, write


@click.command("codegen")
@click.argument("schema", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    "target",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where to write the module.  [default: stdout]",
)
@click.option("--force", is_flag=True, help="Overwrite the file.")
@click.option(
    "--root",
    metavar="FOLDER",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Where SCHEMA may refer to files.  [default: its own folder]",
)
@output_options
def command(
    schema: Path, target: Path | None, force: bool, root: Path | None, output: Output
) -> None:
    """Write Pydantic models of SCHEMA, a JSON Schema or an OpenAPI 3 document.

    SCHEMA is JSON or YAML. The models go with the option model= of the client, keep unknown
    fields, and use the types of ron_app_sdk_py.types. Nothing is read from the network. The same
    files give the same text.

    Needs the extra codegen: pip install 'ron-app-sdk-py[codegen]'
    """
    if target == Path("-"):
        target = None
    if target is not None:
        if target.resolve() == schema.resolve():
            raise click.UsageError("-o names SCHEMA itself; give the module another name")
        check_free(target, force=force)
    with _progress(f"Making models of {schema.name}", output):
        text = _models_of(schema, root)
    if target is not None:
        write(target, text, force=force)
        output.result({"file": str(target)}, f"wrote {target}")
    elif output.json:
        output.value({"text": text})
    else:
        output.content(text.encode())


def _models_of(schema: Path, root: Path | None) -> str:
    try:
        from ..codegen import models_of
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith(__package__.partition(".")[0]):
            raise
        raise RonConfigError(
            f"ron codegen needs {error.name}; install it with "
            "pip install 'ron-app-sdk-py[codegen]'",
            code="missing_extra",
        ) from None
    return models_of(schema, root=root)


@contextlib.contextmanager
def _progress(text: str, output: Output) -> Iterator[None]:
    """Shows on stderr that work is being done, if that is a terminal."""
    if output.json or not can_redraw(sys.stderr):
        yield
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status(Text(one_line(text))):
        yield
