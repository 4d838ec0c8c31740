"""A Dockerfile as a build to its target goes through it."""

from __future__ import annotations

import pytest

from runner.containers.building.dockerfile import Base, Dockerfile, parse, pinned
from runner.errors import EnvironmentFailure

MANY = b"""\
# syntax=docker/dockerfile:1
ARG VERSION=3.11
ARG FLAVOUR
FROM python:${VERSION}-${FLAVOUR:-slim} AS Build
RUN pip install \\
    # what it is for

    numpy
COPY --chown=1:1 requirements.txt setup.* /src/
from build as test
RUN pytest
FROM --platform=linux/amd64 debian:12
COPY --from=BUILD /a /a
COPY --from=0 /b /b
COPY --from=busybox:1 /c /c
COPY ["with blank", "/d"]
ADD https://example.org/data.tar /e
FROM scratch AS last
COPY . /
"""
PINS = {
    "python:3.11-slim": "python@sha256:" + "1" * 64,
    "debian:12": "sha256:" + "2" * 64,
    "busybox:1": "busybox@sha256:" + "3" * 64,
}


def read(text: str | bytes, target: str | None = None, **args: str) -> Dockerfile:
    content = text.encode() if isinstance(text, str) else text
    return parse(content, path="Dockerfile", args=args, target=target)


def paths(text: str | bytes, target: str | None = None, **args: str) -> list[str | None]:
    return [copied.path for copied in read(text, target, **args).sources]


def test_bases_are_the_images_from_outside() -> None:
    assert read(MANY).bases == (
        Base("python:3.11-slim", 4, "build"),
        Base("debian:12", 12, None, platform="linux/amd64"),
        Base("busybox:1", 15, None),
    )
    assert read(MANY, "TEST").bases == (Base("python:3.11-slim", 4, "build"),)
    assert read(MANY, "build", VERSION="3.12", FLAVOUR="alpine").bases == (
        Base("python:3.12-alpine", 4, "build"),
    )


def test_a_step_of_the_engine_is_a_line_of_the_file() -> None:
    found = read(MANY)
    assert [step.line for step in found.steps] == [
        *(2, 3, 4, 5, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19)
    ]
    assert (found.place(4), found.place(16)) == ("Dockerfile:5", None)
    assert (found.place(2, stage=1), found.place(1, stage=3)) == ("Dockerfile:5", "Dockerfile:12")
    assert (found.place(9, stage=3), found.place(0), found.place(1, stage=9)) == (None, None, None)
    assert found.steps[3].text == "RUN pip install \\"
    assert len(read(MANY, "test").steps) == 7


def test_what_a_build_reads_and_what_it_does_not_lock() -> None:
    found = read(MANY)
    assert [(copied.line, copied.path) for copied in found.sources] == [
        (9, "requirements.txt"),
        (9, "setup.*"),
        (16, "with blank"),
        (19, "."),
    ]
    assert [step.line for step in found.unlocked] == [5, 11, 17]


def test_pins_change_nothing_but_the_names() -> None:
    done = pinned(MANY, PINS, path="Dockerfile", args={})
    wanted = MANY.replace(b"python:${VERSION}-${FLAVOUR:-slim}", PINS["python:3.11-slim"].encode())
    wanted = wanted.replace(b"debian:12", PINS["debian:12"].encode())
    assert done == wanted.replace(b"busybox:1", PINS["busybox:1"].encode())
    assert [step.line for step in read(done).steps] == [step.line for step in read(MANY).steps]


def test_only_what_the_target_needs_is_pinned() -> None:
    lone = {"python:3.11-slim": PINS["python:3.11-slim"]}
    done = pinned(MANY, lone, path="Dockerfile", args={}, target="test")
    assert b"debian:12\n" in done
    with pytest.raises(EnvironmentFailure, match="Dockerfile:12: `debian:12` has no pin"):
        pinned(MANY, lone, path="Dockerfile", args={})


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbfFROM a:1\r\nRUN x\xff \\\r\n\r\n  y\r\n",
        b"FROM \\\n  a:1 \\\n  AS b\n",
        b"from\ta:1\tas b",
        b'FROM "a:1"\n',
        b"# escape=`\nFROM a:1\nRUN x `\n FROM y\nENV P=C:\\\n",
        b"FROM a:1\nRUN python - <<EOF\nFROM b\nEOF\nRUN <<-'X' cat\n\tCOPY --from=c d\n\tX\n",
    ],
)
def test_pins_survive_every_way_of_writing(text: bytes) -> None:
    pin = "a@sha256:" + "0" * 64
    assert [base.reference for base in read(text).bases] == ["a:1"]
    done = pinned(text, {"a:1": pin}, path="Dockerfile", args={})
    assert done == text.replace(b'"a:1"', b"a:1").replace(b"a:1", pin.encode())
    assert pinned(done, {}, path="Dockerfile", args={}) == done


