"""Limits, networks and flags of `docker run` have their effect, or are refused by name."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import samples
from tests.support.docked import PYTHON, containers, last, lay, manifest, nothing_is_left, started
from tests.support.program import end

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.engine import Engine
    from tests.support.images import Images
    from tests.support.program import Program

INTERFACES = "ls /sys/class/net"
MEGA = 1 << 20


def test_no_network(docked: Program) -> None:
    lay(docked.directory, manifest(f"{INTERFACES}; python -c '{CONNECT}'", PYTHON))
    said = docked("run", ".", "-q", "--no-network")
    assert (said.code, said.out) == (0, "lo\nunreachable\n"), said
    record = last(docked)
    assert record["container"]["network"] == "none"
    assert record["container"]["settings"]["HostConfig"]["NetworkMode"] == "none"
    assert docked("run", ".", "-q").out.splitlines()[:2] == ["eth0", "lo"]


def test_a_network_and_none_at_once(reprun: Program) -> None:
    lay(reprun.directory, manifest("true"))
    said = reprun("run", ".", "--no-network", "-A", "network=host")
    assert said.code == 2
    assert said.err == (
        "error: `--no-network` and `-A network=host` contradict each other\n"
        "hint: leave out one of them\n"
    )
    assert reprun.records() == []


CONNECT = """import socket
s = socket.socket(); s.settimeout(5)
try: s.connect(("192.0.2.1", 80))
except OSError as e: print("unreachable" if e.errno == 101 else "sent")"""


def test_read_only(docked: Program) -> None:
    command = "echo x > /etc/x; echo x > /tmp/x && echo tmp; echo x > out && echo out"
    lay(docked.directory, manifest(command))
    said = docked("run", ".", "--read-only")
    assert said.out == "tmp\nout\n"
    assert "Read-only file system" in said.err
    assert [one["path"] for one in last(docked)["outputs"]] == ["out"]
    assert docked("run", ".").out == "tmp\nout\n"


@pytest.mark.parametrize("by_flag", [True, False])
def test_memory_and_cpus_are_limited(docked: Program, engine: Engine, *, by_flag: bool) -> None:
    command = "touch started; sleep 60"
    entry = {} if by_flag else {"resources": {"memory": "64MiB", "cpus": 0.5}}
    lay(docked.directory, manifest(command, entry=entry))
    flags = ("-A", "memory=64m", "-A", "cpus=0.5") if by_flag else ()
    process = docked.start("run", ".", "-q", *flags)
    started(docked)
    (one,) = containers(engine.client, docked)
    limits = engine.client.api.inspect_container(one["Id"])["HostConfig"]
    assert (limits["Memory"], limits["NanoCpus"]) == (64 * MEGA, 500_000_000)
    end(process)
    nothing_is_left(engine.client, docked)


def test_other_flags(docked: Program) -> None:
    shown = (
        "id -u; hostname; df -m /dev/shm | tail -1; ulimit -n; pwd; cat /sys/class/net/*/address"
    )
    lay(docked.directory, manifest(shown))
    address = "92:d0:c6:0a:29:33"
    limits = ("shm-size=16m", "ulimit=nofile=100:100")
    flags = ("user=1234:5", "hostname=here", *limits, f"mac-address={address}")
    said = docked("run", ".", "-q", *(word for flag in flags for word in ("-A", flag)))
    assert said.code == 0, said
    user, name, shared, files, directory, *addresses = said.out.splitlines()
    assert address in addresses
    assert (user, name, files, directory) == ("1234", "here", "100", "/mlflow/projects/code")
    assert shared.split()[1] == "16"
    assert last(docked)["request"]["docker_args"][0] == "user=1234:5"


@pytest.mark.parametrize(
    ("flag", "code", "message", "hint"),
    [
        ("gpus=all", 125, "could not select device driver", "NVIDIA Container Toolkit"),
        ("user=nosuch", 125, "unable to find user nosuch", "-A user=1000"),
        ("network=nosuch", 125, "network nosuch not found", "`docker network ls`"),
        ("memory=lots", 2, "`-A memory=lots` must be a size", "`-A memory=2g`"),
        ("memry=2g", 2, "`docker run` has no flag `memry`", "did you mean `-A memory`?"),
        ("foo", 2, "`docker run` has no flag `foo`", "docker run --help"),
        ("memory", 2, "`-A memory` needs a value", "-A memory="),
        ("restart=always", 2, "can't be obeyed", "remove it"),
        ("workdir=/x", 2, "can't be obeyed", "cd FOLDER"),
        ("v=/no/such:/x", 125, "there is no `/no/such` on this machine", "make it"),
        ("e=NO_SUCH_NAME", 125, "`NO_SUCH_NAME` isn't set here", "export NO_SUCH_NAME"),
    ],
)
def test_a_flag_that_is_wrong(
    docked: Program, engine: Engine, flag: str, code: int, message: str, hint: str
) -> None:
    lay(docked.directory, manifest("true"))
    said = docked("run", ".", "-A", flag)
    assert said.code == code, said
    error, told = said.err.splitlines()[-2:]
    assert message in error
    assert hint in told
    assert [one for one in docked.records() if one["status"] == "running"] == []
    nothing_is_left(engine.client, docked)


def test_somebody_else_is_warned_about(docked: Program) -> None:
    lay(docked.directory, manifest("true"))
    assert "`-A user=1234` is somebody else than you" in docked("run", ".", "-A", "user=1234").err
    assert "somebody else" not in docked("run", ".", "-A", f"user={os.getuid()}").err


def test_the_entrypoint_that_is_asked_for(docked: Program) -> None:
    lay(docked.directory, manifest("echo $0 ran; echo $GREETING"))
    said = docked("run", ".", "-q", "-A", "entrypoint=env")
    assert said.code == 0, said
    said = docked("run", ".", "-A", "entrypoint=nosuch")
    assert said.code == 127
    assert "nosuch" in said.err


def test_flags_of_containers_without_one(reprun: Program) -> None:
    samples.lay(reprun.directory)
    flags = ("--build-image", "-A", "memory=1g")
    said = reprun("run", ".", "--env-manager", "local", *flags)
    assert said.code == 0
    assert "--build-image" in said.err.splitlines()[0]
    assert "change nothing: the step runs on this machine itself" in said.err
    assert "hint: they are for projects with a `docker_env`" in said.err


@pytest.mark.parametrize("wall", ["--no-network", "--read-only"])
def test_a_wall_is_never_left_out_in_silence(reprun: Program, wall: str) -> None:
    samples.lay(reprun.directory)
    said = reprun("run", ".", "--env-manager", "local", wall, "-q")
    assert said.code == 2
    assert said.err.startswith(f"error: `{wall}` needs a container")
    assert reprun.records() == []


def test_docker_for_a_project_without_an_image(reprun: Program) -> None:
    samples.lay(reprun.directory)
    said = reprun("run", ".", "--env-manager", "docker")
    assert said.code == 125
    error, hint = said.err.splitlines()
    assert error == "error: the project names no image"
    assert "docker_env" in hint


@pytest.mark.parametrize("flags", [(), ("--no-network",), ("-A", "network=host"), ("--read-only",)])
def test_mlflows_calls_reach_the_record(docked: Program, flags: tuple[str, ...]) -> None:
    lay(docked.directory, manifest("python log.py", PYTHON), log_py=LOG)
    said = docked("run", ".", *flags, "--json")
    assert said.code == 0, said.err
    assert said.document["metrics"] == {"loss": 0.25}


def test_a_server_of_the_callers_on_loopback(docked: Program) -> None:
    """A step that is to log there is told of it; that it means the container is said."""
    lay(docked.directory, manifest("env"))
    server = "http://127.0.0.1:9/mine"
    known = f"MLFLOW_TRACKING_URI={server}"
    told = f"inside of its container the step does not find {server}: that is the container"
    for flags, passed, warned in (
        ((), True, True),
        (("-A", "network=host"), True, False),
        (("--clean-env",), False, False),
    ):
        said = docked("run", ".", "--no-tracking", *flags, MLFLOW_TRACKING_URI=server)
        assert said.code == 0, said
        assert (known in said.out.splitlines()) == passed
        assert (f"warning: {told}" in said.err) == warned
        assert ("hint: pass `-A network=host`" in said.err) == warned


def test_the_proxies_that_docker_is_to_give_to_containers(docked: Program, tmp_path: Path) -> None:
    proxy = "http://proxy.example:3128"
    settings = {"proxies": {"default": {"httpProxy": proxy}}}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    lay(docked.directory, manifest("env"))
    seen = docked("run", ".", "-q", DOCKER_CONFIG=str(tmp_path)).out.splitlines()
    assert {f"http_proxy={proxy}", f"HTTP_PROXY={proxy}"} <= {*seen}
    assert not [line for line in docked("run", ".", "-q").out.splitlines() if proxy in line]


def test_what_an_image_has_python_find_is_found(docked: Program, images: Images) -> None:
    """Beside what reprun puts there itself."""
    held = {"opt/own/of_the_image.py": "WORD = 'found'\n"}
    made = images.make(held, base=PYTHON, env={"PYTHONPATH": "/opt/own"})
    program = "import os, of_the_image; print(of_the_image.WORD, os.environ['PYTHONPATH'])\n"
    lay(docked.directory, manifest("python show.py", made), show_py=program)
    said = docked("run", ".", "-q")
    assert (said.code, said.out) == (0, "found /reprun/site:/opt/own\n"), said


def test_calls_from_an_image_without_python(docked: Program) -> None:
    """Busybox' wget reaches reprun through the bridge; without a network, a warning is given."""
    body = json.dumps({"key": "loss", "value": 0.5, "timestamp": 1, "step": 0})
    command = (
        f'echo \'{body}\' | sed s/{{/"{{\\"run_id\\":\\"$MLFLOW_RUN_ID\\",/" > /tmp/body; '
        "wget -q -O - --header 'Content-Type: application/json' --post-file /tmp/body "
        "$MLFLOW_TRACKING_URI/api/2.0/mlflow/runs/log-metric"
    )
    lay(docked.directory, json.dumps(_without_braces(command)))
    said = docked("run", ".", "--json")
    assert said.code == 0, said.err
    assert said.document["metrics"] == {"loss": 0.5}
    lay(docked.directory, manifest("env"))
    said = docked("run", ".", "--no-network")
    assert said.code == 0
    assert "MLFLOW_TRACKING_URI" not in said.out
    assert "warning: what the step logs through MLflow's calls is not kept" in said.err


LOG = """\
import json, os, urllib.request

def post(path, **body):
    request = urllib.request.Request(
        os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/" + path,
        json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)

post("runs/log-metric", run_id=os.environ["MLFLOW_RUN_ID"], key="loss", value=0.25,
     timestamp=1, step=0)
"""


def _without_braces(command: str) -> dict[str, Any]:
    """A manifest whose command lies in a script: braces in a command are parameters."""
    return {
        "docker_env": {"image": "alpine:3.20"},
        "entry_points": {"main": {"command": command.replace("{", "{{").replace("}", "}}")}},
    }
