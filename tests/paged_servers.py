"""Servers with collections of pages, on real sockets."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import parse_qsl

from servers import Request, read_request, reply

JSON = "content-type: application/json"


class Answers:
    """A server that gives these answers one after another, whatever it is asked.

    Args:
        answers: values for JSON, or whole answers as bytes. The last one is given again and again.

    Attributes:
        queries: what it was asked, as pairs.
        requests: the same as it was sent.
    """

    def __init__(self, answers: list[Any]) -> None:
        self._answers = list(answers)
        self.queries: list[list[list[str]]] = []
        self.requests: list[Request] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await read_request(reader)
            self.requests.append(request)
            query = parse_qsl(request[0].split()[1].partition("?")[2], keep_blank_values=True)
            self.queries.append([list(pair) for pair in query])
            answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
            if not isinstance(answer, bytes):
                answer = reply("200 OK", json.dumps(answer).encode(), JSON)
            writer.write(answer)


class Collection:
    """A server that has pages by their tokens, in any of the three forms.

    Attributes:
        pages: the items of each page, and the form that it is sent in: the parameter that asks for
            the next one.
        loops_to: the number of the page that the last one names as the next, or None.
        asked: how many pages it was asked for.
    """

    def __init__(self) -> None:
        self.pages: list[tuple[list[Any], str]] = []
        self.loops_to: int | None = None
        self.asked = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            first, _, _ = await read_request(reader)
            query = dict(parse_qsl(first.split()[1].partition("?")[2]))
            self.asked += 1
            answer = self._page(next(iter(query.items()), None))
            writer.write(reply("200 OK", json.dumps(answer).encode(), JSON))

    def token(self, number: int) -> tuple[str, str] | None:
        """What asks for a page, or None for the first one: the page before it has the form."""
        return None if number == 0 else (self.pages[number - 1][1], f"t{number}")

    def _page(self, asked: tuple[str, str] | None) -> dict[str, Any]:
        number = 0 if asked is None else int(asked[1].removeprefix("t"))
        items, form = self.pages[number]
        following: str | None = f"t{number + 1}"
        if number == len(self.pages) - 1:
            following = None if self.loops_to is None else f"t{self.loops_to}"
        if form == "after":
            return {"messages": items, "cursor": following}
        return {"items": items, {"cursor": "next_cursor"}.get(form, "next_page_token"): following}
