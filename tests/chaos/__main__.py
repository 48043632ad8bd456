"""Runs cases, prints what they came to: ``python -m chaos``."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator

from faultproxies import opened

from .cases import Case, cases
from .checks import violations
from .observing import observe
from .report import Result, failures, table
from .servers import chosen_proxy
from .settings import Settings


def main() -> None:
    """The whole. Exits with 1 if something does not hold or there is no such case."""
    settings = Settings.from_environment()
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("RON_SDK_COMPILE_CACHE", f"{folder}/cache")
        started = time.monotonic()
        results = list(_results(settings, started))
    if not results:
        sys.exit(f"there is no case {settings.case}")
    print(table(results))
    seeds = sorted({result.seed for result in results})
    shown = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"
    failed = sum(bool(result.violations) for result in results)
    print(f"\n{shown}: {len(results)} cases in {time.monotonic() - started:.0f} s, {failed} failed")
    if failed:
        print(failures(results))
        sys.exit(1)


def _results(settings: Settings, started: float) -> Iterator[Result]:
    for seed in range(settings.seed, settings.seed + settings.rounds):
        chosen = [case for case in cases(seed) if settings.case in (0, case.number)]
        with chosen_proxy(seed) as url:
            for case in chosen:
                if settings.budget and time.monotonic() - started > settings.budget:
                    return
                result = asyncio.run(_result(settings, seed, url, case))
                sign = "FAILED" if result.violations else result.end
                line = f"seed {seed}, case {case.number}: {case}: {sign}"
                print(line, file=sys.stderr, flush=True)
                yield result


async def _result(settings: Settings, seed: int, url: str, case: Case) -> Result:
    async with opened(url) as toxiproxy:
        seen = await observe(case, toxiproxy)
    return Result(seed, seen, violations(seen, retries=settings.retries))


if __name__ == "__main__":
    main()
