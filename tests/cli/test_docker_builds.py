"""A project's Dockerfile that fails, or that two runs build at once."""

from __future__ import annotations

import io
import os
import re
from typing import TYPE_CHECKING, Any

import pytest

from runner.environments.platforms import engine_platform
from tests.support.docked import ALPINE, last, lay, manifest, nothing_is_left
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.engine import Engine
    from tests.support.images import Images
    from tests.support.program import Program
    from tests.support.registry import Registry

BUILT = manifest("cat /made", None, dockerfile="Dockerfile")
FOUR_STEPS = f"""\
FROM {ALPINE}
# a comment

RUN echo before
RUN for i in $(seq 30); do echo line $i; done; sleep 0.3; \\
    echo last-on-stderr >&2; printf unfinished; exit 7
RUN echo never
"""


@pytest.fixture
def mark(engine: Engine, docked: Program) -> Iterator[str]:
    """A label for what a test builds, by which all of it is removed."""
    text = f"test={docked.directory.parent.name}-{os.getpid()}"
    yield text
    for image in engine.client.images.list(filters={"label": text}):
        engine.client.images.remove(image.id or "", force=True)


def _refused(reprun: Program, engine: Engine, *arguments: str) -> list[str]:
    before = len(reprun.records())
    said = reprun("run", ".", *arguments)
    assert said.code in {2, 125}, said
    assert said.out == ""
    assert len(reprun.records()) == before
    nothing_is_left(engine.client, reprun)
    lines = said.err.splitlines()
    while not lines[0].startswith("error: "):
        del lines[0]
    assert lines[-1].startswith("hint: ")
    return lines


def test_a_step_that_fails(docked: Program, engine: Engine) -> None:
    lay(docked.directory, BUILT, Dockerfile=FOUR_STEPS)
    error, *shown, hint = _refused(docked, engine)
    assert error.startswith("error: Dockerfile:5: step 3 of 4 failed, `RUN for i in ")
    assert error.endswith("returned a non-zero code: 7")
    assert "unfinished" in shown[-1]  # where stderr comes between them, the engine decides
    assert not any("intermediate container" in line for line in shown)
    assert "  line 30" in shown
    assert any("last-on-stderr" in line for line in shown)
    assert "  line 1" not in shown
    assert hint == "hint: try it by itself: `docker build -f Dockerfile .`"
    document = docked("run", ".", "--json").document["error"]
    assert document["code"] == "environment.build-failed"
    assert "line 30" in document["details"]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (None, "MLproject:1:", "add the file"),
        ("FROM alpine:3.20\nRUN --mount=type=cache,target=/x true\n", "Dockerfile:2: ", "BuildKit"),
        ("FROM alpine:3.20\nCOPY <<A /x\nA\n", "Dockerfile:2: ", "BuildKit"),
        ("FROM alpine:3.20\nRUNN true\n", "Dockerfile:2: unknown instruction `RUNN`", "`RUN`"),
        ("FROM alpine:3.20\n\nCOPY gone /x\n", "Dockerfile:3: step 2 of 2 failed", "docker build"),
        ("ARG X\n\nFROM 127.0.0.1:1/gone:1\n", "Dockerfile:3: the image `127.0.0.1:1/gone:1`",
         "check the network"),
        ("# nothing\n", "Dockerfile", "FROM"),
    ],
)  # fmt: skip
def test_a_dockerfile_that_can_not_be_built(
    docked: Program, engine: Engine, text: str | None, message: str, hint: str
) -> None:
    lay(docked.directory, BUILT, **({} if text is None else {"Dockerfile": text}))
    lines = _refused(docked, engine)
    assert lines[0].startswith(f"error: {message}")
    assert hint in lines[0] + lines[-1]


def test_a_build_that_fails_leaves_no_container(docked: Program, engine: Engine, mark: str) -> None:
    """And shows what that step has said, not what others have."""
    text = f"FROM {ALPINE}\nRUN echo before {mark}\nRUN echo last {mark}; exit 1\n"
    lay(docked.directory, BUILT, Dockerfile=text)
    error, *shown, _ = _refused(docked, engine)
    assert error.startswith("error: Dockerfile:3: step 3 of 3 failed")
    assert shown == [f"  last {mark}"]
    wait_until(lambda: not [one for one in _all(engine) if mark in one["Command"]])


def _all(engine: Engine) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = engine.client.api.containers(all=True)
    return found


