"""The development node as a command."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from processes import devnode, run_python, started
from rawhttp import exchange

COMMAND = (sys.executable, "-m", "ron_app_sdk_py.devnode")


def run(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *options], capture_output=True, text=True, timeout=60)


def test_it_says_that_it_is_a_stand_in_and_stops_when_told() -> None:
    process = subprocess.Popen(
        [*COMMAND, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    assert "stand-in" in first
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=60)
    assert (process.returncode, rest, errors) == (0, "", "")


def test_it_stops_while_requests_are_under_way() -> None:
    with started(*COMMAND[1:], "--port", "0") as server:
        call = subprocess.Popen(
            [sys.executable, "-c", _SLOW_CALL, server.url], stdout=subprocess.PIPE, text=True
        )
        assert call.stdout is not None
        assert call.stdout.readline() == "sent\n"
        server.process.terminate()
        assert server.process.wait(timeout=60) == 0
        call.communicate(timeout=60)


_SLOW_CALL = """
import sys, urllib.parse, socket
url = urllib.parse.urlsplit(sys.argv[1])
with socket.create_connection((url.hostname, url.port)) as sock:
    sock.sendall(b"GET /app/delay?ms=60000 HTTP/1.1\\r\\nHost: node\\r\\n\\r\\n")
    print("sent", flush=True)
    sock.recv(1)
"""


def test_an_address_in_use_is_one_clear_line(node: str) -> None:
    port = node.rpartition(":")[2]
    done = run("--port", port)
    assert done.returncode == 1
    assert port in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--port", "x"], "--port: 'x'"),
        (["--port", "65536"], "--port: '65536'"),
        (["--upstream", "nowhere"], "upstream is 'nowhere'"),
        (["--upstream", "ftp://127.0.0.1/"], "upstream is 'ftp://127.0.0.1/'"),
        (["--upstream", "http://me:secret@127.0.0.1/"], "credentials"),
        (["--upstream", "http://127.0.0.1/?q"], "query"),
        (["--upstream", "http://127.0.0.1/", "--policy", "stock"], "policy can't be had with"),
        (["--policy", "none"], "--policy: invalid choice: 'none'"),
        (["--global-quota", "50"], "--global-quota: '50'"),
        (["--ip-quota", "a:b"], "--ip-quota: 'a:b'"),
        (["--max-inflight", "-1"], "--max-inflight"),
        (["--max-body-bytes", "1M"], "--max-body-bytes: '1M'"),
        (["--app-static-dir", "/no/such/folder"], "app_static_dir is '/no/such/folder'"),
        (["--nonsense"], "--nonsense"),
        (["--profile", "mininode"], "--profile: invalid choice: 'mininode'"),
        (["--profile", "micronode", "--policy", "stock"], "policy can't be had with the profile"),
        (["--profile", "macronode", "--security", "dev_allow"], "but with micronode"),
        (["--admin-token", "secret-token"], "admin_token can't be had with the profile gateway"),
        (["--profile", "macronode", "--admin-token", "secret\n"], "admin_token is empty or holds"),
        (["--profile", "micronode", "--security", "open"], "--security: invalid choice: 'open'"),
        (["--profile", "micronode", "--facets-dir", "/no/such"], "facets_dir is '/no/such'"),
    ],
)
def test_options_that_are_no_good_are_one_line_that_names_them(
    options: list[str], named: str
) -> None:
    done = run(*options)
    assert (done.returncode, done.stdout) == (2, "")
    assert named in done.stderr
    assert done.stderr.count("\n") == 1
    assert "secret" not in done.stderr


def test_a_node_without_its_extra_says_what_to_install() -> None:
    without = "import sys, runpy; sys.modules['ada_url'] = None; runpy.run_module(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", without, "ron_app_sdk_py.devnode.__main__"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "pip install 'ron-app-sdk-py[devnode]'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_micronode_says_which_manifests_it_skips(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[facet]\nid = 1")
    (tmp_path / "good.toml").write_text('[facet]\nid = "e"\nkind = "echo"')
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", "--profile", "micronode", "--facets-dir", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert "stand-in for micronode" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors.count("\n")) == (0, 1)
    assert "bad.toml is skipped: facet.id is missing or no text" in errors


def test_the_admin_token_comes_from_the_variable_of_the_real_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RON_ADMIN_TOKEN", "admin-token-0123456789")
    with devnode("--profile", "macronode") as url:
        assert exchange(url, "POST", "/api/v1/reload").status == 401
        right = ("Authorization", "Bearer admin-token-0123456789")
        assert exchange(url, "POST", "/api/v1/reload", [right]).status == 200
    with devnode() as url:  # Other profiles have no use for it.
        assert exchange(url, "GET", "/healthz").status == 200


def test_the_options_arrive_at_the_node(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<p>site")
    options = "--policy demo --max-inflight 16 --headroom 4 --not-ready --ip-quota off"
    with devnode(*options.split(), "--app-static-dir", str(tmp_path)) as url:
        assert exchange(url, "GET", "/readyz").body == b"not ready"
        assert exchange(url, "GET", "/app/site").body == b"<p>site"
        assert exchange(url, "POST", "/app/echo").status == 200
        assert exchange(url, "PUT", "/app/echo").status == 403
        interactive = exchange(url, "GET", "/app/healthz", [("X-Omnigate-Priority", "interactive")])
        assert interactive.field("x-omnigate-cap") == "20"


def test_the_node_in_a_thread_says_which_extra_is_missing() -> None:
    done = run_python(
        """
        import sys
        sys.modules["ada_url"] = None
        from ron_app_sdk_py.testing.embedded import devnode
        """
    )
    assert "needs ada_url; install it with pip install 'ron-app-sdk-py[devnode]'" in done.stderr
