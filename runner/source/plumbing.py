"""Starts git: with a configuration of ours, none of the caller's redirections, and no questions."""

from __future__ import annotations

import os
import subprocess
from typing import IO, TYPE_CHECKING

from runner.errors import GitMissing
from runner.process.relay import deferred
from runner.source import failures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

# How the caller reaches servers is theirs; where git looks for repositories is ours.
_KEPT = ("GIT_SSH", "GIT_SSL", "GIT_ASKPASS", "GIT_PROXY", "GIT_HTTP", "GIT_EXEC_PATH")
_KEPT_CONFIGURATION = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM")
_INJECTED = ("GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_")
_PIECE = 1 << 20  # bytes
_OURS = {
    "LC_ALL": "C",
    "LANGUAGE": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ADVICE": "0",
}
_CONFIGURATION = (
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.autocrlf", "false"),
    ("core.attributesFile", "/dev/null"),
    ("protocol.ext.allow", "never"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("submodule.recurse", "false"),
)


def isolated(configuration: Iterable[tuple[str, str]] = ()) -> dict[str, str]:
    """Variables for a git that obeys no configuration but ours: it runs no filter of anybody's."""
    variables = {name: value for name, value in os.environ.items() if not _is_git(name)}
    variables.update(_OURS, GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_NOSYSTEM="1")
    # A partial clone would fetch what it lacks, and write into somebody's repository.
    variables["GIT_ALLOW_PROTOCOL"] = "none"
    return _inject(variables, (*_CONFIGURATION, *configuration))


def personal(configuration: Iterable[tuple[str, str]] = ()) -> dict[str, str]:
    """Variables for a git that knows the person's own settings: proxies, credentials, ignores."""
    kept = (*_KEPT, *_KEPT_CONFIGURATION, *_INJECTED)
    variables = {
        name: value
        for name, value in os.environ.items()
        if not _is_git(name) or name.startswith(kept)
    }
    variables.update(_OURS)
    # An empty one keeps git from opening a window; one that the caller set is a deliberate answer.
    variables.setdefault("GIT_ASKPASS", "")
    return _inject(variables, (*_CONFIGURATION, *configuration))


def _is_git(name: str) -> bool:
    return name.startswith("GIT_")


def _inject(variables: dict[str, str], configuration: Iterable[tuple[str, str]]) -> dict[str, str]:
    given = variables.get("GIT_CONFIG_COUNT", "")
    count = int(given) if given.isdigit() else 0
    for key, value in configuration:
        variables[f"GIT_CONFIG_KEY_{count}"] = key
        variables[f"GIT_CONFIG_VALUE_{count}"] = value
        count += 1
    variables["GIT_CONFIG_COUNT"] = str(count)
    return variables


def git(
    arguments: Sequence[str],
    *,
    store: Path,
    variables: Mapping[str, str] | None = None,
    work_tree: Path | None = None,
    standard_input: bytes | None = None,
    where: str | None = None,
    heard: Callable[[str], None] | None = None,
) -> bytes:
    """What git prints when run on the repository `store`.

    `where` is the repository's name in messages, its path unless given; `heard` gets what git
    says beside its answer.

    Raises:
        GitMissing: there is no git.
        SourceError: git failed; the message says why in reprun's words.
    """
    command = ["git", f"--git-dir={store}"]
    if work_tree is not None:
        command.append(f"--work-tree={work_tree}")
    command += arguments
    status, answer, said = _run(
        command,
        dict(variables) if variables is not None else isolated(),
        work_tree,
        standard_input,
    )
    if status != 0:
        raise failures.explain(said.decode(errors="replace"), where=where or str(store))
    if heard is not None and said:
        heard(said.decode(errors="replace"))
    return answer


def _run(
    command: Sequence[str],
    variables: dict[str, str],
    directory: Path | None,
    standard_input: bytes | None,
) -> tuple[int, bytes, bytes]:
    """Exit status, stdout and stderr of a git that never outlives us, whenever we are ended."""
    process: subprocess.Popen[bytes] | None = None
    try:
        with deferred():
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL if standard_input is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=variables,
                cwd=directory,
            )
        answer, said = process.communicate(standard_input)
    except FileNotFoundError as error:
        raise missing(error) from error
    except BaseException:
        if process is not None:
            with process:
                process.kill()
        raise
    return process.returncode, answer, said


def missing(error: FileNotFoundError) -> Exception:
    """The error for a git that can't be started; another missing file stays what it is."""
    if error.filename not in {"git", b"git"}:
        return error
    return GitMissing("there is no `git` on PATH", hint="install git, version 2.30 or newer")


class Objects:
    """A running `git cat-file --batch`: reads objects of one repository, one after another."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._process: subprocess.Popen[bytes] | None = None

    def read(self, name: str) -> tuple[str, bytes] | None:
        """The kind and content of the object `name`, None where there is none.

        Raises:
            SourceDamaged: git broke off in the middle.
        """
        header = self._asked(name)
        if header is None:
            return None
        kind, size, answers = header
        content = answers.read(size + 1)
        if len(content) != size + 1:
            raise self._broken()
        return kind, content[:-1]

    def copy(self, name: str, to: IO[bytes]) -> bool:
        """Write the content of the object `name` to a file, in pieces; False where there is none.

        Raises:
            SourceDamaged: git broke off in the middle.
        """
        header = self._asked(name)
        if header is None:
            return False
        _, left, answers = header
        while left:
            piece = answers.read(min(left, _PIECE))
            if not piece:
                raise self._broken()
            to.write(piece)
            left -= len(piece)
        if not answers.read(1):
            raise self._broken()
        return True

    def _asked(self, name: str) -> tuple[str, int, IO[bytes]] | None:
        """The kind and size of an object, and the pipe that its content and a newline follow in."""
        requests, answers = self._started()
        try:
            requests.write(name.encode("utf-8", "surrogateescape") + b"\n")
            requests.flush()
        except BrokenPipeError:
            raise self._broken() from None
        header = answers.readline().split()
        if header[-1:] == [b"missing"]:
            return None
        if len(header) != 3:  # noqa: PLR2004  `<name> <kind> <size>`
            raise self._broken()
        return header[1].decode(), int(header[2]), answers

    def _started(self) -> tuple[IO[bytes], IO[bytes]]:
        if self._process is None:
            try:
                self._process = subprocess.Popen(
                    ["git", f"--git-dir={self._store}", "cat-file", "--batch"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env=isolated(),
                )
            except FileNotFoundError as error:
                raise missing(error) from error
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout

    def _broken(self) -> Exception:
        assert self._process is not None
        assert self._process.stderr is not None
        said = self._process.stderr.read().decode(errors="replace")
        return failures.damaged(str(self._store), said)

    def close(self) -> None:
        """End the process, if one was ever needed."""
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
        process.wait()