def test_two_runs_at_once_build_one_image(docked: Program, engine: Engine, mark: str) -> None:
    text = f"FROM {ALPINE}\nLABEL {mark}\nRUN sleep 2; head -c 8 /dev/urandom | md5sum > /made\n"
    lay(docked.directory, BUILT, Dockerfile=text)
    both = [docked.start("run", ".") for _ in range(2)]
    ends = [process.communicate(timeout=100) for process in both]
    assert [process.returncode for process in both] == [0, 0], ends
    assert ends[0][0] == ends[1][0]
    assert re.fullmatch(rb"[0-9a-f]{32}  -\n", ends[0][0])
    first, second = docked.records()[-2:]
    assert first["environment"]["hash"] == second["environment"]["hash"]
    assert first["environment"]["image"]["id"] == second["environment"]["image"]["id"]
    # Of layers that were built twice, one set would be there without a name.
    assert len(engine.client.images.list(filters={"label": [mark, "reprun=image"]})) == 1
    nothing_is_left(engine.client, docked)


def test_equal_content_is_never_built_twice(docked: Program, engine: Engine, mark: str) -> None:
    """Neither from another folder, nor by somebody with an empty cache."""
    text = f"FROM {ALPINE}\nLABEL {mark}\nRUN head -c 8 /dev/urandom | md5sum > /made\n"
    lay(docked.directory, BUILT, Dockerfile=text)
    first = docked("run", ".").out
    other = lay(docked.directory / "other folder", BUILT, Dockerfile=text)
    assert docked("run", str(other)).out == first
    assert docked("run", ".", REPRUN_CACHE=str(docked.directory.parent / "cache")).out == first
    assert len(engine.client.images.list(filters={"label": [mark, "reprun=image"]})) == 1


def test_whatever_a_build_depends_on_makes_another_image(
    docked: Program, engine: Engine, mark: str
) -> None:
    text = (
        f"FROM {ALPINE} AS first\nARG WORD=default\nLABEL {mark}\nCOPY data.txt /\n"
        "RUN echo $WORD > /made\nFROM first AS second\nRUN echo second > /made\n"
    )
    docker = {"dockerfile": "Dockerfile", "target": "first"}

    def made(data: str, more: str = "", **changed: object) -> str:
        step = manifest("cat /made /data.txt", None, **{**docker, **changed})
        lay(docked.directory, step, Dockerfile=text + more, data_txt=data)
        said = docked("run", ".", "-q")
        assert said.code == 0, said
        return said.out

    assert made("a\n") == "default\na\n"
    assert made("a\n", args={"WORD": "given"}) == "given\na\n"
    assert made("b\n", args={"WORD": "given"}) == "given\nb\n"
    assert made("b\n", target="second") == "second\nb\n"
    assert made("b\n", "RUN echo third > /made\n", target=None) == "third\nb\n"
    assert len({record["environment"]["hash"] for record in docked.records()[-5:]}) == 5
    nothing_is_left(engine.client, docked)


def test_a_base_with_triggers(docked: Program, engine: Engine, images: Images, mark: str) -> None:
    """They copy what no line of the Dockerfile names, so nothing would say when to build anew."""
    name = f"localhost/reprun-tests/{docked.directory.parent.name}:triggers".lower()
    text = f"FROM {ALPINE}\nLABEL {mark}\nONBUILD COPY . /all\n"
    engine.client.images.build(fileobj=io.BytesIO(text.encode()), tag=name, rm=True)
    images.keep(name)
    lay(docked.directory, BUILT, Dockerfile=f"# triggers\nFROM {name}\n")
    lines = _refused(docked, engine)
    message = "the base image has ONBUILD triggers, such as `COPY . /all`"
    assert lines[0] == f"error: Dockerfile:2: {message}"
    assert "copy these lines into the Dockerfile" in lines[-1]


def test_a_stage_of_another_platform(
    docked: Program, engine: Engine, images: Images, registry: Registry, mark: str
) -> None:
    """Its base is pulled for that platform; the image is for this machine's all the same."""
    foreign = images.make({"made": "of another platform"}, platform="linux/s390x")
    registry.push(engine, foreign, "foreign:1")
    images.remove(foreign)
    name = f"{registry.address}/foreign:1"
    text = f"FROM --platform=linux/s390x {name} AS other\nFROM {ALPINE}\nLABEL {mark}\n"
    lay(docked.directory, BUILT, Dockerfile=f"{text}COPY --from=other /made /made\n")
    said = docked("run", ".")
    images.keep(name)
    assert (said.code, said.out) == (0, "of another platform"), said
    assert last(docked)["environment"]["image"]["platform"] == engine_platform()


