"""Ctrl-C and SIGTERM at every stage: a clear end, nothing left behind, the next run is fine."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support import samples
from tests.support.processes import wait_until
from tests.support.program import Said, end, nothing_left
from tests.support.silence import listen

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.support.index import Index
    from tests.support.program import Program

LOCAL = ("--env-manager", "local")
CTRL_C, TERM = 128 + signal.SIGINT, 128 + signal.SIGTERM
MANY = """\
entry_points:
  main: {command: "for i in $(seq 4000); do echo $i > out$i; done"}
"""


PRESS = """\
import os, signal, sys

class Press:
    def find_spec(name, path=None, target=None):
        if name == "MODULE":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Press)
"""


def _alone(process: subprocess.Popen[bytes]) -> Said:
    """SIGTERM to reprun alone, as a scheduler or `kill` sends it."""
    os.kill(process.pid, signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    return Said(process.returncode, out.decode(), err.decode())


def _both_ways(reprun: Program, process: subprocess.Popen[bytes], how: str) -> None:
    """End it, and see that it ended as an interrupted program does."""
    said = end(process) if how == "Ctrl-C" else _alone(process)
    assert said.code == (CTRL_C if how == "Ctrl-C" else TERM), said
    assert said.err == "error: interrupted\n"
    nothing_left(reprun)
    assert reprun.records() == []


@pytest.mark.parametrize("how", ["Ctrl-C", "SIGTERM"])
@pytest.mark.parametrize("address", ["git://127.0.0.1:{}/x", "http://127.0.0.1:{}/x.zip"])
def test_while_fetching(reprun: Program, address: str, how: str) -> None:
    with listen() as silence:
        process = reprun.start("run", address.format(silence.port), "-q")
        wait_until(lambda: silence.visitors)
        _both_ways(reprun, process, how)


@pytest.mark.parametrize("how", ["Ctrl-C", "SIGTERM"])
def test_while_fetching_a_pack(reprun: Program, tmp_path: Path, how: str) -> None:
    """The second connection, which brings the objects, hangs."""
    repository = samples.commit(tmp_path / "served" / "sample")
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/asked\nexec sleep 60\n")
    hook.chmod(0o755)
    repository.git("config", "uploadpack.packObjectsHook", str(hook))
    remote = f"ssh://nobody@localhost{repository.path}"
    shell = tmp_path / "shell"
    # Plays ssh: the remote command is run here, with a configuration that may name a hook.
    shell.write_text(
        "#!/bin/sh\nfor last; do :; done\n"
        f"GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=uploadpack.packObjectsHook GIT_CONFIG_VALUE_0={hook} "
        'exec sh -c "$last"\n'
    )
    shell.chmod(0o755)
    process = reprun.start("run", remote, "-q", GIT_SSH_COMMAND=f"{shell}", GIT_SSH_VARIANT="ssh")
    wait_until((tmp_path / "asked").exists)
    _both_ways(reprun, process, how)


@pytest.mark.parametrize("how", ["Ctrl-C", "SIGTERM"])
def test_while_locking(reprun: Program, how: str) -> None:
    samples.lay(reprun.directory, requirements_txt="anything\n")
    with listen() as silence:
        index = f"http://127.0.0.1:{silence.port}/simple/"
        process = reprun.start("run", ".", "-q", UV_DEFAULT_INDEX=index)
        wait_until(lambda: silence.visitors)
        _both_ways(reprun, process, how)
    assert reprun.record(".", *LOCAL)["status"] == "finished"


@pytest.mark.parametrize("how", ["Ctrl-C", "SIGTERM"])
def test_while_building(reprun: Program, index: Index, tmp_path: Path, how: str) -> None:
    slow = f"open({str(tmp_path / 'building')!r}, 'w').close(); import time; time.sleep(60)"
    index.sdist("slow", "1.0", fail=f"None if os.path.exists({str(tmp_path / 'go')!r}) else "
                f"exec({slow!r})")  # fmt: skip
    samples.lay(reprun.directory, requirements_txt="slow\n")
    process = reprun.start("run", ".", "-q")
    wait_until((tmp_path / "building").exists)
    _both_ways(reprun, process, how)
    (tmp_path / "go").touch()
    packages = reprun.record(".")["environment"]["packages"]
    assert "slow" in {package["name"] for package in packages}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_in_the_step(reprun: Program, number: signal.Signals) -> None:
    samples.lay(reprun.directory)
    process = reprun.start("run", ".", *LOCAL, "-e", "wait")
    wait_until(lambda: list(reprun.home.glob("cache/work/*/*/started")))
    said = end(process, number)
    assert said.code == 128 + number
    assert said.err.splitlines()[-1] == f"error: interrupted by {number.name}"
    nothing_left(reprun)
    (record,) = reprun.records()
    assert record["status"] == "killed"
    assert record["exit_code"] == 128 + number
    assert [output["path"] for output in record["outputs"]] == ["started"]
    assert reprun.record(".", *LOCAL)["status"] == "finished"


def test_while_capturing_outputs(reprun: Program) -> None:
    samples.lay(reprun.directory, MANY)
    process = reprun.start("run", ".", *LOCAL)
    wait_until(lambda: len(list(reprun.home.glob("objects/*"))) > 20)
    said = end(process)
    assert said.code == CTRL_C
    nothing_left(reprun)
    (record,) = reprun.records()
    checkout = reprun.home / "runs" / record["id"] / "checkout"
    where = f"the step's outputs are in {checkout}"
    assert said.err == f"error: interrupted\nhint: {where}\n"
    assert (record["status"], record["reason"]) == ("killed", f"interrupted; {where}")
    assert (checkout / "out4000").read_text() == "4000\n"
    assert reprun("runs", "delete", "latest", "--yes").code == 0
    assert not checkout.exists()
    assert len(reprun.record(".", *LOCAL)["outputs"]) == 4000


@pytest.mark.parametrize("module", ["click", "runner.cli.run", "runner.request"])
def test_while_reprun_itself_is_imported(reprun: Program, tmp_path: Path, module: str) -> None:
    listener = tmp_path / "listener"
    listener.mkdir()
    (listener / "sitecustomize.py").write_text(PRESS.replace("MODULE", module))
    samples.lay(reprun.directory)
    path = f"{listener}:{reprun.variables['PYTHONPATH']}"
    said = reprun("run", ".", *LOCAL, PYTHONPATH=path)
    assert said.code in {-signal.SIGINT, CTRL_C}
    assert said.out == ""
    assert said.err in {"", "error: interrupted\n"}
    nothing_left(reprun)


def test_json_says_that_it_was_interrupted(reprun: Program) -> None:
    with listen() as silence:
        process = reprun.start("run", f"git://127.0.0.1:{silence.port}/x", "--json")
        wait_until(lambda: silence.visitors)
        said = end(process)
    assert said.code == CTRL_C
    assert said.document["error"]["code"] == "interrupted"
    assert said.document["error"]["exit_code"] == CTRL_C