def test_mounts_from_images_are_bases() -> None:
    text = b"""\
FROM a AS one
FROM c
RUN --mount=type=bind,from=b:2,target=/x --mount=from=one,target=/y z
"""
    assert read(text).bases == (Base("a", 1, "one"), Base("c", 2, None), Base("b:2", 3, None))
    done = pinned(text, {"a": "A", "b:2": "B", "c": "C"}, path="Dockerfile", args={})
    assert done == text.replace(b"a AS", b"A AS").replace(b"b:2", b"B").replace(b"c\n", b"C\n")


COPIES: dict[str, tuple[str, list[str | None]]] = {
    "a later ARG": ("FROM a\nCOPY $X /\nARG X=1\nCOPY $X /\n", [None, "1"]),
    "given": ("FROM a\nARG X=1\nCOPY ${X}.txt /\n", ["2.txt"]),
    "ENV before ARG": ("FROM a\nENV X=e\nARG X=1\nCOPY $X /\n", ["e"]),
    "old ENV": ("FROM a\nENV Y b c\nCOPY $Y /\n", ["b c"]),
    "ENV sees what was before": ("FROM a\nENV Y=1\nENV Y=2 Z=$Y\nCOPY $Z /\n", ["1"]),
    "ARG of the file": ("ARG Y=1\nFROM a\nCOPY $Y /\nARG Y\nCOPY $Y /\n", [None, "1"]),
    "ENV is inherited": ("FROM a AS b\nENV Y=1\nARG Z=2\nFROM B\nCOPY $Y $Z /\n", ["1", None]),
    "a default": ("FROM a\nCOPY ${N:-x} ${N:+y}z /\n", ["x", "z"]),
    "escaped": ("FROM a\nCOPY \\$N '$N' /\n", ["$N", "$N"]),
    "ONBUILD": ("FROM a\nONBUILD COPY a /\nONBUILD RUN b\n", [None]),
    "a mount of the context": ("FROM a\nRUN --mount=target=/x y\n", [None]),
    "a cache": ("FROM a\nRUN --mount=type=cache,target=/x y\n", []),
    "an address": ("FROM a\nARG U=https://e.org\nADD $U/x git@e.org:a/b y /z\n", ["y"]),
    "a here-document": ("FROM a\nCOPY <<EOF x /z\nb\nEOF\n", ["x"]),
    "JSON": ('FROM a\nCOPY --chown=1 ["b c", "$N", "/"]\n', ["b c", None]),
}


@pytest.mark.parametrize("case", COPIES)
def test_sources_are_known_as_far_as_the_text_tells(case: str) -> None:
    text, wanted = COPIES[case]
    args = {"X": "2"} if case == "given" else {}
    assert paths(text, **args) == wanted


BUILDKIT = {
    "RUN --mount=type=cache,target=/x y": "--mount",
    "RUN --network=none x": "--network",
    "RUN cat <<EOF\nx\nEOF": "<<EOF",
    "COPY --link a b": "--link",
    "COPY --chmod=755 a b": "--chmod",
    "COPY --exclude=*.py a b": "--exclude",
    "COPY --parents a b": "--parents",
    "ADD --checksum=sha256:1 https://e.org/a b": "--checksum",
    "ADD https://e.org/a.git b": "https://e.org/a.git",
    "ARG TARGETARCH": "$TARGETARCH",
    "FROM --platform=$BUILDPLATFORM b": "$BUILDPLATFORM",
}


@pytest.mark.parametrize("line", BUILDKIT)
def test_what_only_buildkit_can_do_is_named(line: str) -> None:
    found = read(f"FROM a\nRUN x\n{line}\nRUN --security=insecure x\n").needs_buildkit
    assert found is not None
    assert (found.line, found.text) == (3, line.partition("\n")[0])
    assert found.what == BUILDKIT[line]


@pytest.mark.parametrize(
    "line",
    [
        "COPY --from=b --chown=1:1 a b",
        "ADD --chown=1 https://e.org/a.tar b",
        "RUN echo '<<EOF' \"a <<EOF\" $((1<<2)) 3 <<<EOF",
        "HEALTHCHECK --interval=5s CMD x",
        "ARG TARGETARCH=amd64",
        "FROM --platform=linux/arm64 b",
        "# syntax=docker/dockerfile:1",
    ],
)
def test_what_the_classic_builder_can_do_needs_no_other(line: str) -> None:
    assert read(f"FROM a\n{line}\n").needs_buildkit is None


def test_platform_arguments_that_are_given_need_no_buildkit() -> None:
    found = read("FROM a\nARG TARGETARCH\n", TARGETARCH="amd64")
    assert (found.needs_buildkit, found.warnings) == (None, ())
    assert read("FROM a\n", TARGETARCH="amd64").warnings == ()


