"""The fixtures for users' own tests, in pytest runs of their own, where warnings are errors."""

from __future__ import annotations

import re

import pytest

from servers import ROOT

pytest_plugins = ["pytester"]


def ran(pytester: pytest.Pytester, source: str, *options: str) -> pytest.RunResult:
    """Runs a test file in a process of its own."""
    pytester.makeini(
        """
        [pytest]
        filterwarnings = error
        asyncio_mode = auto
        asyncio_default_fixture_loop_scope = function
        """
    )
    pytester.makepyfile(source)
    return pytester.runpytest_subprocess(*options)


def test_a_run_that_uses_no_fixture_loads_nothing(pytester: pytest.Pytester) -> None:
    result = ran(
        pytester,
        """
        import sys

        def test_nothing_is_loaded():
            loaded = {name.partition(".")[0] for name in sys.modules}
            assert not loaded & {"wasmtime", "aiohttp", "pydantic", "ada_url"}
            assert "ron_app_sdk_py.testing.pytest_plugin" in sys.modules
            assert "ron_app_sdk_py.client" not in sys.modules
        """,
    )
    result.assert_outcomes(passed=1)


SEEDS = """
    import pytest
    from ron_app_sdk_py.testing import Answer

    @pytest.mark.parametrize("number", [1, 2])
    def test_seeds(ron_sim, number):
        print(f"<{ron_sim.seed}>")
        ron_sim.otherwise(Answer())
        ron_sim.run(lambda client: client.get("/x"))
"""


def test_each_test_has_a_seed_of_its_own_which_is_the_same_in_each_run(
    pytester: pytest.Pytester,
) -> None:
    runs = []
    for _ in range(2):
        result = ran(pytester, SEEDS, "-s")
        result.assert_outcomes(passed=2)
        runs.append(re.findall(r"<(\d+)>", result.stdout.str()))
    assert runs[0] == runs[1]
    assert len(set(runs[0])) == 2


def test_a_seed_can_be_given(pytester: pytest.Pytester) -> None:
    result = ran(pytester, SEEDS, "-s", "--ron-seed=12345")
    result.assert_outcomes(passed=2)
    assert re.findall(r"<(\d+)>", result.stdout.str()) == ["12345"] * 2


def test_a_failure_shows_the_seed_and_the_end_of_the_trace_but_no_secret(
    pytester: pytest.Pytester,
) -> None:
    result = ran(
        pytester,
        """
        import asyncio
        from ron_app_sdk_py.testing import Answer

        def test_it(ron_sim):
            ron_sim.otherwise(Answer(after=0.5))

            async def program(_):
                client = ron_sim.client(token="secret-" + "0123456789")
                for _ in range(40):
                    await client.get("/jobs")
                raise AssertionError("this is wrong")

            ron_sim.run(program)

        def test_that_passes(ron_sim):
            pass
        """,
        "--ron-seed=77",
        "--tb=line",
    )
    result.assert_outcomes(passed=1, failed=1)
    shown = result.stdout.str()
    assert shown.count("RON simulation") == 1
    result.stdout.fnmatch_lines(
        [
            "seed 77: repeat with --ron-seed=77",
            "… 70 lines before these",
            "*#40 GET /app/jobs id=*",
            "20.000000000 #40 complete",
        ]
    )
    assert "secret-0123456789" not in shown


def test_a_development_node_runs_for_synchronous_and_asynchronous_tests(
    pytester: pytest.Pytester,
) -> None:
    result = ran(
        pytester,
        """
        from ron_app_sdk_py import RonClient, RonClientSync

        async def test_asynchronous(ron_devnode):
            async with RonClient(ron_devnode) as client:
                assert (await client.get("/hello"))["ok"]

        def test_synchronous(ron_devnode):
            with RonClientSync(ron_devnode) as client:
                assert client.get("/hello")["ok"]
        """,
    )
    result.assert_outcomes(passed=2)


def test_the_development_node_takes_settings(pytester: pytest.Pytester) -> None:
    result = ran(
        pytester,
        """
        import pytest
        from ron_app_sdk_py import RonClientSync
        from ron_app_sdk_py.devnode.settings import Settings

        @pytest.fixture(scope="session")
        def ron_devnode_settings():
            return Settings(ready=False)

        def test_it_is_not_ready(ron_devnode):
            with RonClientSync(ron_devnode) as client:
                assert not client.node.ready().ready
        """,
    )
    result.assert_outcomes(passed=1)


def test_without_the_extra_the_development_node_says_what_to_install(
    pytester: pytest.Pytester,
) -> None:
    result = ran(
        pytester,
        """
        import sys
        sys.modules["ada_url"] = None

        def test_it(ron_devnode):
            pass
        """,
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["*ron_devnode needs ada_url; install it with pip install 'ron-app-sdk-py[[]devnode]'"]
    )


@pytest.mark.checkout
@pytest.mark.parametrize("section", ["Simulation", "pytest"])
def test_the_examples_of_the_documentation_pass(pytester: pytest.Pytester, section: str) -> None:
    document = (ROOT / "docs" / "testing.md").read_text("utf-8")
    (text,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", document, re.M | re.S)
    examples = re.findall(r"```python\n(.*?)```", text, re.S)
    assert examples
    for number, example in enumerate(examples):
        pytester.makepyfile(**{f"test_{number}": example})
    result = ran(pytester, "def test_nothing(): pass")
    outcomes = result.parseoutcomes()
    assert outcomes.keys() == {"passed"}
    assert outcomes["passed"] > len(examples)