def test_an_image_with_the_project_in_it(docked: Program, engine: Engine, mark: str) -> None:
    """`--build-image`, with a Dockerfile and with a named image; what the step makes is kept."""
    text = f"FROM {ALPINE}\nLABEL {mark}\nRUN echo made > /made\n"
    lay(docked.directory, manifest("cat /made data_txt data.txt; pwd; echo x > out", None,
        dockerfile="Dockerfile"), Dockerfile=text, data_txt="data\n")  # fmt: skip
    (docked.directory / "data_txt").write_text("more\n")
    said = docked("run", ".", "--build-image")
    assert (said.code, said.out) == (0, "made\nmore\ndata\n/mlflow/projects/code\n"), said
    assert [one["path"] for one in last(docked)["outputs"]] == ["out"]
    image = last(docked)["environment"]["image"]["id"]
    named = f"docker-project:{last(docked)['environment']['hash'][:12]}"
    assert engine.client.images.get(named).id == image
    seen = engine.client.containers.run(image, ["cat", "/mlflow/projects/code/data.txt"],
                                        remove=True, network_mode="none")  # fmt: skip
    assert seen == b"data\n"
    nothing_is_left(engine.client, docked)


@pytest.mark.parametrize(
    ("entrypoint", "said", "printed"),
    [
        ('["/wrap.sh"]', "", "wrapped\nmade\n"),
        ('["/alone.sh"]', "", "made\n"),
        ('["/bin/sh", "-c"]', "ENTRYPOINT `/bin/sh -c` does not pass a command on", "made\n"),
        ('["/wait.sh"]', "ENTRYPOINT `/wait.sh` does not pass a command on", "made\n"),
        ('["nosuch"]', "ENTRYPOINT `nosuch` does not pass a command on", "made\n"),
    ],
)
def test_entrypoints(docked: Program, mark: str, entrypoint: str, said: str, printed: str) -> None:
    wrap = '#!/bin/sh\necho wrapped\nexec "$@"\n'
    # What is tried without a step has no network that it could reach anybody by.
    alone = '#!/bin/sh\n[ -e /reprun/step ] || [ ! -e /sys/class/net/eth0 ] && exec "$@"\n'
    wait = "#!/bin/sh\nwhile :; do sleep 1; done\n"
    text = (
        f"FROM {ALPINE}\nLABEL {mark}\nCOPY *.sh /\n"
        f"RUN chmod 755 /*.sh; echo made > /made\nENTRYPOINT {entrypoint}\n"
    )
    lay(docked.directory, BUILT, Dockerfile=text, wrap_sh=wrap, wait_sh=wait, alone_sh=alone)
    ended = docked("run", ".")
    assert (ended.code, ended.out) == (0, printed), ended
    assert said in ended.err
    assert ("ENTRYPOINT" in ended.err) == bool(said)
    ended = docked("run", ".", "-A", "entrypoint=")
    assert (ended.code, ended.out) == (0, "made\n")


def test_volumes_of_the_image_leave_nothing(docked: Program, engine: Engine, mark: str) -> None:
    """Neither where it was looked into and its entrypoint was tried, nor where the step ran."""

    def without_a_container() -> set[str]:
        found = engine.client.volumes.list(filters={"dangling": True})
        return {one.name for one in found if re.fullmatch("[0-9a-f]{64}", one.name)}

    before = without_a_container()
    text = f"FROM {ALPINE}\nLABEL {mark}\nRUN echo made > /made\nVOLUME /data\n"
    lay(docked.directory, BUILT, Dockerfile=f'{text}ENTRYPOINT ["env"]\n')
    assert docked("run", ".").out == "made\n"
    wait_until(lambda: without_a_container() <= before)


def test_an_image_without_a_shell(docked: Program, engine: Engine, mark: str) -> None:
    text = f"FROM scratch\nLABEL {mark}\nCOPY Dockerfile /\n"
    lay(docked.directory, BUILT, Dockerfile=text)
    lines = _refused(docked, engine)
    assert lines[0].startswith("error: the image has no shell")
    assert "`-debug`" in lines[-1]


def test_an_image_without_bash(docked: Program, mark: str) -> None:
    lay(docked.directory, BUILT, Dockerfile=f"FROM {ALPINE}\nLABEL {mark}\nRUN echo made > /made\n")
    ended = docked("run", ".")
    assert (ended.code, ended.out) == (0, "made\n")
    assert "warning: the image has no bash: `sh` reads the step's command" in ended.err
