"""The key-value store of a micronode: ``protocol.md`` 1.6."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from ..amnesia import Amnesia
from ..defaults import MAX_KV_BYTES
from ..errors import RonProblem, RonRequestError, RonTooLargeError
from ..request import Request
from ..response import Response
from .profile import Ask, NodeProfile, profile
from .segments import segment

if TYPE_CHECKING:
    from ..thread_loops import ThreadLoops


class NodeKv:
    r"""Bytes under a bucket and a key. Buckets need not be made; both names are any text without
    ``/ ? # \`` and control characters, but for ``.`` and ``..``.

    Errors of every method, beside those of :meth:`RonClient.request`:

    - :class:`RonRequestError` with the code ``invalid_bucket``, ``invalid_key`` or
      ``invalid_body``: an argument is no good, nothing was sent.
    - :class:`RonAuthError`: the node's ``security.mode`` is not ``dev_allow``.
    """

    def __init__(
        self, perform: Callable[[Request], Awaitable[Response]], amnesia: Amnesia, ask: Ask
    ) -> None:
        self._perform = perform
        self._amnesia = amnesia
        self._ask = ask

    async def put(self, bucket: str, key: str, content: bytes | str) -> bool:
        """Writes. Warns with :class:`RonAmnesiaWarning`, once for each root client and before
        anything is sent, if the node forgets what is written; the node is asked for that once.

        Args:
            bucket: the bucket.
            key: the key.
            content: what to write, at most 1 MiB; text is written as UTF-8.

        Returns:
            Whether the key is new. After a retry it may be the first attempt that made it.

        Raises:
            RonTooLargeError: the content is larger than nodes take.
        """
        if not isinstance(content, bytes | str):
            raise RonRequestError(
                f"content is {type(content).__name__}; give bytes or str", code="invalid_body"
            )
        request = _request("PUT", bucket, key, content)
        size = len(request.content or b"")
        if size > MAX_KV_BYTES:
            raise RonTooLargeError(
                f"the content has {size} bytes, more than the {MAX_KV_BYTES} that nodes take; "
                "write it in parts",
                code="content_too_large",
            )
        await self._profile()
        return (await self._perform(request)).status == 201

    async def get(self, bucket: str, key: str) -> bytes | None:
        """Reads: the content, or None if there is none.

        Args:
            bucket: the bucket.
            key: the key.

        Raises:
            RonRequestError: there is no store: the server is no micronode (``not_micronode``).
        """
        try:
            return (await self._perform(_request("GET", bucket, key))).content
        except RonProblem as problem:
            await self._is_missing(problem)
            return None

    async def delete(self, bucket: str, key: str) -> bool:
        """Deletes: whether there was anything.

        Args:
            bucket: the bucket.
            key: the key.

        Raises:
            RonRequestError: there is no store: the server is no micronode (``not_micronode``).
        """
        try:
            await self._perform(_request("DELETE", bucket, key))
        except RonProblem as problem:
            await self._is_missing(problem)
            return False
        return True

    async def _profile(self) -> NodeProfile | None:
        return await self._amnesia.profile(lambda: profile(self._ask))

    async def _is_missing(self, problem: RonProblem) -> None:
        """Returns if the problem means that the key is not there: a server without a store answers
        just the same.

        Raises:
            RonProblem: it means something else.
            RonRequestError: as :meth:`get`.
        """
        if problem.status != 404:
            raise problem
        found = await self._profile()
        if found is None or found.kind == "unknown":
            raise problem
        if found.kind != "micronode":
            raise RonRequestError(
                f"the base URL leads to a server of the kind {found.kind}, which has no key-value "
                "store; give the address of a micronode",
                code="not_micronode",
            )


class NodeKvSync:
    """As :class:`NodeKv`, for :class:`RonClientSync`."""

    def __init__(self, kv: NodeKv, loops: ThreadLoops) -> None:
        self._kv = kv
        self._loops = loops

    def put(self, bucket: str, key: str, content: bytes | str) -> bool:
        """See :meth:`NodeKv.put`."""
        return self._loops.run(lambda: self._kv.put(bucket, key, content))

    def get(self, bucket: str, key: str) -> bytes | None:
        """See :meth:`NodeKv.get`."""
        return self._loops.run(lambda: self._kv.get(bucket, key))

    def delete(self, bucket: str, key: str) -> bool:
        """See :meth:`NodeKv.delete`."""
        return self._loops.run(lambda: self._kv.delete(bucket, key))


def _request(method: str, bucket: str, key: str, content: bytes | str | None = None) -> Request:
    path = f"/v1/kv/{segment('bucket', bucket)}/{segment('key', key)}"
    request = Request(method, path, content=content)
    request.node = "include"
    return request
