"""``ron watch``: the events of a stream, a line each."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Any

import click

from .arguments import field_options, fields, parameters
from .options import Connection, client_options
from .output import Output
from .terminal import is_terminal, one_line

if TYPE_CHECKING:
    from ..client import RonClient
    from ..errors import RonError
    from ..events import Event
    from ..subscription import Subscription
    from .progress import Bar


@click.command()
@field_options
@click.option("--last-event-id", metavar="ID", help="Go on after this event.")
@click.option("--max-events", type=int, metavar="N", help="End after so many.")
@click.option("--max-duration", type=float, metavar="SECONDS", help="End after so long.")
@click.option("--no-reconnect", is_flag=True, help="End with the first connection.")
@click.option("--drop-heartbeats", is_flag=True, help="Leave events of this type out.")
@client_options
def command(
    path: str,
    query: tuple[str, ...],
    header: tuple[str, ...],
    node: bool,
    no_reconnect: bool,
    connection: Connection,
    output: Output,
    **options: Any,
) -> None:
    """Show the events of a stream as they come: type, id and data, a line each.

    Connections that are lost are made again. With --json, each event is a document. What it has
    come to is told on stderr at the end, also after Ctrl-C. Gateways hold streams back until they
    end: watch the service itself then, with --url and --node.
    """
    from .running import call

    wanted = {name: value for name, value in options.items() if value is not None}
    wanted |= {"query": parameters(query), "headers": fields(header), "reconnect": not no_reconnect}

    async def work(client: RonClient) -> None:
        subscribe = client.node.subscribe if node else client.subscribe
        subscription = subscribe(path, on_error=lambda error: _lost(error, output), **wanted)
        try:
            await _show(subscription, output)
        finally:
            _summarize(subscription, output)

    call(connection, output, work)


async def _show(subscription: Subscription, output: Output) -> None:
    from .progress import Bar

    bar = Bar()
    # Where both go to one terminal, the events are what shows that something happens.
    with bar.showing(not is_terminal(sys.stdout)):
        bar.begin("waiting for events")
        async with subscription:
            async for event in subscription:
                _count(bar, subscription)
                _write(event, output)


def _count(bar: Bar, subscription: Subscription) -> None:
    counters = subscription.counters
    bar.say(f"{counters.events} events", counters.bytes_received)


def _write(event: Event, output: Output) -> None:
    document = {
        "type": event.type,
        "id": event.id,
        "data": event.data,
        "retry": event.retry,
        "received": event.received.isoformat(),
    }
    text = f"{one_line(event.type)} {one_line(event.id) or '-'} {one_line(event.data)}"
    output.result(document, text)


def _lost(error: RonError, output: Output) -> None:
    output.note(f"ron: connection lost: {error}")


def _summarize(subscription: Subscription, output: Output) -> None:
    counters = dataclasses.asdict(subscription.counters)
    last = subscription.last_event_id
    if output.json:
        output.told({"counters": counters, "last_event_id": last})
        return
    shown = ", ".join(
        f"{name.replace('_', ' ')} {number}"
        for name, number in counters.items()
        if number or name in ("events", "connections")
    )
    output.note(shown + (f"; go on with --last-event-id {last!a}" if last else ""))
