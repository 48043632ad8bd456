"""The admin plane of a macronode: ``protocol.md`` 1.7."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from ..errors import RonRequestError
from ..request import UNSET, Request
from ..response import Response
from .profile import Ask, profile, status_profile
from .segments import segment

if TYPE_CHECKING:
    from ..thread_loops import ThreadLoops


class NodeAdmin:
    """Calls of the admin plane, each with the admin token, which is all that they share with no
    other call of the client. They return the decoded answer.

    Before the token is sent for the first time, the node is asked without it whether it is a
    macronode. Errors of every method, beside those of :meth:`RonClient.request`:

    - :class:`RonRequestError`, code ``not_macronode``: it is none.
    - :class:`RonAuthError`: 401, the token is wrong; 403, the node has none and is asked from
      another machine.
    """

    def __init__(self, perform: Callable[[Request], Awaitable[Response]], ask: Ask) -> None:
        self._perform = perform
        self._ask = ask
        self._is_macronode = False

    async def reload(self) -> Any:
        """Has the node read its configuration again: ``{"status": "reload triggered"}``."""
        return await self._call("POST", "reload")

    async def shutdown(self) -> Any:
        """Has the node end."""
        return await self._call("POST", "shutdown")

    async def run_bench(self, parameters: Any) -> Any:
        """Begins a benchmark that the node runs by itself.

        Args:
            parameters: what the node takes, to be encoded as JSON.
        """
        return await self._call("POST", "bench/run", json=parameters)

    async def bench_run(self, run_id: str) -> Any:
        """How far a benchmark is.

        Args:
            run_id: its id, from the answer of :meth:`run_bench`.
        """
        return await self._call("GET", f"bench/runs/{segment('run_id', run_id)}")

    async def bench_result(self, run_id: str) -> Any:
        """What a benchmark has come to.

        Args:
            run_id: its id.
        """
        return await self._call("GET", f"bench/runs/{segment('run_id', run_id)}/result")

    async def storage(self) -> Any:
        """The space that the node has: ``{"fsType", "mount", "totalBytes", "usedBytes",
        "freeBytes"}``."""
        return await self._call("GET", "storage/summary")

    async def databases(self) -> Any:
        """The node's databases."""
        return await self._call("GET", "storage/databases")

    async def database(self, name: str) -> Any:
        """One of them.

        Args:
            name: its name.
        """
        return await self._call("GET", f"storage/databases/{segment('name', name)}")

    async def system(self) -> Any:
        """The load of the node's machine."""
        return await self._call("GET", "system/summary")

    async def net_accounting(self) -> Any:
        """What the node has sent and received."""
        return await self._call("GET", "system/net/accounting")

    async def _call(self, method: str, path: str, json: Any = UNSET) -> Any:
        request = Request(method, f"/api/v1/{path}", json=json)
        request.node = "include"
        if not self._is_macronode:
            await self._check()
        return (await self._perform(request)).value()

    async def _check(self) -> None:
        found = await status_profile(self._ask)
        if found is None:
            found = await profile(self._ask)
        elif found.kind == "macronode":
            self._is_macronode = True
            return
        raise RonRequestError(
            "the base URL does not lead to the admin plane of a macronode, but to a server of the "
            f"kind {found.kind}{f' ({found.note})' if found.note else ''}; nothing was sent with "
            "the admin token",
            code="not_macronode",
        )


class NodeAdminSync:
    """As :class:`NodeAdmin`, for :class:`RonClientSync`."""

    def __init__(self, admin: NodeAdmin, loops: ThreadLoops) -> None:
        self._admin = admin
        self._loops = loops

    def reload(self) -> Any:
        """See :meth:`NodeAdmin.reload`."""
        return self._loops.run(self._admin.reload)

    def shutdown(self) -> Any:
        """See :meth:`NodeAdmin.shutdown`."""
        return self._loops.run(self._admin.shutdown)

    def run_bench(self, parameters: Any) -> Any:
        """See :meth:`NodeAdmin.run_bench`."""
        return self._loops.run(lambda: self._admin.run_bench(parameters))

    def bench_run(self, run_id: str) -> Any:
        """See :meth:`NodeAdmin.bench_run`."""
        return self._loops.run(lambda: self._admin.bench_run(run_id))

    def bench_result(self, run_id: str) -> Any:
        """See :meth:`NodeAdmin.bench_result`."""
        return self._loops.run(lambda: self._admin.bench_result(run_id))

    def storage(self) -> Any:
        """See :meth:`NodeAdmin.storage`."""
        return self._loops.run(self._admin.storage)

    def databases(self) -> Any:
        """See :meth:`NodeAdmin.databases`."""
        return self._loops.run(self._admin.databases)

    def database(self, name: str) -> Any:
        """See :meth:`NodeAdmin.database`."""
        return self._loops.run(lambda: self._admin.database(name))

    def system(self) -> Any:
        """See :meth:`NodeAdmin.system`."""
        return self._loops.run(self._admin.system)

    def net_accounting(self) -> Any:
        """See :meth:`NodeAdmin.net_accounting`."""
        return self._loops.run(self._admin.net_accounting)