def test_a_flag_of_a_stage_that_is_not_built_is_refused_by_the_classic_builder_too() -> None:
    text = "FROM a AS b\nFROM c\nARG TARGETOS\nCOPY --link a b\n"
    found = read(text, "b").needs_buildkit
    assert found is not None
    assert found.line == 4


def test_arguments_that_nobody_declares_are_warned_of() -> None:
    text = "FROM a AS b\nFROM c\nARG VERSION\n"
    (warning,) = read(text, "b", VERSIO="1", VERSION="2", http_proxy="p").warnings
    assert warning == (
        "Dockerfile declares no `ARG VERSIO`, so the value that `args` gives is not used; "
        "did you mean `VERSION`?"
    )


WRONG = {
    "": ("Dockerfile: has no FROM", "start it with `FROM image`"),
    "# a\n\nARG X=1\n": ("Dockerfile: has no FROM", "start it with `FROM image`"),
    "FROM a\nRUN x\nCPOY a b\n": (
        "Dockerfile:3: unknown instruction `CPOY`",
        "did you mean `COPY`?",
    ),
    "FROM a\nRUN x &&\n  pip install y\n": (
        "Dockerfile:3: unknown instruction `pip`",
        "is a `\\` missing at the end of the line above?",
    ),
    "RUN x\nFROM a\n": (
        "Dockerfile:1: `RUN x` stands before the first FROM",
        "put it below `FROM image`",
    ),
    "FROM\n": ("Dockerfile:1: FROM says nothing", "complete it, or remove the line"),
    "FROM a b\n": (
        "Dockerfile:1: `FROM a b` isn't `FROM image` or `FROM image AS name`",
        "write `FROM a AS b`",
    ),
    "\nARG X\nFROM a:$X\n": (
        "Dockerfile:3: `FROM a:$X`: `X` has no value",
        "give it one in `docker_env` of the manifest: `args: {X: …}`",
    ),
    "ARG X\nARG Y=b:$X\nFROM $Y\n": (
        "Dockerfile:3: `FROM $Y`: `X` has no value",
        "give it one in `docker_env` of the manifest: `args: {X: …}`",
    ),
    "FROM a:$X\nARG X=1\n": (
        "Dockerfile:1: `FROM a:$X`: `X` has no value",
        "declare it before the first FROM, with a value: `ARG X=…`",
    ),
    "FROM a:$GIVEN\n": (
        "Dockerfile:1: `FROM a:$GIVEN`: `GIVEN` has no value",
        "declare it before the first FROM: `ARG GIVEN`",
    ),
    "ARG X=\nFROM $X\n": (
        "Dockerfile:2: `FROM $X` names no image: `$X` is empty",
        "give it a value in `args` of `docker_env`",
    ),
    "FROM a\nCOPY --from=0 a b\n": (
        "Dockerfile:2: `from=0`: no earlier stage has this number",
        "name the stage: `FROM image AS name`",
    ),
    "FROM a\nARG X=b\nCOPY --from=$X a b\n": (
        "Dockerfile:3: `from=$X` takes no variables",
        "give it a stage: `FROM $X AS name`, and copy from that",
    ),
    "FROM a\nRUN <<EOF\nx\n EOF\n": (
        "Dockerfile:2: the here-document `<<EOF` has no end",
        "end it with a line that is `EOF` alone",
    ),
}


@pytest.mark.parametrize("text", WRONG)
def test_what_can_not_be_understood_is_named(text: str) -> None:
    with pytest.raises(EnvironmentFailure) as raised:
        read(text, GIVEN="1")
    assert (raised.value.message, raised.value.hint) == WRONG[text]


@pytest.mark.parametrize(
    ("target", "hint"),
    [("trian", "did you mean `train`?"), ("0", "its stages: train, test")],
)
def test_an_unknown_target_is_named(target: str, hint: str) -> None:
    with pytest.raises(EnvironmentFailure) as raised:
        read("FROM a AS Train\nFROM b\nFROM c AS test\n", target)
    assert raised.value.message == f"Dockerfile: has no stage `{target}` (`target` of `docker_env`)"
    assert raised.value.hint == hint


def test_a_base_of_a_stage_that_is_not_built_may_be_unknown() -> None:
    assert read("FROM a AS b\nFROM $X\n", "b").bases == (Base("a", 1, "b"),)


def test_a_name_over_two_lines_can_not_be_pinned() -> None:
    with pytest.raises(EnvironmentFailure, match="Dockerfile:1: `a:1` is broken over two lines"):
        pinned(b"FROM a\\\n:1\n", {"a:1": "x"}, path="Dockerfile", args={})
