"""Values of path and uri parameters: resolved, digested, fetched, refused all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.errors import InputError, ParameterError
from runner.settings import Settings
from tests.support.nobody import as_nobody
from tests.support.scenes import Scene, argument, path, sha256, uri

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.website import Site


def test_a_given_path_outside_becomes_absolute_and_is_digested(scene: Scene) -> None:
    (scene.caller / "my data").mkdir()
    (scene.caller / "my data" / "x.csv").write_text("x")
    prepared = scene.prepare(path("my data/x.csv"))
    assert argument(prepared) == f"{scene.caller}/my data/x.csv"
    (file,) = scene.lay(prepared).values()
    assert (file.path, file.sha256, file.origin) == (argument(prepared), sha256("x"), "given")


def test_a_folder_is_digested_as_a_whole(scene: Scene) -> None:
    folder = scene.caller / "data"
    folder.mkdir()
    for number in range(30):
        (folder / f"{number}").write_bytes(bytes([number]) * (1 << 19))
    first = scene.prepare(path("data")).digested[0]
    assert (first.kind, first.size) == ("folder", 30 << 19)
    (folder / "7").rename(folder / "seven")
    second = scene.prepare(path("data")).digested[0]
    assert second.sha256 != first.sha256
    (folder / "seven").rename(folder / "7")
    assert scene.prepare(path("data")).digested[0] == first


def test_a_device_is_passed_and_not_read(scene: Scene) -> None:
    prepared = scene.prepare(path("/dev/zero"))
    assert argument(prepared) == "/dev/zero"
    assert prepared.digested == ()


def test_folders_and_files_that_cannot_be_read() -> None:
    def tried(folder: Path) -> None:
        scene = Scene(folder, Settings(data=folder / "home", cache=folder / "cache"))
        (scene.caller / "file").write_text("x")
        (scene.caller / "file").chmod(0)
        (scene.caller / "folder/closed").mkdir(parents=True)
        (scene.caller / "folder/closed").chmod(0)
        with pytest.raises(InputError, match="file` can't be read: permission denied"):
            scene.prepare(path("file"))
        with pytest.raises(InputError, match="folder/closed can't be listed: permission denied"):
            scene.prepare(path("folder"))

    as_nobody(tried)


@pytest.mark.parametrize("text", ["in.csv", "./in.csv", "../project/in.csv"])
def test_a_given_path_of_the_project_is_the_one_in_the_checkout(scene: Scene, text: str) -> None:
    scene.local.write("in.csv", "tracked")
    prepared = scene.prepare(path(text), caller=scene.top)
    assert argument(prepared) == "in.csv"
    laid = scene.lay(prepared)
    assert (laid["in.csv"].origin, laid["in.csv"].sha256) == ("given", sha256("tracked"))


def test_a_given_path_that_git_ignores_is_laid_in(scene: Scene) -> None:
    scene.local.write("data/[1].csv", "one")
    scene.local.write("data/1.csv", "other")
    prepared = scene.prepare(path("data/[1].csv"), caller=scene.top)
    assert argument(prepared) == "data/[1].csv"
    assert scene.lay(prepared)["data/[1].csv"].sha256 == sha256("one")
    assert not (scene.at / "data/1.csv").exists()


def test_an_empty_folder_of_the_project(scene: Scene) -> None:
    (scene.top / "empty").mkdir()
    prepared = scene.prepare(path("empty"), caller=scene.top)
    assert scene.lay(prepared)["empty"].kind == "folder"
    assert (scene.at / "empty").is_dir()


def test_a_link_out_of_the_project_is_outside(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "big").mkdir()
    (tmp_path / "big" / "x").write_text("x")
    (scene.top / "data").symlink_to(tmp_path / "big")
    prepared = scene.prepare(path("data/x"), caller=scene.top)
    assert argument(prepared) == str(scene.top / "data/x")
    assert prepared.placements == ()


def test_a_source_from_elsewhere_has_no_project_here(scene: Scene) -> None:
    scene.local.write("in.csv")
    scene.source = scene.local.elsewhere(scene.settings.cache)
    prepared = scene.prepare(path("in.csv"), caller=scene.top)
    assert argument(prepared) == str(scene.top / "in.csv")


def test_a_path_that_is_not_there_says_where_it_was_looked_for(scene: Scene) -> None:
    start = f"a relative path starts from {scene.caller}, or from the project"
    for text, hint in (("sub/none.csv", start), ("/nowhere/at/all", None)):
        with pytest.raises(ParameterError, match="there is no file or folder") as caught:
            scene.prepare(path(text))
        assert caught.value.hint == hint


def test_a_file_that_only_the_project_has_is_the_projects(scene: Scene) -> None:
    scene.local.write("conf/a.yaml")
    for source in (scene.source, scene.local.elsewhere(scene.settings.cache)):
        scene.source = source
        prepared = scene.prepare(path("conf/a.yaml"))
        assert argument(prepared) == "conf/a.yaml"
        assert [one.glob for one in prepared.readings] == ["conf/a.yaml"]
        (warning,) = prepared.warnings
        assert "there is no `conf/a.yaml` where you stand; the project's own is taken" in warning


def test_another_version_may_not_have_it(scene: Scene) -> None:
    scene.local.commit()
    scene.local.write("new.csv")
    scene.local.absent = {"new.csv"}
    with pytest.raises(InputError, match=r"`new.csv` is not in the version of the project"):
        scene.prepare(path("new.csv"), caller=scene.top, version="main")


def test_defaults_start_from_the_project(scene: Scene) -> None:
    scene.local.write("in/x.csv", "x")
    scene.local.write("data/y.csv", "y")
    for text, digested in (
        ("in/x.csv", {"in/x.csv"}),
        ("./data", {"data", "data/y.csv"}),
        ("./out", set[str]()),
        ("", set[str]()),
        (".", set[str]()),
        ("/nowhere/at/all", set[str]()),
        ("../../outside", set[str]()),
    ):
        prepared = scene.prepare(path(text, default=True))
        assert argument(prepared) == text
        assert set(scene.lay(prepared)) == digested, text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("absent.csv", "parameter `data`: there is no file or folder `absent.csv`"),
        ("~/x", "there is no file or folder `~/x`"),
        ("", "parameter `data` must be a path, not an empty text"),
        ("hdfs://x/y", "parameter `data`: addresses of the scheme `hdfs` can't be fetched"),
        ("dbfs:///x", "addresses of the scheme `dbfs` can't be fetched"),
        ("file:///no/such", "parameter `data`: there is no file `/no/such`"),
    ],
)
def test_values_that_name_nothing(scene: Scene, text: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message) as error:
        scene.prepare(path(text), fetch=False)
    assert error.value.exit_code == 2


def test_all_wrong_values_are_named_before_anything_is_fetched(scene: Scene, site: Site) -> None:
    site.files["/x"] = b"x"
    with pytest.raises(ParameterError, match="2 parameters of `train` are wrong") as error:
        scene.prepare(path(f"{site.address}/x"), path("absent"), uri("no scheme"))
    assert "there is no file or folder `absent`" in error.value.details[0]
    assert "must be a URI with a scheme, not `no scheme` (write it as" in error.value.details[1]
    assert site.asked == []


def test_secret_values_are_neither_shown_nor_recorded(scene: Scene, site: Site) -> None:
    with pytest.raises(ParameterError) as error:
        scene.prepare(path("hdfs://hush", secret=True))
    assert error.value.message == "parameter `data`: its secret value can't be used"
    (scene.caller / "hush").write_text("x")
    assert scene.lay(scene.prepare(path("hush", secret=True))) == {}
    site.files["/hush"] = b"x"
    prepared = scene.prepare(path(f"{site.address}/hush", secret=True))
    assert scene.lay(prepared) == {}
    assert argument(prepared).endswith("/inputs/data/value")
    assert prepared.placements[0].url == "***"


def test_an_address_is_fetched_into_the_run_or_the_storage(
    scene: Scene, site: Site, tmp_path: Path
) -> None:
    site.files["/d/my%20set.csv"] = b"web"
    checked = scene.prepare(path(f"{site.address}/d/my%20set.csv"), fetch=False)
    assert site.asked == []
    prepared = scene.prepare(path(f"{site.address}/d/my%20set.csv"))
    assert (
        argument(prepared)
        == argument(checked)
        == str(scene.run_directory / "inputs/data/my set.csv")
    )
    laid = scene.lay(prepared)
    assert laid[argument(prepared)].url == f"{site.address}/d/my%20set.csv"
    assert laid[argument(prepared)].sha256 == sha256("web")
    file = tmp_path / "local.csv"
    file.write_text("file")
    prepared = scene.prepare(path(file.as_uri()), storage_dir=tmp_path / "storage")
    assert argument(prepared) == str(tmp_path / "storage/run/data/local.csv")
    scene.lay(prepared)
    assert (tmp_path / "storage/run/data/local.csv").read_text() == "file"


@pytest.mark.parametrize(("scheme", "library"), [("s3", "boto3"), ("gs", "google-cloud-storage")])
def test_object_stores_need_their_library(scene: Scene, scheme: str, library: str) -> None:
    with pytest.raises(InputError, match=f"needs the library {library}, which isn't") as error:
        scene.prepare(path(f"{scheme}://bucket/key"), fetch=False)
    assert error.value.hint == f"install it beside reprun: pip install {library}"


def test_uris_are_passed_as_they_are(scene: Scene) -> None:
    for text in ("s3://b/k", "models:/m/1", "sqlite:///x.db"):
        assert argument(scene.prepare(uri(text))) == text
    with pytest.raises(ParameterError, match="must be a URI with a scheme, not `plain`"):
        scene.prepare(uri("plain"))
    prepared = scene.prepare(uri("plain", default=True))
    assert "the default of parameter `data` must be a URI" in prepared.warnings[0]
