"""Tests of what `-A` understands, held against the docker client itself."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from runner.containers.options import fates
from runner.containers.options.arguments import Arguments, read
from runner.containers.options.bodies import merge
from runner.containers.options.flags import KNOWN, SHORT
from runner.errors import RequestError
from tests.support.docker_client import CLIENT, Client, Refused, known_flags, recording
from tests.support.engine import unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What each `-A` is, in words that mean the same to `docker create`; several share a line.
EVERYWHERE = """
add-host=h:1.2.3.4
add-host=h:::1 add-host=i:host-gateway
blkio-weight=300
blkio-weight-device=/dev/sda:300
cap-add=CAP_NET_ADMIN cap-drop=ALL
cgroup-parent=x
cgroupns=host
cgroupns=private
cpu-period=100000 cpu-quota=50000
cpu-rt-period=1 cpu-rt-runtime=1
c=512
cpu-shares=0x10
cpu-shares=010
cpus=1.5
cpus=.5
cpus=1/2
cpus=1e1
cpuset-cpus=0-3 cpuset-mems=0,1
device=/dev/null
device=/dev/null:r
device=/dev/null:/dev/x
device=/dev/null:/dev/x:rw device=/dev/zero
device-cgroup-rule=c␣1:3␣mr
device-read-bps=/dev/sda:1mb
device-read-iops=/dev/sda:100
device-write-bps=/dev/sda:1mb device-write-bps=/dev/sdb:2g
device-write-iops=/dev/sda:100
dns=8.8.8.8 dns=::1
dns-option=ndots:1
dns-opt=ndots:1
dns-search=example.com
dns-search=.
domainname=d
entrypoint=/bin/sh
entrypoint=
e=A=b=c e=B=
env=HERE env=NOT_HERE
env-file=variables e=A=again
expose=80
expose=80-82/udp
gpus=all
gpus=2
gpus=device=0
gpus="device=0,1"
gpus="device=GPU-1,GPU-2",capabilities=utility
gpus=device=GPU-1,"capabilities=compute,utility"
gpus=all,capabilities=utility
gpus=count=all
gpus=count=2,driver=x,options=a=b
gpus=driver=nvidia
gpus="options=a=b,c=d",all
group-add=video group-add=44
health-cmd=true␣x
health-cmd=
health-cmd=x health-interval=5s health-retries=3 health-start-period=1m30s health-timeout=500ms
health-interval=1.5h
no-healthcheck
h=host
hostname=-x
init
init=false
init=T
ipc=host
ipc=container:x
ipc=shareable
l=a=b label=c
label=a=b=c label=a=d
label-file=labels label=x=z
link=db:alias link=other
log-driver=none
log-driver=json-file log-opt=max-size=10m log-opt=max-file=2
log-opt=a=b
m=2g
m=2GiB
m=1.5g
m=512
m=5k
m=2␣g
m=3MB memory-swap=-1
m=1p
memory-reservation=1g memory-swap=2g
memory-swappiness=0
memory-swappiness=-1
mount=type=bind,source=/tmp,target=/x,readonly
mount=type=bind,src=/tmp,dst=/x,ro=true
mount=type=bind,src=/tmp,destination=/x,ro=0,bind-propagation=rslave,bind-nonrecursive
mount=type=bind,src=/tmp,dst=/x,consistency=cached
mount=type=volume,source=v,target=/x,volume-driver=d,volume-opt=a=b,volume-label=l=m,volume-nocopy
mount=source=v,target=/x mount=target=/y
mount=type=tmpfs,target=/x,tmpfs-size=64m,tmpfs-mode=1777
mount=type=volume,"volume-opt=a=b,c",dst=/x
mount=type=BIND,SRC=/a,dst=/x
network=n
net=none
network=host
network=container:x
network=name=n,alias=a,alias=b,driver-opt=a=b
network=n network=m
network=n network-alias=a ip=1.2.3.4 ip6=::1 link=x:y
network=n net-alias=a mac-address=92:d0:c6:0a:29:33 link-local-ip=169.254.1.1
network=n network=name=m,alias=q ip=1.2.3.4
mac-address=92:d0:c6:0a:29:33
oom-kill-disable
oom-score-adj=-500
pid=host
pid=container:x
pids-limit=-1
platform=linux/arm64
privileged
privileged=false
p=80
p=8080:80
p=8080:80/udp
p=127.0.0.1:8080:80
p=127.0.0.1::80
p=[::1]:8080:80
p=8000-8002:80-82
p=8000-8002:80
p=published=8080,target=80,protocol=udp,mode=host
p=target=80
p=8080:80 p=8081:80 expose=90
P
read-only
restart=no
runtime=runsc
security-opt=seccomp=unconfined security-opt=label:disable
security-opt=seccomp=profile.json
security-opt=no-new-privileges
security-opt=systempaths=unconfined
security-opt=no-new-privileges:true security-opt=apparmor=x
shm-size=2g
stop-signal=SIGINT stop-timeout=0
storage-opt=size=10G
sysctl=net.core.somaxconn=1024 sysctl=kernel.shmmax=2
tmpfs=/run:size=64m tmpfs=/tmp
ulimit=nofile=1024:2048
ulimit=nofile=1024 ulimit=nofile=5:-1 ulimit=core=0
ulimit=nofile=-1
u=1000:1000
userns=host
uts=host
v=/a:/b:ro volume=/c v=name:/d
volume-driver=d
volumes-from=c:ro volumes-from=d
--gpus=all -m=1g
"""

# What clients before 28.1 don't know, or send in another form.
NEWER = """
add-host=h=1.2.3.4
add-host=h:[::1]
annotation=a=b annotation=c
cap-add=net_admin cap-add=all
device=vendor.com/class=name gpus=all
health-cmd=x health-start-interval=1s
ip=172.30.1.1 ip6=2001:db8::33
link-local-ip=169.254.1.1
m=2e3
mount=type=bind,src=./rel,dst=/x
mount=type=bind,src=..,dst=/x
mount=type=bind,src=/tmp,dst=/x,readonly,bind-recursive=writable
mount=type=bind,src=/tmp,dst=/x,bind-recursive=disabled
mount=type=bind,src=/tmp,dst=/x,readonly,bind-recursive=readonly,bind-propagation=rprivate
mount=type=volume,source=v,target=/x,volume-subpath=s
mount=type=image,source=i,target=/x,image-subpath=p
network=name=n,ip=1.2.3.4,mac-address=92:d0:c6:0a:29:33,link-local-ip=169.254.1.1,ip6=::1
network=bridge link=x:y
network=name=n,gw-priority=3
p=::1:8080:80
"""

# What both the client and reprun find wrong.
WRONG = """
add-host=h
add-host=h:nope
blkio-weight=70000
blkio-weight-device=sda:300
blkio-weight-device=/dev/sda:5
cgroupns=foo
cpus=0.0000000001
cpus=x
device=/dev/null:/dev/x:q
device=null
device-cgroup-rule=nope
device-read-bps=/dev/sda:x
device-write-iops=/dev/sda:-1
dns=nope
dns-search=bad_
env==x
env-file=absent
expose=80:80
expose=x
expose=90-80
gpus=foo
gpus=foo=1
gpus=
gpus=count=1,count=2
health-interval=5
health-interval=-5s
health-retries=-1
no-healthcheck health-cmd=x
init=maybe
label-file=absent
link=a:b:c
log-driver=none log-opt=max-size=10m
mac-address=nope
m=x
m=-1
m=8e
m=
memory-swap=-2
memory-swappiness=101
memory-swappiness=-2
mount=type=tmpfs,target=/x,tmpfs-mode=9
mount=type=bind,source=/x
mount=target=/x,foo=bar
mount=target=/x,foo
mount=type=tmpfs,target=/x,volume-nocopy
mount=type=bind,target=/x,src=/a,tmpfs-size=1
mount=type=volume,bind-propagation=private,dst=/x
mount=type=bind,source=/tmp,target=/x,readonly=maybe
network=
network=alias=a
network=host network-alias=a
network=name=n,foo=x
network=name=n,alias=a network-alias=b
pid=foo
p=8000-8002:80-81
p=x
p=80/foo
p=80:x
p=70000:80
security-opt=foo
security-opt=seccomp=absent
security-opt=seccomp=labels
shm-size=lots
stop-timeout=x
storage-opt=size
sysctl=a.b=1
sysctl=a
ulimit=nofile=2048:1024
ulimit=foo=1
ulimit=nofile=x
ulimit=nofile
userns=foo
uts=foo
uts=container:x
cpu-shares=x
cpu-shares=␣1
"""


def lines(table: str) -> list[str]:
    return [line for line in table.splitlines() if line]


def given(line: str) -> list[str]:
    return [text.replace("␣", " ") for text in line.split()]


def names(line: str) -> set[str]:
    return {text.lstrip("-").partition("=")[0] for text in given(line)}


NEW_CLIENT = "use-api-socket" in known_flags()  # 28.1
# Aliases that no help tells of.
HIDDEN = {"net", "net-alias", "dns-opt"}
COMPARED = [
    line
    for line in [*lines(EVERYWHERE), *(lines(NEWER) if NEW_CLIENT else [])]
    if not CLIENT or names(line) <= known_flags() | HIDDEN
]


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    if not CLIENT:
        unavailable("no `docker` on PATH: install docker.io")
    with recording() as found:
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "variables").write_text("# of the step\n\n  A=1 \nHERE\nB=x=y\n")
    (tmp_path / "labels").write_text("# of the step\nx=y\nalone\n")
    (tmp_path / "profile.json").write_text('{\n  "defaultAction": "SCMP_ACT_ALLOW"\n}\n')
    return tmp_path


def as_flags(line: str) -> list[str]:
    """The same for the command line, as MLflow hands it on."""
    flags = []
    for text in given(line):
        name, assigned, value = text.lstrip("-").partition("=")
        dashes = "-" if len(name) == 1 else "--"
        flags.append(f"{dashes}{name}{assigned if len(name) > 1 else ''}{value}")
    return flags


def full_body(arguments: Arguments, base: dict[str, Any], host: dict[str, str]) -> dict[str, Any]:
    """What the client would send: what it always sends, and ours."""
    variables = [
        f"{name}={host[name]}"
        if value is None and name in host
        else (name if value is None else f"{name}={value}")
        for name, value in arguments.variables
    ]
    binds = [text for text in arguments.volumes if ":" in text]
    anonymous: dict[str, object] = {text: {} for text in arguments.volumes if ":" not in text}
    body: Any = merge(base, arguments.body)
    body = merge(body, {"Env": variables} if variables else {})
    body = merge(body, {"Entrypoint": arguments.entrypoint} if arguments.entrypoint else {})
    body = merge(body, {"Volumes": anonymous})
    return merge(body, {"HostConfig": {"Binds": binds}} if binds else {})


def pruned(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        inner = {name: pruned(part) for name, part in value.items()}
        return {name: part for name, part in inner.items() if part}
    return value


def comparable(body: dict[str, Any]) -> dict[str, Any]:
    """Without what clients of different age say differently and mean alike."""
    found: dict[str, Any] = json.loads(json.dumps(body))
    # Clients since 25 always name the network, with nothing said of it.
    network = found.pop("NetworkingConfig", None) or {}
    addresses = {found.pop("MacAddress", "")}
    endpoints = network.get("EndpointsConfig") or {}
    addresses |= {one.pop("MacAddress", "") for one in endpoints.values()}
    found["networks"] = pruned(endpoints)
    joined = sorted(name for name in endpoints if name != "default")
    found["joined"] = joined if len(joined) > 1 else []
    found["addresses"] = sorted(filter(None, addresses))
    # Some clients give any order; of one name the last counts, so theirs is kept.
    found["Env"] = sorted(found.get("Env") or (), key=lambda text: str(text).partition("=")[0])
    config = found["HostConfig"]
    for name in ("Binds", "CapAdd", "CapDrop"):  # some clients sort them, some give any order
        config[name] = sorted(config[name] or ())
    config["Ulimits"] = sorted(config["Ulimits"] or (), key=lambda limit: str(limit["Name"]))
    config["Mounts"] = [pruned(mount) for mount in config.get("Mounts") or ()]
    return found


@pytest.mark.parametrize("line", COMPARED)
def test_the_body_is_what_the_docker_client_makes_of_the_same_flags(
    line: str, client: Client, folder: Path
) -> None:
    host = {"HERE": "here"}
    base = client.create([], folder=folder).body
    asked = client.create(as_flags(line), folder=folder, variables=host)
    found = read(given(line), caller=folder)
    ours = comparable(full_body(found, base, host))
    assert ours == comparable(asked.body)
    assert asked.query == (
        f"platform={found.platform.replace('/', '%2F')}" if found.platform else ""
    )


@pytest.mark.parametrize("line", lines(WRONG))
def test_what_the_docker_client_refuses_is_refused(line: str, client: Client, folder: Path) -> None:
    with pytest.raises(Refused):
        client.create(as_flags(line), folder=folder)
    with pytest.raises(RequestError) as wrong:
        read(given(line), caller=folder)
    assert wrong.value.exit_code == 2
    assert "`-A " in wrong.value.message
    assert wrong.value.hint


@pytest.mark.usefixtures("client")
def test_every_flag_that_docker_run_knows_has_a_fate() -> None:
    known = known_flags("run")
    assert len(known) > 90
    assert known <= KNOWN.keys() | SHORT.keys() | fates.ALL


def test_every_flag_with_an_effect_is_compared_with_the_client() -> None:
    told = {
        SHORT.get(name, name) for line in lines(EVERYWHERE) + lines(NEWER) for name in names(line)
    }
    assert KNOWN.keys() - told == {"pull"}  # nothing that an engine's `create` would be told of


@pytest.mark.parametrize(
    ("texts", "message", "hint"),
    [
        (
            ["shm-size=lots"],
            "`-A shm-size=lots` must be a size such as `512m` or `2g`, not `lots`",
            "write it like `-A shm-size=2g`",
        ),
        (["gpu=all"], "`-A gpu=all`: `docker run` has no flag `gpu`", "did you mean `-A gpus`?"),
        (
            ["xyzzy"],
            "`-A xyzzy`: `docker run` has no flag `xyzzy`",
            "see `docker run --help` for its flags",
        ),
        (
            ["gpus all"],
            "`-A gpus all`: `docker run` has no flag `gpus all`",
            "write `-A gpus=all`",
        ),
        (["m"], "`-A m` needs a value", "write `-A memory=2g`"),
        (["name"], "`-A name` needs a value", "write `-A name=…`, or remove it"),
        (
            ["m=1g", "--memory=2g"],
            "`-A --memory=2g` repeats `m=1g`, which can be given only once",
            "remove one of them",
        ),
        (
            ["w=/x"],
            "`-A w=/x` can't be obeyed: the step runs in its checkout",
            "write `cd FOLDER && …` in the entry point's command",
        ),
        (
            ["restart=always"],
            "`-A restart=always` can't be obeyed: a step that starts again has no end",
            "remove it, and run again what failed",
        ),
        (
            ["disable-content-trust=false"],
            (
                "`-A disable-content-trust=false` can't be obeyed: "
                "reprun pins images by digest, and asks no notary for signatures"
            ),
            "remove it",
        ),
        (
            ["rm=false"],
            "`-A rm=false` can't be obeyed: the container is always removed",
            "remove it",
        ),
        (
            ["gpus=device=0,1"],
            (
                "`-A gpus=device=0,1` has devices and a count; a list is quoted: "
                "`'gpus=\"device=0,1\"'`"
            ),
            "write it like `-A gpus=all`",
        ),
        (
            ["network=host", "network-alias=a"],
            (
                "`-A network=host`, `-A network-alias=a`: "
                "an alias needs a network of its own: `-A network=NAME`"
            ),
            "correct one of them, or remove it",
        ),
        (
            ["ulimit=nofiles=1"],
            (
                "`-A ulimit=nofiles=1` must be a limit that there is, not `nofiles`; "
                "did you mean `nofile`?"
            ),
            "write it like `-A ulimit=nofile=1024:2048`",
        ),
    ],
)
def test_a_mistake_is_told_with_where_what_and_a_way(
    texts: list[str], message: str, hint: str, tmp_path: Path
) -> None:
    with pytest.raises(RequestError) as wrong:
        read(texts, caller=tmp_path)
    assert (wrong.value.message, wrong.value.hint) == (message, hint)


@pytest.mark.parametrize("name", sorted(fates.REFUSED))
def test_what_cannot_be_obeyed_is_refused_with_a_way(name: str, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="can't be obeyed") as wrong:
        read([name if name in fates.NO_VALUE else f"{name}=1"], caller=tmp_path)
    assert wrong.value.hint


def test_what_reprun_does_by_itself_is_understood(tmp_path: Path) -> None:
    texts = ["rm", "d", "rm=true", "a=stdout", "sig-proxy", "q", "detach-keys=ctrl-a"]
    also = ["disable-content-trust", "restart=no", "isolation=default", "i=false"]
    assert read([*texts, *also], caller=tmp_path) == Arguments()


@pytest.mark.parametrize("text", ["t", "i", "name=x", "cidfile=x", "kernel-memory=5m"])
def test_what_has_no_effect_is_told(text: str, tmp_path: Path) -> None:
    found = read([text, text], caller=tmp_path)
    assert found.body == {}
    assert [warning.partition(":")[0] for warning in found.warnings] == [
        f"`-A {text}` has no effect"
    ]


@pytest.mark.parametrize("flag", sorted(KNOWN))
def test_every_example_in_a_hint_is_a_value_that_is_taken(flag: str, tmp_path: Path) -> None:
    (tmp_path / "FILE").write_text("A=1\n")
    value = KNOWN[flag].example.strip("'").replace("…", "")
    beside = ["network=n"] if flag == "network-alias" else []
    assert read([f"{flag}={value}", *beside], caller=tmp_path) != Arguments()


def test_pull_and_platform_stand_by_themselves(tmp_path: Path) -> None:
    found = read(["pull=never", "platform=linux/arm64"], caller=tmp_path)
    assert (found.pull, found.platform, found.body) == ("never", "linux/arm64", {})


def test_the_first_network_is_named_for_who_must_know(tmp_path: Path) -> None:
    assert read(["net=none"], caller=tmp_path).network == "none"
    assert read(["network=name=a,alias=b", "network=c"], caller=tmp_path).network == "a"
    assert read(["gpus=all"], caller=tmp_path).network is None


def test_variables_of_a_file_come_before_those_given_by_themselves(folder: Path) -> None:
    found = read(["e=A=2", "e=COPIED", "env-file=variables"], caller=folder)
    pairs = (("A", "1 "), ("HERE", None), ("B", "x=y"), ("A", "2"), ("COPIED", None))
    assert found.variables == pairs


@pytest.mark.parametrize("text", ["e=A=hush\0", "log-opt=token=hush\0", "l=a=hush\0"])
def test_a_value_that_may_be_secret_is_not_shown(text: str, tmp_path: Path) -> None:
    with pytest.raises(RequestError) as wrong:
        read([text], caller=tmp_path)
    assert "hush" not in f"{wrong.value.message} {wrong.value.hint}"


def test_a_line_of_an_env_file_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "variables").write_text("MY TOKEN=hush\n")
    with pytest.raises(RequestError, match="a line that is no") as wrong:
        read(["env-file=variables"], caller=tmp_path)
    assert "hush" not in wrong.value.message


def test_bodies_are_merged_deeply_and_left_as_they_were() -> None:
    one = {"User": "1", "HostConfig": {"Binds": ["a"], "Memory": 1}}
    two = {"User": "2", "HostConfig": {"Binds": ["b"], "Init": True}, "Labels": {"x": "y"}}
    wanted = {
        "User": "2",
        "HostConfig": {"Binds": ["a", "b"], "Memory": 1, "Init": True},
        "Labels": {"x": "y"},
    }
    assert merge(one, two) == wanted
    assert one == {"User": "1", "HostConfig": {"Binds": ["a"], "Memory": 1}}


def test_neither_the_sdk_nor_the_table_of_flags_is_loaded_where_nothing_is_asked() -> None:
    program = (
        "import sys; from pathlib import Path;"
        "from runner.containers.options.arguments import read;"
        "read([], caller=Path()); print([name for name in sys.modules if name in"
        " ('docker', 'csv', 'fractions', 'runner.containers.options.flags')]);"
        "read(['gpus=all', 'p=1.2.3.4::80', 'cpus=2'], caller=Path());"
        "print('docker' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[:2] == ["[]", "False"]
