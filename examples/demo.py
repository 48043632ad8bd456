"""Shows the client at work: starts a development node, calls it, and puts an app and a worker on
its two sides."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from worker import work_for_ever

from ron_app_sdk_py import (
    FacetManifest,
    RonCapabilityError,
    RonClient,
    RonClientSync,
    RonProblem,
    RonTimeoutError,
)
from ron_app_sdk_py.engine.artifact import load
from ron_app_sdk_py.engine.runtime import imports, shared
from ron_app_sdk_py.facets import Route

NODE = ("-m", "ron_app_sdk_py.devnode", "--port", "0")


async def asynchronous(url: str) -> None:
    async with RonClient(url, token="demo-token-0123456789") as client:
        print("async GET   ", await client.get("/hello", query={"name": "facet"}))
        response = await client.request("POST", "/echo", json={"order": 17}, idem=True)
        key = response.headers["x-echo-idempotency-key"]
        print("async POST  ", response.json(), "Idempotency-Key:", key)
        greetings = await asyncio.gather(*(client.get("/hello") for _ in range(10)))
        print("10 at once  ", len(greetings), "answers")
        try:
            await client.get("/problem")
        except RonProblem as problem:
            print("problem     ", problem, "| retryable:", problem.retryable)
            for line in str(problem.timeline).splitlines():
                print("            ", line)
        try:
            await client.get("/delay", query={"ms": 5000}, timeout=0.2)
        except RonTimeoutError as timeout:
            print("time-out    ", timeout)
        reader = client.with_caveat(readonly=True, path_prefix="/hello", expiry="10m")
        await reader.get("/hello")
        try:
            await reader.post("/hello", json={})
        except RonCapabilityError as error:
            print("capability  ", reader.capability.strength, "|", error)
        items = [item["name"] async for item in client.paginate("/collection", page_size=2)]
        print("pages       ", items)
        async for event in client.node.subscribe("/registry/stream", max_events=2):
            print("stream      ", event.type, event.data)
            if event.type == "heartbeat":
                commit = {"payload_b3": "b3:17"}
                await client.node.request("POST", "/registry/commit", json=commit)


def synchronous(url: str) -> None:
    with RonClientSync(url) as client:
        print("sync GET    ", client.get("/hello"))
        print("node        ", client.node.health(), client.node.version().name)
        profile = client.node.profile()
        print("profile     ", profile.kind, "|", profile.note)


def micronode(folder: Path) -> None:
    """A facet of a micronode, from its manifest to its answer."""
    manifest = FacetManifest(id="hi", kind="echo", routes=[Route(method="GET", path="/there")])
    manifest.save(folder / "hi.toml")
    place = ("--facets-dir", str(folder), "--security", "dev_allow")
    with started(*NODE, "--profile", "micronode", *place) as url, RonClientSync(url) as client:
        facets = [facet.id for facet in client.node.facets()]
        print("profile     ", client.node.profile().kind, "| facets:", *facets)
        print("facet        answers", client.node.facet("hi").get("/there"))
        with warnings.catch_warnings(record=True) as caught:
            client.node.kv.put("demo", "greeting", "hello")
        print("kv           has", client.node.kv.get("demo", "greeting"), "|", caught[0].message)


async def worker(url: str) -> None:
    async with RonClient(url) as client:
        working = asyncio.create_task(work_for_ever(client, pause=0.05))
        for text in ("one", "two words", "now three words"):
            await client.post("/notes", json={"text": text})
        while (await client.get("/notes/uncounted"))["items"]:
            await asyncio.sleep(0.02)
        working.cancel()
        await asyncio.wait([working])
        print("worker       has counted the words of", await client.get("/notes/count"))


@contextmanager
def started(*arguments: str) -> Iterator[str]:
    """Runs a server; the URL that its first line names."""
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline().strip()
        print(line.strip("= "))
        yield line.strip("= ").rpartition(" ")[2]
    finally:
        process.terminate()
        process.wait(timeout=10)
        process.stdout.close()


def main() -> None:
    artifact = load()
    print("artifact    ", artifact.name, len(artifact.wasm), "bytes, sha256", artifact.sha256)
    print("built with  ", artifact.toolchain)
    print("imports     ", ", ".join(imports(shared())))
    with started(*NODE) as url:
        asyncio.run(asynchronous(url))
        synchronous(url)
        subprocess.run(
            [sys.executable, "-m", "ron_app_sdk_py.cli", "doctor", "--url", url], check=True
        )
    with tempfile.TemporaryDirectory() as folder:
        micronode(Path(folder))
    app = str(Path(__file__).with_name("facet_app.py"))
    with started(app, "--port", "0") as upstream, started(*NODE, "--upstream", upstream) as url:
        asyncio.run(worker(url))


if __name__ == "__main__":
    main()
