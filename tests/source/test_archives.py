"""Tests of plain directories and of zip archives."""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
from typing import TYPE_CHECKING

import pytest

from runner import web
from runner.errors import (
    RequestError,
    SourceError,
    SourceNotFound,
    SourceTooLarge,
    SourceUnreachable,
)
from runner.progress import Silent
from runner.request import Request
from runner.settings import Settings
from runner.source import bundle, resolve
from runner.source.checkout import checkout
from runner.source.files import open_files
from tests.support.nobody import as_nobody
from tests.support.repositories import free_port
from tests.support.web import serve_http
from tests.support.website import serve

if TYPE_CHECKING:
    from pathlib import Path

    from tests.source.conftest import Resolve


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A directory without a repository."""
    root = tmp_path / "plain dir ü"
    (root / "models" / "empty").mkdir(parents=True)
    (root / "MLproject").write_text("name: plain\n")
    (root / "run.sh").write_text("echo\n")
    (root / "run.sh").chmod(0o755)
    (root / "models" / "link").symlink_to("../run.sh")
    return root


def pack(path: Path, members: dict[str, str], *, links: tuple[str, ...] = ()) -> Path:
    """A zip archive with those members; those named in `links` are symlinks."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            mode = stat.S_IFLNK | 0o777 if name in links else stat.S_IFREG | 0o755
            info.external_attr = mode << 16
            archive.writestr(info, content)
    return path


def test_a_directory_is_captured_whole(plain: Path, resolved: Resolve, settings: Settings) -> None:
    source = resolved(plain)
    assert (source.kind, source.commit, source.pushed) == ("directory", None, None)
    assert source.url == f"file://{plain}"
    assert source.changes is not None
    assert source.tree == f"sha256:{source.changes.object}"
    assert source.changes.added == ("MLproject", "models/empty", "models/link", "run.sh")
    with (
        open_files(source, settings=settings) as files,
        checkout(source, settings=settings, progress=Silent()) as made,
    ):
        assert files.names() == ("MLproject", "models", "run.sh")
        assert files.read("models/link") == b"echo\n"
        assert (made.root / "models" / "empty").is_dir()
        assert (made.root / "run.sh").stat().st_mode & 0o111 == 0o111
        assert os.readlink(made.root / "models" / "link") == "../run.sh"  # noqa: PTH115
        assert not (made.root / ".git").exists()
    again = resolved(f"{plain}/")
    assert again == source
    (plain / "new").write_text("n")
    assert resolved(plain).tree != source.tree


def test_version_control_caches_and_environments_are_left_out(
    plain: Path, resolved: Resolve
) -> None:
    before = resolved(plain)
    for name in (".hg/store", "__pycache__/x.pyc", "models/__pycache__/y.pyc"):
        (plain / name).parent.mkdir(exist_ok=True)
        (plain / name).write_text("x")
    for folder, mark in ((".venv", "pyvenv.cfg"), (".some_cache", "CACHEDIR.TAG")):
        (plain / folder).mkdir()
        (plain / folder / mark).write_text("")
        (plain / folder / "large").write_text("x")
    assert resolved(plain) == before


def test_a_directory_in_place(plain: Path, resolved: Resolve, settings: Settings) -> None:
    source = resolved(plain, subdirectory="models")
    with checkout(source, settings=settings, progress=Silent(), in_place=True) as made:
        assert (made.root, made.project) == (plain, plain / "models")


def test_a_directory_that_is_too_large(plain: Path, resolved: Resolve) -> None:
    with (plain / "data.bin").open("wb") as file:
        file.truncate(bundle.LIMIT + 1)
    with pytest.raises(SourceTooLarge, match="that no commit holds, more than") as caught:
        resolved(plain)
    assert caught.value.details[0].endswith("data.bin")


