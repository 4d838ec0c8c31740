"""Whatever a Dockerfile holds, it is read or refused in words, and pins move no line."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from runner.containers.building.dockerfile import parse, pinned
from runner.containers.building.ignored import compiled, is_left_out, patterns
from runner.errors import EnvironmentFailure

PIECES = st.sampled_from([
    *("FROM ", "ARG ", "ENV ", "COPY ", "ADD ", "RUN ", "ONBUILD ", "from ", "LABEL "),
    *("a:1", "one", " AS one", "--from=one ", "--from=b:2 ", "--from=0 ", "--mount=from=b:2,x "),
    *("$X", "${X:-a:1}", "${X", "${X:+", "}", "X=1", '"', "'", "\\", "`", "$", "[", '["a","b"]'),
    *("\n", "\n", "\n", "\\\n", "\r\n", " ", "\t", "# x\n", "# escape=`\n", "<<E", "E\n", "\ufeff"),
    *("\xa0", "\x0b", "\x00", "ü", "\u2028"),
])  # fmt: skip
TEXTS = st.lists(PIECES, max_size=25).map("".join)


@given(TEXTS, st.booleans())
def test_any_text_is_read_or_refused(tail: str, with_base: bool) -> None:  # noqa: FBT001
    text = ("FROM a:1 AS one\n" * with_base + tail).encode()
    with contextlib.suppress(EnvironmentFailure):
        found = parse(text, path="Dockerfile", args={"X": "c:3"})
        pins = {base.reference: f"n@sha256:{'0' * 64}" for base in found.bases}
        done = pinned(text, pins, path="Dockerfile", args={"X": "c:3"})
        again = parse(done, path="Dockerfile", args={"X": "c:3"})
        assert [step.line for step in again.steps] == [step.line for step in found.steps]
        assert done.count(b"\n") == text.count(b"\n")
        assert {base.reference for base in again.bases} <= set(pins.values())
        assert again.sources == found.sources


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(text: bytes) -> None:
    with contextlib.suppress(EnvironmentFailure):
        parse(b"FROM a\n" + text, path="Dockerfile", args={})


@given(st.text("ab/*?[]^!-\\.# \n", max_size=20), st.text("ab/", min_size=1, max_size=8))
def test_any_ignore_file_is_read_or_refused(text: str, path: str) -> None:
    with contextlib.suppress(EnvironmentFailure):
        is_left_out(path, patterns(text.encode(), path=".dockerignore"))
    compiled(text)
