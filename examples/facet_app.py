"""An app to put behind a gateway: JSON in and out, work for a worker, and problems.

    python examples/facet_app.py --port 9000
    python -m ron_app_sdk_py.devnode --upstream http://127.0.0.1:9000

Clients then reach ``/notes`` as ``/app/notes``.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import socket

from aiohttp import web

NOTES: dict[int, str] = {}
WORDS: dict[int, int] = {}
NUMBERS = itertools.count(1)


def problem(status: int, code: str, message: str) -> web.Response:
    """An error in the form of RON's servers, which clients turn into a RonProblem."""
    return web.json_response({"code": code, "message": message, "retryable": False}, status=status)


async def health(_request: web.Request) -> web.Response:
    return web.json_response({"ok": True})


async def count(_request: web.Request) -> web.Response:
    return web.json_response({"notes": len(NOTES)})


async def uncounted(_request: web.Request) -> web.Response:
    """What a worker has still to do."""
    notes = [{"id": id_, "text": text} for id_, text in NOTES.items() if id_ not in WORDS]
    return web.json_response({"items": notes})


async def add(request: web.Request) -> web.Response:
    try:
        text = (await request.json())["text"]
    except (ValueError, KeyError, TypeError):
        return problem(400, "bad_note", 'a note is JSON such as {"text": "hello"}')
    number = next(NUMBERS)
    NOTES[number] = text
    return web.json_response({"id": number, "text": text}, status=201)


async def read(request: web.Request) -> web.Response:
    number = int(request.match_info["number"])
    if number not in NOTES:
        return problem(404, "no_such_note", f"there is no note {number}")
    return web.json_response({"id": number, "text": NOTES[number]})


async def set_words(request: web.Request) -> web.Response:
    number = int(request.match_info["number"])
    if number not in NOTES:
        return problem(404, "no_such_note", f"there is no note {number}")
    WORDS[number] = int((await request.json())["words"])
    return web.Response(status=204)


def main() -> None:
    parser = argparse.ArgumentParser(description="An app to put behind a gateway.")
    parser.add_argument("--port", type=int, default=9000)
    app = web.Application()
    app.router.add_get("/healthz", health)
    app.router.add_get("/notes/count", count)
    app.router.add_post("/notes", add)
    app.router.add_get("/notes/uncounted", uncounted)
    app.router.add_get(r"/notes/{number:\d+}", read)
    app.router.add_put(r"/notes/{number:\d+}/words", set_words)
    listening = socket.create_server(("127.0.0.1", parser.parse_args().port))
    web.run_app(app, sock=listening, print=functools.partial(print, flush=True))


if __name__ == "__main__":
    main()