def test_a_directory_has_no_versions(plain: Path, resolved: Resolve, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="a directory without a git repository, so it has no"):
        resolved(plain, "main")
    pack(tmp_path / "p.zip", {"MLproject": ""})
    with pytest.raises(RequestError, match="is an archive, so it has no version `main`"):
        resolved(tmp_path / "p.zip", "main")


@pytest.mark.parametrize("mode", [0, 0o400])
def test_a_directory_that_can_not_be_read(mode: int) -> None:
    def tried(folder: Path) -> None:
        models = folder / "project" / "models"
        models.mkdir(parents=True)
        (models / "weights").touch()
        models.chmod(mode)
        request = Request(uri="project", caller=folder)
        homes = Settings(data=folder / "data", cache=folder / "cache")
        with pytest.raises(SourceError, match=r"can't read `.*models.*`: permission denied"):
            resolve.resolve(request, settings=homes, progress=Silent())

    as_nobody(tried)


def test_an_archive(tmp_path: Path, resolved: Resolve, settings: Settings) -> None:
    members = {"MLproject": "name: z\n", "models/a.py": "a", "models/link": "a.py"}
    path = pack(tmp_path / "project ü.zip", members, links=("models/link",))
    source = resolved(path)
    assert (source.kind, source.commit, source.url) == ("archive", None, f"file://{path}")
    with (
        open_files(source, settings=settings) as files,
        checkout(source, settings=settings, progress=Silent()) as made,
    ):
        assert files.read("models/link") == b"a"
        assert (made.root / "models" / "link").read_text() == "a"
        assert (made.root / "MLproject").stat().st_mode & 0o100
    assert resolved(f"file://{path}").tree == source.tree
    path.unlink()
    with checkout(source, settings=settings, progress=Silent()) as made:
        assert (made.root / "MLproject").read_text() == "name: z\n"


def test_a_single_top_folder_is_unwrapped(
    tmp_path: Path, resolved: Resolve, settings: Settings
) -> None:
    members = {"project-main/": "", "project-main/MLproject": "x", "project-main/m/a": "a"}
    path = pack(tmp_path / "p.zip", members)
    for subdirectory, names in (
        ("", ("MLproject", "m")),
        ("project-main", ("MLproject", "m")),
        ("m", ("a",)),
        ("project-main/m", ("a",)),
    ):
        with open_files(resolved(path, subdirectory=subdirectory), settings=settings) as files:
            assert files.names() == names
    with pytest.raises(SourceNotFound, match="has no directory `n`"):
        resolved(path, subdirectory="n")


@pytest.mark.parametrize(
    ("members", "links", "message"),
    [
        ({"../out": "x"}, (), "may not be unpacked"),
        ({"a/../../out": "x"}, (), "may not be unpacked"),
        ({"/etc/out": "x"}, (), "may not be unpacked"),
        ({"a\\..\\..\\out": "x"}, (), "may not be unpacked"),
        ({".git/hooks/x": "x"}, (), "may not be unpacked"),
        ({"a": "x", "link": "/etc/passwd"}, ("link",), "holds the link `link` to `/etc/passwd`"),
        ({"a": "x", "d/link": "../../out"}, ("d/link",), "outside"),
        ({"a": "x", "l": "d", "l/b": "x"}, ("l",), "holds `l/b` below `l`, not a folder"),
    ],
)
def test_archives_that_reach_outside(
    members: dict[str, str],
    links: tuple[str, ...],
    message: str,
    tmp_path: Path,
    resolved: Resolve,
    settings: Settings,
) -> None:
    path = pack(tmp_path / "evil.zip", members, links=links)
    with pytest.raises(SourceError) as caught:
        resolved(path)
    assert message in caught.value.message
    assert not settings.objects.exists()


