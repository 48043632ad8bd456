"""``ron get``, ``post``, ``put``, ``patch`` and ``delete``: one call, and its answer."""

from __future__ import annotations

import base64
import json as json_
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from ..defaults import MAX_REQUEST_BYTES
from .arguments import field_options, fields, parameters
from .options import Connection, client_options
from .output import Output

if TYPE_CHECKING:
    from ..client import RonClient
    from ..response import Response


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What a call is to do, and what is wanted of its answer."""

    method: str
    path: str
    node: bool
    file: str | None
    include: bool
    max_bytes: int | None
    options: dict[str, Any]


def _perform(wanted: _Wanted, connection: Connection, output: Output) -> None:
    from ..errors import RonParseError
    from .content import output_file
    from .progress import Bar, counting
    from .running import call

    bar = Bar()

    async def work(client: RonClient) -> Response:
        perform = client.node.request if wanted.node else client.request
        with bar.showing():
            return await perform(wanted.method, wanted.path, **wanted.options)

    def performed() -> Response:
        return call(
            connection,
            output,
            work,
            transport=counting(bar),
            max_request_bytes=wanted.max_bytes,
            max_response_bytes=wanted.max_bytes,
        )

    if wanted.file is None:
        response = performed()
    else:
        with output_file(wanted.file) as write:
            response = performed()
            write(response.content)
    if output.json:
        try:
            _show_document(response, output, wanted.file)
        except RonParseError as error:
            cause = error.message.partition("; ")[0]
            error.message = f"{cause}; --json can't show it, so leave that out or give --output"
            raise
        return
    if wanted.include:
        lines = [f"HTTP {response.status}"]
        lines += [f"{name}: {value}" for name, value in response.headers.raw()]
        output.line("\n".join([*lines, ""]))
    if wanted.file is None:
        _show_content(response, output)


def _show_document(response: Response, output: Output, file: str | None) -> None:
    """The answer as one document: its content is ``body``, or ``body_base64`` if it is no text."""
    head = {
        "status": response.status,
        "headers": response.headers.raw(),
        "request_id": response.request_id,
        "attempts": response.attempts,
    }
    if file is not None:
        output.value({**head, "output": file, "bytes": len(response.content)})
        return
    name, body = "body", "null"
    value = response.value()
    if isinstance(value, bytes):
        name, body = "body_base64", json_.dumps(base64.b64encode(value).decode("ascii"))
    elif _is_json(response):
        body = _json_text(response)
    elif value is not None:
        body = json_.dumps(value)
    output.document(f'{json_.dumps(head)[:-1]}, "{name}": {body}}}')


def _show_content(response: Response, output: Output) -> None:
    if not output.on_terminal:
        output.content(response.content)
        return
    from ..errors import RonParseError

    try:
        value = response.value()
    except RonParseError as error:
        output.warning(error.message.partition("; ")[0])
        output.line(response.text)
        return
    if isinstance(value, bytes):
        output.note(
            f"{len(value)} bytes of {response.media_type or 'no named type'} are not shown on a "
            "terminal; use --output FILE or a pipe"
        )
    elif _is_json(response):
        output.document(_json_text(response))
    elif value is not None:
        output.line(value.removesuffix("\n"))


def _is_json(response: Response) -> bool:
    named = response.media_type == "application/json" or response.media_type.endswith("+json")
    return named and bool(response.content)


def _json_text(response: Response) -> str:
    return response.content.decode().removeprefix("\ufeff")


def _command(method: str, summary: str) -> click.Command:
    @field_options
    @click.option("-o", "--output", "file", metavar="FILE", help="Write the content to a file.")
    @click.option("-i", "--include", is_flag=True, help="Show status and header fields first.")
    @click.option("--retries", type=int, metavar="N", help="Attempts after the first.")
    @click.option(
        "--max-bytes",
        type=int,
        metavar="N",
        help="Largest content, sent or received.  [default: 1 MiB sent, 16 MiB received]",
    )
    @client_options
    def verb(
        path: str,
        query: tuple[str, ...],
        header: tuple[str, ...],
        node: bool,
        file: str | None,
        include: bool,
        retries: int | None,
        max_bytes: int | None,
        connection: Connection,
        output: Output,
        json_body: str | None = None,
        data: str | None = None,
        data_file: str | None = None,
        idem: bool = False,
        idem_key: str | None = None,
    ) -> None:
        from .content import JSON_TYPE, STDIN, sent_content

        files = [data_file, connection.token_file, connection.macaroon_file]
        if [json_body, data, *files].count(STDIN) > 1:
            raise click.UsageError("stdin can't be both the token and the content; give a file")
        if idem and idem_key is not None:
            raise click.UsageError("give one of --idem and --idem-key")
        headers = fields(header)
        limit = MAX_REQUEST_BYTES if max_bytes is None else max(max_bytes, 0)
        content, is_json = sent_content(json_body, data, data_file, limit)
        if is_json and not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(JSON_TYPE)
        options = {
            "query": parameters(query),
            "headers": headers,
            "content": content,
            "retries": retries,
            "idem": idem_key if idem_key is not None else idem,
        }
        wanted = _Wanted(
            method=method,
            path=path,
            node=node,
            file=file,
            include=include,
            max_bytes=max_bytes,
            options=options,
        )
        _perform(wanted, connection, output)

    if method != "GET":
        verb = _content_options(verb)
    return click.command(method.lower(), help=summary)(verb)


def _content_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--idem-key", metavar="KEY", help="Send this Idempotency-Key."),
        click.option("--idem", is_flag=True, help="Send a fresh one, so that it may be retried."),
        click.option("--data-file", metavar="FILE", help="The content, from a file; - is stdin."),
        click.option("--data", metavar="TEXT", help="The content as text; - is stdin."),
        click.option("--json-body", metavar="JSON", help="The content as JSON; - is stdin."),
    ):
        command = option(command)
    return command


_ANSWER = """The answer's JSON is indented on a terminal. A pipe and --output get the content byte
for byte; --json gives a document with status, header fields and body."""

commands = {
    method.lower(): _command(method, f"{summary}\n\n{_ANSWER}")
    for method, summary in (
        ("GET", "GET a path of the app plane, such as /hello."),
        ("POST", "POST to a path of the app plane."),
        ("PUT", "PUT a path of the app plane."),
        ("PATCH", "PATCH a path of the app plane."),
        ("DELETE", "DELETE a path of the app plane."),
    )
}
