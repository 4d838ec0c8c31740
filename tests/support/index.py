"""A real package index on loopback (PEP 503 names, PEP 691 JSON), with packages built by hand."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import tarfile
import threading
import zipfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

BACKEND = """
import base64, hashlib, os, pathlib, zipfile

NAME, VERSION, REQUIRES = {name!r}, {version!r}, {requires!r}
TIME = (2020, 1, 1, 0, 0, 0)

def _metadata():
    head = ["Metadata-Version: 2.1", "Name: " + NAME, "Version: " + VERSION]
    return "\\n".join(head + ["Requires-Dist: " + one for one in REQUIRES]) + "\\n"

def _write(folder, files):
    stem = NAME.replace("-", "_") + "-" + VERSION
    kind = "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    files.update({{stem + ".dist-info/METADATA": _metadata(), stem + ".dist-info/WHEEL": kind}})
    rows = []
    with zipfile.ZipFile(os.path.join(folder, stem + "-py3-none-any.whl"), "w") as archive:
        for path, text in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(path, TIME), text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
            rows.append(path + ",sha256=" + digest.rstrip(b"=").decode() + "," + str(len(text)))
        record = stem + ".dist-info/RECORD"
        archive.writestr(zipfile.ZipInfo(record, TIME), "\\n".join(rows + [record + ",,", ""]))
    return stem + "-py3-none-any.whl"

def build_wheel(folder, config=None, metadata=None):
    {fail}
    found = pathlib.Path(".").rglob("*.py")
    return _write(folder, {{str(p): p.read_text() for p in found if p.name != "_backend.py"}})

def build_editable(folder, config=None, metadata=None):
    return _write(folder, {{"_" + NAME + ".pth": os.getcwd() + "\\n"}})
"""


@dataclass(slots=True)
class _File:
    content: bytes
    uploaded: str
    announced: str


@dataclass(slots=True)
class Index:
    """A package index that a test fills; `url` is its simple API's address.

    Attributes:
        requests: the paths that were asked for.
        down: answers 503 to everything while set.
        password: `user:password` that it asks for, where set.
    """

    url: str = ""
    requests: list[str] = field(default_factory=list)
    down: bool = False
    password: str | None = None
    _files: dict[str, dict[str, _File]] = field(default_factory=dict)

    def wheel(
        self,
        name: str,
        version: str,
        *,
        requires: Sequence[str] = (),
        files: Mapping[str, str] | None = None,
        scripts: Mapping[str, str] | None = None,
        uploaded: str = "2020-01-01T00:00:00Z",
        python: str | None = None,
        announced: str | None = None,
    ) -> str:
        """Add a wheel; returns its SHA-256. `announced` makes the index name another digest."""
        content = wheel_bytes(
            name, version, requires=requires, files=files, scripts=scripts, python=python
        )
        file = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
        return self.add(name, file, content, uploaded=uploaded, announced=announced)

    def sdist(
        self,
        name: str,
        version: str,
        *,
        requires: Sequence[str] = (),
        fail: str = "pass",
        uploaded: str = "2020-01-01T00:00:00Z",
    ) -> str:
        """Add a source distribution; `fail` is Python that runs when it is built."""
        stem = f"{name.replace('-', '_')}-{version}"
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            files = package_files(name, version, requires=requires, fail=fail)
            metadata = _metadata(name, version, requires, None).replace("2.1", "2.2", 1)
            for path, text in {**files, "PKG-INFO": metadata}.items():
                info = tarfile.TarInfo(f"{stem}/{path}")
                info.size = len(text.encode())
                archive.addfile(info, io.BytesIO(text.encode()))
        return self.add(name, f"{stem}.tar.gz", buffer.getvalue(), uploaded=uploaded)

    def add(
        self,
        name: str,
        file: str,
        content: bytes,
        *,
        uploaded: str = "2020-01-01T00:00:00Z",
        announced: str | None = None,
    ) -> str:
        """Add a file as it is; returns its SHA-256."""
        digest = hashlib.sha256(content).hexdigest()
        files = self._files.setdefault(_normalised(name), {})
        files[file] = _File(content, uploaded, announced or digest)
        return digest

    def page(self, name: str) -> bytes | None:
        """The JSON page (PEP 691) of a project; None where there is no such project."""
        files = self._files.get(_normalised(name))
        if files is None:
            return None
        listed = [
            {
                "filename": file,
                "url": f"../../files/{name}/{file}",
                "hashes": {"sha256": held.announced},
                "upload-time": held.uploaded,
                "size": len(held.content),
            }
            for file, held in files.items()
        ]
        meta = {"meta": {"api-version": "1.1"}, "name": _normalised(name), "files": listed}
        return json.dumps({**meta, "versions": []}).encode()

    def file(self, name: str, file: str) -> bytes | None:
        """The bytes of a file; None where there is none."""
        held = self._files.get(_normalised(name), {}).get(file)
        return held.content if held else None


def serve() -> Iterator[Index]:
    """A new index on a free port of loopback, until the generator is closed; seeded with tools."""
    index = Index()
    server = _Server(("127.0.0.1", 0), _Handler)
    server.index = index
    index.url = f"http://127.0.0.1:{server.server_address[1]}/simple/"
    for name, version in (("pip", "24.0"), ("setuptools", "80.9.0"), ("wheel", "0.45.1")):
        index.wheel(name, version, files={f"{name}/__init__.py": f"__version__ = '{version}'\n"})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield index
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    index: Index

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: uv closes connections that it doesn't need any more."""


