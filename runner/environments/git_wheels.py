"""Git requirements: a commit is built to a wheel once; the lock names the commit and the wheel.

In a lock of ours such a requirement reads `name @ git+URL@COMMIT --hash=sha256:WHEEL`. Where the
wheel isn't in the cache any more it is built again. The commit vouches for the source; the hash
says whether the same bytes came out of it.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from runner import fingerprint
from runner.environments import addresses, build_tools, diagnosis, uv
from runner.errors import BuildFailure, IndexUnreachable
from runner.files import replace_directory, sha256_file

if TYPE_CHECKING:
    from runner.environments.base import Interpreter
    from runner.environments.build_tools import BuildTools
    from runner.progress import Progress
    from runner.settings import Settings

_LINE: Final = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)(?P<extras>\[[^\]]*\])?\s*@\s*git\+(?P<url>\S+?)@(?P<commit>[0-9a-f]{40})"
    r"(?:#(?P<fragment>\S+))?(?P<marker>\s*;[^\\]*?)?(?:\s*\\?\s*--hash=sha256:(?P<hash>[0-9a-f]{64}))*\s*$"
)
# Zip archives can't hold an earlier time, and a fixed one keeps a wheel's bytes the same.
_EPOCH: Final = "1577836800"


class GitRequirement(Struct, frozen=True):
    """A requirement that is a commit of a repository; `sha256` is its wheel's, once built."""

    name: str
    url: str
    commit: str
    extras: str = ""
    subdirectory: str = ""
    marker: str = ""
    sha256: str | None = None

    @property
    def source(self) -> str:
        """As a record names it."""
        below = f"#subdirectory={self.subdirectory}" if self.subdirectory else ""
        return f"git+{addresses.without_credentials(self.url)}@{self.commit}{below}"

    def locked(self, sha256: str) -> str:
        """The line of a lock."""
        return (
            f"{self.name}{self.extras} @ {self.source}{self.marker} \\\n    --hash=sha256:{sha256}"
        )

    def installed_from(self, wheel: Path, sha256: str) -> str:
        """The line that uv gets."""
        return f"{self.name}{self.extras} @ {wheel.as_uri()}{self.marker} --hash=sha256:{sha256}"


def parse(line: str) -> GitRequirement | None:
    """Read a lock's line; None where it is no git requirement."""
    match = _LINE.match(line)
    if match is None:
        return None
    below = re.search(r"(?:^|&)subdirectory=([^&]+)", match["fragment"] or "")
    return GitRequirement(
        name=match["name"],
        url=match["url"],
        commit=match["commit"],
        extras=match["extras"] or "",
        subdirectory=below.group(1) if below else "",
        marker=(match["marker"] or "").rstrip(),
        sha256=match["hash"],
    )


def wheel_of(
    asked: GitRequirement,
    interpreter: Interpreter,
    tools: BuildTools,
    *,
    settings: Settings,
    progress: Progress,
) -> Path:
    """The wheel of `asked`, from the cache or built now.

    Raises:
        IndexUnreachable: the commit can't be had.
        BuildFailure: it does not build.
    """
    from runner.locking import hold

    key = fingerprint.of_value(
        "git-wheel",
        [asked.source, interpreter.version, interpreter.build, *build_tools.shared(tools)],
    )
    folder = settings.wheels / key[:24]
    if (wheel := _cached(folder)) is not None:
        return wheel
    with hold(folder.with_suffix(".lock"), waiting=progress.update):
        if (wheel := _cached(folder)) is None:
            progress.update(f"building {asked.name} from git")
            _build(asked, interpreter, tools, folder, progress)
            wheel = _cached(folder)
    if wheel is None:
        raise BuildFailure(f"`{asked.name}` of {asked.source} builds no wheel")
    if asked.sha256 is not None and sha256_file(wheel) != asked.sha256:
        progress.warning(
            f"`{asked.name}`, built again from the commit that the lock names, is not the same "
            "bytes as when it was locked"
        )
    return wheel


def _cached(folder: Path) -> Path | None:
    try:
        return next(folder.glob("*.whl"), None)
    except OSError:
        return None


def _build(
    asked: GitRequirement,
    interpreter: Interpreter,
    tools: BuildTools,
    folder: Path,
    progress: Progress,
) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".git-", dir=folder.parent) as temporary:
        source, output = Path(temporary, "source"), Path(temporary, "wheel")
        _fetch(asked, source)
        answer = uv.run(
            ["build", "--wheel", "--python", str(interpreter.path), "--out-dir",
             str(output), str(source / asked.subdirectory),
             *build_tools.arguments(tools, Path(temporary, "tools"))],
            progress=progress,
            extra={"SOURCE_DATE_EPOCH": _EPOCH},
        )  # fmt: skip
        if answer.status != 0:
            raise _failed(asked, answer.messages)
        replace_directory(output, folder)


def _failed(asked: GitRequirement, messages: str) -> BuildFailure | IndexUnreachable:
    error = diagnosis.failure(messages, origin=asked.source)
    if isinstance(error, IndexUnreachable):
        return error
    return BuildFailure(
        f"`{asked.name}` can't be built from {asked.source}",
        "the repository's own build fails: another commit may build",
        details=diagnosis.last_lines(messages),
    )


def _fetch(asked: GitRequirement, source: Path) -> None:
    source.mkdir(parents=True)
    _git(asked, source, "init", "--quiet")
    if _git(asked, source, "fetch", "--quiet", "--depth=1", "--end-of-options", asked.url,
            asked.commit, check=False):  # fmt: skip
        # Not every server hands out a commit that no branch or tag points to.
        _git(asked, source, "fetch", "--quiet", "--tags", "--end-of-options", asked.url,
             "+refs/heads/*:refs/remotes/origin/*")  # fmt: skip
    _git(asked, source, "checkout", "--quiet", "--detach", asked.commit)
    if (source / ".gitmodules").exists():
        _git(asked, source, "submodule", "--quiet", "update", "--init", "--recursive", "--depth=1")


def _git(asked: GitRequirement, source: Path, *arguments: str, check: bool = True) -> int:
    done = subprocess.run(
        ["git", "-c", "core.hooksPath=/dev/null", "-c", "protocol.ext.allow=never", *arguments],
        cwd=source,
        env={**uv.surroundings(os.environ), "LC_ALL": "C", "GIT_LFS_SKIP_SMUDGE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if check and done.returncode != 0:
        raise IndexUnreachable(
            f"`{asked.name}`: the commit {asked.commit[:12]} of "
            f"{addresses.without_credentials(asked.url)} can't be had",
            "is the repository still there, and may you read it?",
            details=diagnosis.last_lines(addresses.without_credentials(done.stderr)),
        )
    return done.returncode
