"""What README.md shows is typed in a terminal, in a fresh clone with a fresh home, and compared."""

from __future__ import annotations

import doctest
import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import conda_wheels
from tests.support.repositories import Repository, run_git, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.conda_shelf import Channel
    from tests.support.engine import Engine
    from tests.support.images import Images

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
SHOWN_HOST = "https://git.example.com/"
CONTAINERS = "\n## Containers\n"  # what needs an engine
COLUMNS = 100
SECONDS = 300


class Reader:
    """Somebody who types into a terminal that is 100 columns wide."""

    def __init__(self, clone: Path, variables: dict[str, str]) -> None:
        self.clone = clone
        self.variables = variables

    def types(self, command: str) -> str:
        """What the terminal shows in the end: colours gone, lines as they were last written."""
        master, slave = pty.openpty()
        process = subprocess.Popen(
            ["bash", "-c", f"stty cols {COLUMNS}; {command}"],
            cwd=self.clone,
            env=self.variables,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        try:
            return _settled(b"".join(_read(master)).decode())
        finally:
            os.close(master)
            process.wait(timeout=10)


def _read(master: int) -> Iterator[bytes]:
    end = time.monotonic() + SECONDS
    while select.select([master], [], [], max(end - time.monotonic(), 0))[0]:
        try:
            block = os.read(master, 1 << 16)
        except OSError:  # Linux's way of saying that the other side is closed
            return
        if not block:
            return
        yield block


def _settled(text: str) -> str:
    text = re.sub(r"\x1b\[[0-9;]*m", "", text).replace("\r\n", "\n")
    lines = [re.split(r"\r(?:\x1b\[K)?", line)[-1].rstrip() for line in text.split("\n")]
    return "\n".join(lines)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    served = Repository(tmp_path / "served" / "reprun")
    for name in subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).splitlines():
        if (ROOT / name).is_file():
            served.write(name, (ROOT / name).read_bytes())
    served.commit("everything")
    clone = tmp_path / "clone"
    run_git(tmp_path, "clone", "-q", str(served.path), str(clone))
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "reprun"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m runner "$@"\n')
    program.chmod(0o755)
    with serve(tmp_path / "served") as daemon:
        settings = tmp_path / "gitconfig"
        settings.write_text(f'[url "{daemon.url}/"]\n\tinsteadOf = {SHOWN_HOST}\n')
        variables = {
            **os.environ,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(tmp_path / "home"),
            "GIT_CONFIG_GLOBAL": str(settings),
            "TERM": "xterm",
            # The package cache alone is not fresh, for the index's sake.
            "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR") or str(Path.home() / ".cache" / "uv"),
        }
        for name in ("REPRUN_HOME", "REPRUN_CACHE", "XDG_DATA_HOME", "XDG_CACHE_HOME", "COLUMNS"):
            variables.pop(name, None)
        yield Reader(clone, variables)


def _commands(text: str) -> Iterator[tuple[str, str]]:
    """Each command that `text` shows in a terminal, with what it shows for it."""
    for block in re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield command, output


def test_a_terminal_shows_what_the_readme_shows(
    reader: Reader, channel: Channel, numpy_wheel: Path
) -> None:
    home = Path(reader.variables["HOME"])
    home.mkdir()
    (home / ".condarc").write_text(conda_wheels.forge(channel, numpy_wheel))
    before, _, after = README.partition(CONTAINERS)
    _, heading, rest = after.partition("\n## ")
    commands = list(_commands(before + heading + rest))
    assert len(commands) > 15
    _compare(reader, commands)


def test_a_terminal_shows_what_the_readme_shows_of_containers(
    reader: Reader, engine: Engine, images: Images
) -> None:
    commands = list(_commands(README.partition(CONTAINERS)[2].partition("\n## ")[0]))
    assert len(commands) > 5
    assert reader.variables.get("DOCKER_HOST", engine.address) == engine.address
    try:
        _compare(reader, commands)
    finally:
        for image in _built(Path(reader.variables["HOME"])):
            images.keep(image)


def _built(home: Path) -> Iterator[str]:
    """Ids of the images that were built; the example's stays, for other tests run in it."""
    for path in home.glob(".local/share/reprun/runs/*/record.json"):
        record = json.loads(path.read_text())
        made = record["environment"]["lock"]["format"] == "dockerfile"
        if made and not record["source"]["subdirectory"]:
            yield record["environment"]["image"]["id"]


def _compare(reader: Reader, commands: list[tuple[str, str]]) -> None:
    checker = doctest.OutputChecker()
    wrong = []
    for command, expected in commands:
        shown = reader.types(command).strip("\n") + "\n"
        wanted = expected.strip("\n") + "\n"
        flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        if not checker.check_output(wanted, shown, flags):
            wrong.append(f"$ {command}\n{shown}")
    assert not wrong, "\n".join(wrong)


def test_the_python_that_the_readme_shows(reader: Reader) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=reader.clone,
        env=reader.variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert " 4.03" in done.stdout


def test_the_manifests_that_the_readme_shows_are_fine(reader: Reader, tmp_path: Path) -> None:
    texts = re.findall(r"^```yaml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert len(texts) == 2
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "python_env.yaml").write_text("dependencies: []\n")
    for text in texts:
        (tmp_path / "project" / "MLproject").write_text(text)
        shown = reader.types(f"reprun check --strict {tmp_path}/project")
        assert "MLproject is fine" in shown
