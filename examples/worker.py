"""A worker: takes what there is to do from an app behind the gateway, and goes on through failures.

    RON_APP_URL=http://127.0.0.1:8080 python examples/worker.py

It counts the words of the notes of ``facet_app.py``. Ctrl-C ends it.
"""

from __future__ import annotations

import asyncio
import contextlib

from ron_app_sdk_py import RonClient, RonNetworkError, RonOverloadError, RonProblem

PAUSE_SECONDS = 1.0


async def work(client: RonClient) -> int:
    """Does what there is to do. Doing it twice does no harm: the same number is put again."""
    notes = (await client.get("/notes/uncounted"))["items"]
    for note in notes:
        words = len(note["text"].split())
        await client.put(f"/notes/{note['id']}/words", json={"words": words}, idem=True)
    return len(notes)


async def work_for_ever(client: RonClient, pause: float = PAUSE_SECONDS) -> None:
    """Works until it is cancelled. Stops by itself only for what will not get better."""
    while True:
        wait = pause
        try:
            if await work(client):
                continue
        except RonProblem as problem:
            if not problem.retryable:
                raise
            wait = max(pause, problem.retry_after or 0.0)
            print(f"worker: {problem}; next try in {wait:.1f} s")
        except (RonNetworkError, RonOverloadError) as error:
            print(f"worker: {error}; next try in {wait:.1f} s")
        await asyncio.sleep(wait)


async def main() -> None:
    async with RonClient() as client:
        await work_for_ever(client)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