def package_files(
    name: str, version: str, *, requires: Sequence[str] = (), fail: str = "pass"
) -> dict[str, str]:
    """The sources of a package that brings its own build backend and needs nothing to build."""
    backend = BACKEND.format(name=name, version=version, requires=list(requires), fail=fail)
    return {
        "pyproject.toml": (
            '[build-system]\nrequires = []\nbuild-backend = "_backend"\nbackend-path = ["."]\n'
            f'[project]\nname = "{name}"\nversion = "{version}"\n'
            f"dependencies = {json.dumps(list(requires))}\n"
        ),
        "_backend.py": backend,
        f"{name.replace('-', '_')}/__init__.py": f"VERSION = {version!r}\n",
    }


def write_package(
    folder: Path, name: str, version: str = "1.0", *, requires: Sequence[str] = ()
) -> None:
    """Lay `package_files` out in `folder`."""
    for path, text in package_files(name, version, requires=requires).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def wheel_bytes(
    name: str,
    version: str,
    *,
    requires: Sequence[str] = (),
    files: Mapping[str, str] | None = None,
    scripts: Mapping[str, str] | None = None,
    python: str | None = None,
) -> bytes:
    """A pure wheel; `scripts` maps a command to `module:function`."""
    module = name.replace("-", "_")
    held = dict(files or {f"{module}/__init__.py": f"VERSION = {version!r}\n"})
    info = f"{module}-{version}.dist-info"
    held[f"{info}/METADATA"] = _metadata(name, version, requires, python)
    held[f"{info}/WHEEL"] = (
        "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    if scripts:
        lines = "".join(f"{command} = {target}\n" for command, target in scripts.items())
        held[f"{info}/entry_points.txt"] = f"[console_scripts]\n{lines}"
    rows = [f"{path},sha256={_digest(text)},{len(text.encode())}\n" for path, text in held.items()]
    held[f"{info}/RECORD"] = "".join(rows) + f"{info}/RECORD,,\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in held.items():
            archive.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), text)
    return buffer.getvalue()


def _metadata(name: str, version: str, requires: Sequence[str], python: str | None) -> str:
    lines = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"]
    lines += [f"Requires-Python: {python}\n"] if python else []
    lines += [f"Requires-Dist: {one}\n" for one in requires]
    return "".join(lines)


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        index = self.server.index
        index.requests.append(self.path)
        parts = self.path.split("?")[0].strip("/").split("/")
        if index.down:
            self._answer(503, b"down")
        elif index.password and not self._allowed(index.password):
            self._answer(401, b"who are you?")
        elif parts[0] == "simple" and len(parts) == 2:
            self._found(index.page(parts[1]), "application/vnd.pypi.simple.v1+json")
        elif parts[0] == "files" and len(parts) == 3:
            self._found(index.file(parts[1], parts[2]), "application/octet-stream")
        else:
            self._answer(404, b"no such page")

    def do_HEAD(self) -> None:
        self.do_GET()

    def _allowed(self, password: str) -> bool:
        given = self.headers.get("Authorization", "").removeprefix("Basic ")
        return given == base64.b64encode(password.encode()).decode()

    def _found(self, content: bytes | None, kind: str) -> None:
        if content is None:
            self._answer(404, b"no such file")
        else:
            self._answer(200, content, kind)

    def _answer(self, status: int, content: bytes, kind: str = "text/plain") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Content-Length", str(len(content)))
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="index"')
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""