def test_archives_that_explode(
    tmp_path: Path, resolved: Resolve, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(17):
            archive.writestr(f"zeros-{number}", bytes(64 << 20))
    with pytest.raises(SourceTooLarge, match="unpacks to more than 1024 MiB"):
        resolved(tmp_path / "bomb.zip")
    monkeypatch.setattr("runner.source.zipped._MEMBERS", 10)
    with pytest.raises(SourceTooLarge, match="has 17 members, more than 10"):
        resolved(tmp_path / "bomb.zip")
    assert not settings.objects.exists()


def test_archives_that_are_broken(tmp_path: Path, resolved: Resolve) -> None:
    (tmp_path / "text.zip").write_text("<html>not a zip</html>")
    with pytest.raises(SourceError, match="is not a zip archive that can be read"):
        resolved(tmp_path / "text.zip")
    path = tmp_path / "flipped.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", os.urandom(5000))
    content = bytearray(path.read_bytes())
    content[1000] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(SourceError, match="is not a zip archive that can be read"):
        resolved(path)


def test_an_archive_that_wants_a_password(tmp_path: Path, resolved: Resolve) -> None:
    content = bytearray(pack(tmp_path / "p.zip", {"MLproject": ""}).read_bytes())
    for magic, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(magic) + flags] |= 1
    (tmp_path / "p.zip").write_bytes(content)
    with pytest.raises(SourceError, match="is encrypted") as caught:
        resolved(tmp_path / "p.zip")
    assert caught.value.hint == "unpack it and give the directory"


def test_an_archive_behind_a_url(
    tmp_path: Path, base: Path, resolved: Resolve, settings: Settings
) -> None:
    pack(base / "p.zip", {"top/MLproject": "name: z\n"})
    with serve_http(base, user="me", password="s3cret") as host:
        source = resolved(f"{host.with_password}/p.zip?token=t0ken")
        assert source.url == f"{host.url}/p.zip"
        with open_files(source, settings=settings) as files:
            assert files.read("MLproject") == b"name: z\n"
        with pytest.raises(SourceNotFound, match=r"p\.zip can't be had: 401"):
            resolved(f"{host.url}/p.zip")
        with pytest.raises(SourceNotFound, match="can't be had: 404") as gone:
            resolved(f"{host.with_password}/q.zip")
        assert (gone.value.hint or "").startswith("check the spelling")
    with pytest.raises(SourceUnreachable, match="can't reach") as caught:
        resolved(f"http://me:s3cret@127.0.0.1:{free_port()}/p.zip")
    assert "s3cret" not in caught.value.message
    assert not list((settings.cache / "downloads").iterdir())
    assert shutil.which("git")
    assert tmp_path.exists()


def test_an_archive_that_never_comes_whole(
    resolved: Resolve, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "TIMEOUT_S", 0.2)
    with serve() as site:
        site.files = {"/slow.zip": b"x" * 100, "/cut.zip": b"x" * 100}
        site.stalled, site.chunked_short = {"/slow.zip"}, {"/cut.zip"}
        with pytest.raises(SourceUnreachable, match=r"slow\.zip broke off: nothing came for"):
            resolved(f"{site.address}/slow.zip")
        with pytest.raises(SourceUnreachable, match=r"cut\.zip broke off: it ended too early"):
            resolved(f"{site.address}/cut.zip")
    assert not list((settings.cache / "downloads").iterdir())


def test_a_redirected_archive_leaves_the_web_for_nothing_and_takes_no_password(
    resolved: Resolve, tmp_path: Path
) -> None:
    pack(tmp_path / "p.zip", {"MLproject": ""})
    with serve() as other, serve() as site:
        other.files["/p.zip"] = (tmp_path / "p.zip").read_bytes()
        site.redirects = {"/p.zip": f"{other.address}/p.zip", "/f.zip": "ftp://127.0.0.1/p.zip"}
        asked = site.address.replace("http://", "http://me:s3cret@")
        assert resolved(f"{asked}/p.zip").kind == "archive"
        assert site.asked[0][1] is not None
        assert other.asked == [("/p.zip", None)]
        with pytest.raises(SourceUnreachable, match="unknown url type: ftp"):
            resolved(f"{asked}/f.zip")
