"""What of the project a build sees."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from typing import IO, TYPE_CHECKING

import pytest

from runner.containers.building.context import DOCKERFILE, archive, seen, sources_digest
from runner.containers.building.dockerfile import parse
from runner.errors import EnvironmentFailure, SourceError
from runner.progress import Silent
from runner.request import Request
from runner.source.files import open_files
from runner.source.resolve import resolve
from tests.support.folder import FolderFiles
from tests.support.repositories import Repository

if TYPE_CHECKING:
    from pathlib import Path

    from runner.containers.building.dockerfile import Dockerfile
    from runner.settings import Settings


def read(*lines: str, path: str = "Dockerfile") -> Dockerfile:
    return parse("\n".join(("FROM a", *lines)).encode(), path=path, args={})


def lay(folder: Path, *names: str) -> FolderFiles:
    for name in names:
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(name)
    return FolderFiles(folder)


PROJECT = ("requirements.txt", "train.py", "src/a.py", "src/deep/b.py", "src/c.txt", "data/big.csv")
SEEN = {
    "COPY requirements.txt /": ["requirements.txt"],
    "COPY /requirements.txt ./../train.py x": ["requirements.txt", "train.py"],
    "COPY src /": ["src", "src/a.py", "src/c.txt", "src/deep", "src/deep/b.py"],
    "COPY *.txt /": ["requirements.txt"],
    "COPY s*/*.py /": ["src", "src/a.py"],
    "COPY s[r]c/dee? /": ["src", "src/deep", "src/deep/b.py"],
    "COPY src/deep/ absent /": ["src", "src/deep", "src/deep/b.py"],
    "RUN x": [],
    "COPY --from=b / /": [],
    "ADD https://example.org/x /": [],
}


@pytest.mark.parametrize("line", SEEN)
def test_only_what_is_copied_is_seen(line: str, tmp_path: Path) -> None:
    files = lay(tmp_path, *PROJECT)
    assert [entry.path for entry in seen(read(line), files)] == SEEN[line]


@pytest.mark.parametrize(
    "line",
    ["COPY . /", "ADD / /", "COPY $X /", "ONBUILD COPY train.py /", "COPY ** /", "COPY src/.. /"],
)
def test_what_can_not_be_told_is_everything(line: str, tmp_path: Path) -> None:
    files = lay(tmp_path, *PROJECT)
    everything = {*PROJECT, "src", "src/deep", "data"}
    assert {entry.path for entry in seen(read(line), files)} == everything
    triggered = seen(read("COPY train.py /"), files, whole=True)
    assert {entry.path for entry in triggered} == everything


def test_the_digest_knows_what_is_seen_and_nothing_else(tmp_path: Path) -> None:
    files = lay(tmp_path, *PROJECT)
    lone, all_of_it = read("COPY requirements.txt /"), read("COPY . /")
    before = sources_digest(lone, files), sources_digest(all_of_it, files)
    (tmp_path / "train.py").write_text("changed")
    assert sources_digest(lone, files) == before[0]
    assert sources_digest(all_of_it, files) != before[1]
    (tmp_path / "requirements.txt").write_text("changed")
    assert sources_digest(lone, files) != before[0]


def test_programs_links_names_and_empty_folders_count(tmp_path: Path) -> None:
    files = lay(tmp_path, "a", "b")
    found = read("COPY . /")
    digests = [sources_digest(found, files)]
    (tmp_path / "a").chmod(0o755)
    digests.append(sources_digest(found, files))
    (tmp_path / "link").symlink_to("a")
    digests.append(sources_digest(found, files))
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("b")
    digests.append(sources_digest(found, files))
    (tmp_path / "b").rename(tmp_path / "c")
    digests.append(sources_digest(found, files))
    (tmp_path / "folder").mkdir()
    digests.append(sources_digest(found, files))
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize("line", ["COPY link /", "COPY folder/x /", "COPY l* /"])
def test_through_a_link_anything_can_be_read(line: str, tmp_path: Path) -> None:
    files = lay(tmp_path, "real/x", "train.py")
    (tmp_path / "link").symlink_to("train.py")
    (tmp_path / "folder").symlink_to("real")
    assert "train.py" in {entry.path for entry in seen(read(line), files)}


IGNORED = {
    "data\n": ["data", "data/big.csv"],
    "\ufeffdata/\n": ["data", "data/big.csv"],
    "/data\r\n": ["data", "data/big.csv"],
    "DATA\n": [],
    "*.py": ["train.py"],
    "**/*.py": ["train.py", "src/a.py", "src/deep/b.py"],
    "**/deep": ["src/deep", "src/deep/b.py"],
    "src/**": ["src/a.py", "src/deep", "src/deep/b.py", "src/c.txt"],
    "s?c/[a-b].p[^x]": ["src/a.py"],
    "# *\n\n*.txt\n!req*\n": [],
    "src\n!src/deep\n": ["src/a.py", "src/c.txt"],
    "src/../data": ["data", "data/big.csv"],
    ".\n": [],
    "train\\.py": ["train.py"],
}


@pytest.mark.parametrize("text", IGNORED)
def test_what_is_ignored_is_not_seen(text: str, tmp_path: Path) -> None:
    files = lay(tmp_path, *PROJECT)
    (tmp_path / ".dockerignore").write_bytes(text.encode())
    shown = {entry.path for entry in seen(read("COPY . /"), files)}
    everything = {*PROJECT, "src", "src/deep", "data", ".dockerignore"}
    assert everything - shown == set(IGNORED[text])


@pytest.mark.parametrize("written", ["[", "![a-", "x\\", "[b-a]"])
def test_a_malformed_pattern_is_told_of_at_its_place(written: str, tmp_path: Path) -> None:
    files = lay(tmp_path, *PROJECT)
    (tmp_path / ".dockerignore").write_text(f"data\n\n{written}\n")
    with pytest.raises(EnvironmentFailure) as raised:
        seen(read("COPY . /"), files)
    assert raised.value.message == f".dockerignore:3: `{written}` is no pattern"


def test_the_dockerfile_may_have_an_ignore_file_of_its_own(tmp_path: Path) -> None:
    files = lay(tmp_path, "docker/x", *PROJECT)
    (tmp_path / ".dockerignore").write_text("src")
    (tmp_path / "docker" / "gpu.dockerignore").write_text("*\n!train.py\n")
    found = read("COPY . /", path="docker/gpu")
    assert [entry.path for entry in seen(found, files)] == ["train.py"]


def test_the_context_may_be_elsewhere_in_the_source(tmp_path: Path) -> None:
    lay(tmp_path, "shared/a", "project/b", "project/docker/c")
    files = FolderFiles(tmp_path / "project", root=tmp_path)
    found = read("COPY . /")
    assert [entry.path for entry in seen(found, files, context="docker")] == ["c"]
    assert [entry.path for entry in seen(found, files, context="../shared")] == ["a"]
    assert len(seen(found, files, context="..")) == 6
    for what in (sources_digest, seen):
        with pytest.raises(SourceError):
            what(found, files, context="../..")


def test_the_archive_is_what_the_digest_is_of(tmp_path: Path) -> None:
    files = lay(tmp_path, "a", "src/run", "src/ü b", "out", "Dockerfile")
    (tmp_path / "src" / "run").chmod(0o744)
    (tmp_path / "src" / "link").symlink_to("../a")
    with archive(b"FROM pinned", read("COPY src Dockerfile /"), files) as file:
        tar = tarfile.open(fileobj=file)  # noqa: SIM115  of an open file
        content = {info.name: info for info in tar}
        assert sorted(content) == [
            *(".dockerignore", DOCKERFILE, "Dockerfile"),
            *("src", "src/link", "src/run", "src/ü b"),
        ]
        assert {name: oct(info.mode) for name, info in content.items() if "src" in name} == {
            "src": "0o755",
            "src/link": "0o777",
            "src/run": "0o755",
            "src/ü b": "0o644",
        }
        assert content["src/link"].linkname == "../a"
        assert {(info.uid, info.gid, info.mtime) for info in tar} == {(0, 0, 946_684_800)}
        texts = {
            name: found.read() for name in content if (found := _extracted(tar, content[name]))
        }
    assert texts[DOCKERFILE] == b"FROM pinned"
    assert texts["Dockerfile"] == b"Dockerfile"
    assert texts["src/run"] == b"src/run"
    assert texts[".dockerignore"].split() == [b".reprun.Dockerfile", b".dockerignore"]


def _extracted(tar: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes] | None:
    return tar.extractfile(info) if info.isfile() else None


def test_the_projects_own_ignore_file_is_kept_and_added_to(tmp_path: Path) -> None:
    files = lay(tmp_path, "a")
    (tmp_path / ".dockerignore").write_text("b")
    with archive(b"FROM a", read("COPY . /"), files) as file:
        tar = tarfile.open(fileobj=file)  # noqa: SIM115  of an open file
        assert tar.getnames() == [DOCKERFILE, ".dockerignore", "a"]
        found = tar.extractfile(".dockerignore")
        assert found is not None
        assert found.read() == b"b\n.reprun.Dockerfile\n"


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    digests = []
    for name in ("one", "two"):
        files = lay(tmp_path / name, *(PROJECT if name == "one" else reversed(PROJECT)))
        (tmp_path / name / "train.py").touch()
        with archive(b"FROM a", read("COPY . /"), files) as file:
            digests.append(hashlib.sha256(file.read()).hexdigest())
    assert digests[0] == digests[1]


def test_a_commit_and_a_folder_of_the_same_content_are_one_context(
    tmp_path: Path, settings: Settings
) -> None:
    repository = Repository(tmp_path / "a").write("src/p", "1", mode=0o755).write("b", "2")
    repository.link("src/l", "../b").commit()
    shutil.copytree(
        repository.path, tmp_path / "b", ignore=shutil.ignore_patterns(".git"), symlinks=True
    )
    found = set()
    for place in ("a", "b"):
        request = Request(uri=str(tmp_path / place), caller=tmp_path)
        source = resolve(request, settings=settings, progress=Silent())
        with open_files(source, settings=settings) as files:
            digest = sources_digest(read("COPY . /"), files)
            with archive(b"FROM a", read("COPY . /"), files) as file:
                found.add((digest, hashlib.sha256(file.read()).hexdigest()))
    assert len(found) == 1
