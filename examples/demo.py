"""Shows the client at work: starts a development node on a free port and calls it."""

from __future__ import annotations

import asyncio
import subprocess
import sys

from ron_app_sdk_py import RonClient, RonClientSync, RonProblem, RonTimeoutError
from ron_app_sdk_py.engine.artifact import load
from ron_app_sdk_py.engine.runtime import imports, shared


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
        try:
            await client.get("/delay", query={"ms": 5000}, timeout=0.2)
        except RonTimeoutError as timeout:
            print("time-out    ", timeout)


def synchronous(url: str) -> None:
    with RonClientSync(url) as client:
        print("sync GET    ", client.get("/hello"))


def main() -> None:
    artifact = load()
    print("artifact    ", artifact.name, len(artifact.wasm), "bytes, sha256", artifact.sha256)
    print("built with  ", artifact.toolchain)
    print("imports     ", ", ".join(imports(shared())))
    node = subprocess.Popen(
        [sys.executable, "-m", "ron_app_sdk_py.devnode", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert node.stdout is not None
    try:
        line = node.stdout.readline().strip()
        print(line)
        url = line.rpartition(" ")[2]
        asyncio.run(asynchronous(url))
        synchronous(url)
    finally:
        node.terminate()
        node.wait(timeout=10)
        node.stdout.close()


if __name__ == "__main__":
    main()
