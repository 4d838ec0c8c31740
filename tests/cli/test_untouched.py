"""The user's repository is byte-identical after any run: content, modes, times, `.git` too."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.support import samples
from tests.support.repositories import Repository

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.program import Program

LOCAL = ("--env-manager", "local")


def _photograph(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Every entry's mode, time of change and content."""
    seen = {}
    for path in [folder, *folder.rglob("*")]:
        state = path.lstat()
        if path.is_symlink():
            content = str(path.readlink())
        else:
            content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        seen[str(path.relative_to(folder))] = (state.st_mode, state.st_mtime_ns, content)
    return seen


@pytest.fixture
def project(reprun: Program, tmp_path: Path) -> Repository:
    """A repository with a submodule, two commits, and every kind of change not committed."""
    part = Repository(tmp_path / "part")
    part.write("part.txt", "part").commit()
    repository = samples.commit(reprun.directory)
    repository.write(".gitignore", "*.ignored\n").write("run.sh", "", mode=0o755)
    repository.write("gone.txt", "gone").write("kept.txt", "kept").commit("second")
    repository.submodule(str(part.path), "part").commit("third")
    repository.write("main.py", f"{samples.MAIN}\n# changed\n").write("new.txt", "untracked")
    repository.write("left.ignored", "ignored").write("part/part.txt", "changed in the part")
    repository.write("staged.txt", "staged").link("link", "main.py")
    repository.git("add", "staged.txt")
    (repository.path / "gone.txt").unlink()
    (repository.path / "kept.txt").chmod(0o755)
    return repository


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("run", ".", *LOCAL), 0),
        (("run", ".", *LOCAL, "-v", "main"), 0),
        (("run", ".", *LOCAL, "-v", "main~1"), 0),
        (("run", ".", *LOCAL, "--keep"), 0),
        (("run", ".", *LOCAL, "-e", "exit", "-P", "status=3"), 3),
        (("run", ".", *LOCAL, "-e", "wait", "--timeout", "0.5"), 124),
        (("run", ".", "-P", "count=x"), 2),
        (("run", ".", *LOCAL, "-e", "need", "-P", "alpha=1", "-P", "data=new.txt"), 0),
        (("run", ".", *LOCAL, "--dry-run"), 0),
        (("run", ".", "-v", "gone"), 125),
        (("check", "."), 0),
    ],
)
@pytest.mark.usefixtures("project")
def test_after_a_run_of_any_kind(reprun: Program, arguments: tuple[str, ...], code: int) -> None:
    before = _photograph(reprun.directory)
    said = reprun(*arguments)
    assert said.code == code, said.err
    assert _photograph(reprun.directory) == before


@pytest.mark.usefixtures("project")
def test_after_a_shell_in_which_everything_is_destroyed(reprun: Program) -> None:
    reprun.record(".", *LOCAL)
    before = _photograph(reprun.directory)
    command = "git reset --hard -q; git checkout -q --orphan other; rm -rf .git/* *; echo $?"
    assert reprun("shell", "latest", "-c", command).out.endswith("0\n")
    assert _photograph(reprun.directory) == before


def test_a_step_that_commits_and_pushes_reaches_nothing(
    reprun: Program, project: Repository
) -> None:
    command = (
        "git -c user.name=x -c user.email=x@y commit -qam stolen; "
        "git push origin HEAD:main; git branch -f main HEAD; exit 0"
    )
    samples.lay(project.path, f"entry_points: {{main: {{command: '{command}'}}}}\n")
    before = _photograph(project.path)
    assert reprun("run", ".", *LOCAL).code == 0
    after = _photograph(project.path)
    for path in before:
        # A git that writes an object which is there already renews that object's time.
        if path.startswith(".git/objects/"):
            before[path], after[path] = (0, 0, before[path][2]), (0, 0, after[path][2])
    assert after == before
