"""Servers that let some credentials in, and note all that come."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from servers import read_request, reply

OK = reply("200 OK", b'{"ok":true}', "content-type: application/json")
LIMIT = 60.0
"""Seconds after which a test hangs. All that it waits for takes a fraction of them."""


@dataclass
class Gate:
    """Answers 401 to whoever does not come with one of these values of ``Authorization``; any will
    do if there are none.

    Attributes:
        accepted: the values.
        challenge: the value of ``WWW-Authenticate`` of those answers, or None.
        seen: target, ``Authorization`` and ``x-ron-passport`` of the requests, in order.
        willing: whether it answers.
    """

    accepted: set[str] = field(default_factory=set)
    challenge: str | None = None
    seen: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    willing: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.willing.set()

    @property
    def credentials(self) -> list[str | None]:
        """The values that came."""
        return [credential for _, credential, _ in self.seen]

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            first, fields, _ = await read_request(reader)
            sent = {name.lower(): value for name, value in fields}
            assert len(sent) == len(fields)
            credential = sent.get("authorization")
            self.seen.append((first.split()[1], credential, sent.get("x-ron-passport")))
            await self.willing.wait()
            writer.write(self._answer(credential))

    def _answer(self, credential: str | None) -> bytes:
        if not self.accepted or credential in self.accepted:
            return OK
        challenges = [] if self.challenge is None else [f"www-authenticate: {self.challenge}"]
        return reply("401 Unauthorized", b'{"code":"no","message":"no"}', *challenges)
