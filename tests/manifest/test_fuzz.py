"""Whatever the file holds: a Manifest or a ManifestError, and soon."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.errors import ManifestError
from runner.manifest.command import render
from runner.manifest.described import describe
from runner.manifest.load import examine, load
from runner.manifest.parameters import bind, choose
from tests.manifest.structures import documents
from tests.manifest.test_bind import PARAMETERS
from tests.support.folder import FolderFiles, project

if TYPE_CHECKING:
    from pathlib import Path

FUZZ = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=2000)
PIECES = st.sampled_from(
    ["\t", "\n", "\n\n", ": ", ":", "{", "}", "[", "]", '"', "'", "- ", "#", "&a ", "*a", "!!str ",
     "!", "|", ">", "? ", "%", "@", "<<: ", "---\n", "\ufeff", "\x85", "\u2028", "\0", "é", "\\x",
     "0x", "1:30", "~", "  ", "{{", "${", "1e400", ".nan", "2021-02-31", "=", ","]
)  # fmt: skip
EDITS = st.lists(
    st.tuples(st.integers(0, len(PARAMETERS)), st.integers(0, 8), PIECES), min_size=1, max_size=6
)
# Of the processor, so that a busy machine fails nothing; coverage makes Python a lot slower.
SECONDS = 10 if sys.gettrace() is None else 40
HOSTILE = {
    "brackets": "[" * 400_000,
    "braces": "{" * 400_000,
    "nested keys": "".join(f"{' ' * depth}a:\n" for depth in range(900)),
    "question marks": "? " * 200_000,
    "dashes": "- " * 200_000,
    "quotes": "'" * 400_000,
    "anchors": "".join(f"k{n}: &a{n} x\n" for n in range(15_000)),
    "merges": "a: &a {x: y}\n" + "".join(f"k{n}: {{<<: [*a, *a, *a]}}\n" for n in range(3_000)),
    "unknown keys": "".join(f"entry_point{n}: x\n" for n in range(9_000)),
    "duplicate keys": "name: x\n" * 9_000,
    "sexagesimal": f"name: {':'.join(['59'] * 150_000)}",
    "long number": f"name: {'1' * 400_000}",
    "placeholders": f"entry_points: {{main: {{command: '{'{x} ' * 100_000}'}}}}",
    "distinct placeholders": "entry_points: {main: {command: '"
    + " ".join(f"{{abcdef{n}}}" for n in range(20_000))
    + "', parameters: {"
    + ", ".join(f"abcdeg{n}: int" for n in range(5_000))
    + "}}}",
    "open placeholders": f"entry_points: {{main: {{command: '{'{x ' * 100_000}'}}}}",
    "entry points": "entry_points:\n" + "".join(f" e{n}: {{comand: x}}\n" for n in range(4_000)),
    "one long line": f"name: {'x ' * 200_000}: y",
    "block scalar": "name: |\n" + "  x\n" * 100_000,
    "type": f"entry_points: {{main: {{command: x, parameters: {{p: '{'list[' * 50_000}'}}}}}}",
    "patterns": "entry_points: {main: {command: x, parameters: {p: {default: a, pattern: '"
    + "(" * 5_000
    + ")" * 5_000
    + "'}}}}",
    "list default": "entry_points: {main: {command: x, parameters: {p: {type: 'list[int]',"
    f" default: '{'1,' * 100_000}'}}}}}}}}",
}


def survives(files: FolderFiles) -> None:
    manifest = examine(files)
    json.dumps(describe(manifest))
    with contextlib.suppress(ManifestError):
        load(files)
        for entry_point in manifest.entry_points:
            values = {parameter.name: "1" for parameter in entry_point.parameters}
            render(bind(choose(manifest, entry_point.name, files), values, manifest_path="x"))
    for problem in manifest.problems:
        assert problem.hint
        assert "\n" not in str(problem)


@FUZZ
@given(st.binary(max_size=200))
def test_random_bytes(tmp_path: Path, content: bytes) -> None:
    survives(project(tmp_path, content))


@FUZZ
@given(st.text(max_size=200))
def test_random_text(tmp_path: Path, content: str) -> None:
    survives(project(tmp_path, content.encode(errors="surrogatepass")))


@FUZZ
@given(EDITS)
def test_mutated_manifests(tmp_path: Path, edits: list[tuple[int, int, str]]) -> None:
    content = PARAMETERS
    for position, removed, piece in edits:
        content = content[:position] + piece + content[position + removed :]
    survives(project(tmp_path, content))


@FUZZ
@given(documents())
def test_random_structures(tmp_path: Path, document: object) -> None:
    survives(project(tmp_path, yaml.safe_dump(document, allow_unicode=True)))


@pytest.mark.parametrize("content", HOSTILE.values(), ids=list(HOSTILE))
def test_hostile_files_are_done_with_soon(content: str, tmp_path: Path) -> None:
    started = time.process_time()
    survives(project(tmp_path, content))
    assert time.process_time() - started < SECONDS
