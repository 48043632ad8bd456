"""``ron node``: what the node says of itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import click

from .options import Connection, client_options
from .output import Output

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from ..client import RonClient


@click.command()
@client_options
def command(connection: Connection, output: Output) -> None:
    """Ask the node for its health, readiness, version and profile.

    Exits with 1 if it is unwell or not ready, or does not tell its health. The token is not sent.
    """
    from .exit_codes import ExitCode
    from .running import call

    answers = call(connection, output, _ask)
    output.result(answers, "\n".join(_lines(answers)))
    if answers["health"].get("ok") is not True or answers["readiness"].get("ready") is False:
        raise click.exceptions.Exit(ExitCode.FINDINGS)


async def _ask(client: RonClient) -> dict[str, Any]:
    """What it answers, or why it does not, by the parts of the output."""
    node = client.node
    questions: dict[str, Callable[[], Awaitable[DataclassInstance]]] = {
        "health": node.health,
        "readiness": node.ready,
        "version": node.version,
        "profile": node.profile,
    }
    answers: dict[str, Any] = {"url": client.config.base_url}
    for name, question in questions.items():
        answers[name] = await _answer(question)
    return answers


async def _answer(question: Callable[[], Awaitable[DataclassInstance]]) -> dict[str, Any]:
    from ..errors import RonParseError, RonProblem

    try:
        told = dataclasses.asdict(await question())
    except (RonProblem, RonParseError) as error:
        # Not every node has every path. Where nothing answers, there is no node.
        return {"unknown": str(error)}
    return {name: value for name, value in told.items() if value is not None}


def _lines(answers: dict[str, Any]) -> list[str]:
    lines = [f"{'url':<10} {answers['url']}"]
    for name, shown in (
        ("health", _health),
        ("readiness", _readiness),
        ("version", _version),
        ("profile", _profile),
    ):
        answer = answers[name]
        text = f"unknown: {answer['unknown']}" if "unknown" in answer else shown(answer)
        lines.append(f"{name:<10} {text}")
    return lines


def _health(answer: dict[str, Any]) -> str:
    bad = [name for name, state in answer["checks"].items() if state is False]
    return "ok" if answer["ok"] else ", ".join(["unwell", *bad])


def _readiness(answer: dict[str, Any]) -> str:
    if answer["ready"]:
        return "ready"
    missing = f", waits for {', '.join(answer['missing'])}" if answer["missing"] else ""
    again = f", ask again in {answer['retry_after']:g} s" if "retry_after" in answer else ""
    return f"not ready{missing}{again}"


def _version(answer: dict[str, Any]) -> str:
    return " ".join(part for part in (answer.get("name"), answer["version"]) if part)


def _profile(answer: dict[str, Any]) -> str:
    amnesia = ", amnesiac" if answer.get("amnesia") else ""
    parts = [answer["kind"] + amnesia]
    if answer["capabilities"]:
        parts.append("can " + ", ".join(answer["capabilities"]))
    return "; ".join([*parts, *filter(None, [answer["note"]])])
