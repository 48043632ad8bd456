"""nginx as the node, and what it answers."""

from __future__ import annotations

import os
import resource
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from processes import nginx

HELLO_PATH = "/app/hello"
HELLO = {"ok": True, "message": "hello", "n": 42}
"""What it answers."""

UPLOAD_PATH = "/app/upload"
"""Takes a POST, and tells as ``received`` how many bytes it was, head included."""

BLOB_PATH = "/app/blob"
BLOB_BYTES = 16 * 1024 * 1024
"""Size of it."""

HEALTH = {"ok": True, "checks": {"storage": "ok", "index": "ok"}}
"""What ``/healthz`` answers."""

_OPEN_FILES = 8192

# A POST is answered once its content is here: only then does the proxy ask the sink, telling it how
# many bytes came. A plain `return` would answer before it had read any.
_LOCATIONS = """
    listen unix:{folder}/sink;
    keepalive_requests 100000000;
    client_max_body_size 64m;
    client_body_buffer_size 64m;
    default_type application/json;
    location = /app/hello {{ return 200 '{{"ok":true,"message":"hello","n":42}}'; }}
    location = /healthz {{
        return 200 '{{"ok":true,"checks":{{"storage":"ok","index":"ok"}}}}';
    }}
    location = /app/blob {{ alias {folder}/blob; default_type application/octet-stream; }}
    location = /app/upload {{
        proxy_pass http://sink/received;
        proxy_http_version 1.1;
        proxy_method GET;
        proxy_pass_request_body off;
        proxy_set_header Connection "";
        proxy_set_header Content-Length "";
        proxy_set_header X-Received $request_length;
    }}
    location = /received {{ return 200 '{{"received":$http_x_received}}'; }}
"""
_SINK = "upstream sink {{ server unix:{folder}/sink; keepalive 64; }}"


@contextmanager
def node() -> Iterator[str]:
    """Runs it until the block ends: its base URL."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # nginx's worker runs as another user where this is root.
        folder.chmod(0o755)
        (folder / "blob").write_bytes(os.urandom(1024) * (BLOB_BYTES // 1024))
        server, http = _LOCATIONS.format(folder=folder), _SINK.format(folder=folder)
        with nginx(folder, server, http=http) as port:
            yield f"http://127.0.0.1:{port}"
