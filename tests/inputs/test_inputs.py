"""Declared inputs and path parameters: found, fetched, digested, laid; wrong ones named at once."""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from runner import inputs
from runner.errors import InputError, ParameterError, RunnerError, StoreError, UnknownRun
from runner.inputs import download
from runner.manifest.model import BoundParameter, EntryPoint, Input, Step
from runner.progress import Silent
from runner.request import Request
from runner.settings import Settings
from runner.source.model import Checkout
from runner.store import layout, runs
from runner.store.artifacts import baseline, capture
from tests.support.disks import fill, small_disk
from tests.support.projects import LocalProject
from tests.support.runs import ENDED, make_run
from tests.support.users import as_nobody
from tests.support.web import Site, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.inputs import Prepared
    from runner.source.model import Source
    from runner.store.records import RecordedFile, Run


class Scene:
    """A person in front of a project, about to run a step."""

    def __init__(self, tmp_path: Path, settings: Settings, subdirectory: str = "") -> None:
        self.settings = settings
        self.caller = tmp_path / "caller"
        self.caller.mkdir()
        self.top = tmp_path / "project"
        self.local = LocalProject(self.top, subdirectory=subdirectory, ignore="data/\n*.secret\n")
        self.local.write("code.py", "print()")
        self.at = tmp_path / "checkout"
        self.run_directory = settings.runs / "run"
        self.source: Source = self.local.source()
        layout.prepare(settings)

    def prepare(
        self,
        *parameters: BoundParameter,
        declared: tuple[Input, ...] = (),
        fetch: bool = True,
        version: str | None = None,
        in_place: bool = False,
        storage_dir: Path | None = None,
        caller: Path | None = None,
    ) -> Prepared:
        """Resolve the inputs of a step."""
        return inputs.resolve(
            Step(EntryPoint("train", "true", inputs=declared), parameters),
            request=Request(
                uri=str(self.top),
                caller=caller or self.caller,
                version=version,
                in_place=in_place,
                storage_dir=storage_dir,
            ),
            source=self.source,
            files=self.local,
            run_directory=self.run_directory,
            settings=self.settings,
            progress=Silent(),
            fetch=fetch,
        )

    def lay(self, prepared: Prepared) -> dict[str, RecordedFile]:
        """Lay them into a checkout."""
        self.checkout = self.local.check_out(self.at)
        return {file.path: file for file in inputs.lay(prepared, self.checkout)}


@pytest.fixture
def scene(tmp_path: Path, settings: Settings) -> Scene:
    return Scene(tmp_path, settings)


@pytest.fixture
def site() -> Iterator[Site]:
    with serve() as site:
        yield site


def path(text: str, *, default: bool = False, secret: bool = False) -> BoundParameter:
    origin = "default" if default else "given"
    return BoundParameter("data", text, text, "path", text, origin, secret=secret)  # type: ignore[arg-type]


def uri(text: str, *, default: bool = False) -> BoundParameter:
    return BoundParameter("data", text, text, "uri", text, "default" if default else "given")


def argument(prepared: Prepared) -> str:
    return prepared.step.parameters[0].argument


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def objects_of(settings: Settings) -> list[str]:
    return [file.name for file in settings.objects.iterdir()]


# --- declared globs ----------------------------------------------------------------------------


def test_declared_files_are_digested_and_ignored_ones_laid_in(scene: Scene) -> None:
    scene.local.write("tables/a.csv", "tracked")
    scene.local.commit()
    scene.local.write("data/deep/b.csv", "ignored").chmod(0o600)
    prepared = scene.prepare(declared=(Input("tables/*.csv"), Input("data/**")))
    assert not scene.at.exists()
    laid = scene.lay(prepared)
    assert {name: (file.sha256, file.origin) for name, file in laid.items()} == {
        "tables/a.csv": (sha256("tracked"), "source"),
        "data/deep/b.csv": (sha256("ignored"), "ignored"),
    }
    copy, mine = scene.at / "data/deep/b.csv", scene.local.project / "data/deep/b.csv"
    assert copy.read_text() == "ignored"
    assert not copy.samefile(mine)
    copy.write_text("changed by the step")
    assert mine.read_text() == "ignored"
    assert mine.stat().st_nlink == 1


def test_what_is_laid_in_is_no_output(scene: Scene) -> None:
    scene.local.write("data/b.csv")
    scene.lay(scene.prepare(declared=(Input("data"),)))
    before = baseline(scene.at)
    found = capture(
        scene.checkout, before, run_directory=scene.run_directory, settings=scene.settings
    )
    assert found.outputs == ()


def test_inputs_beside_the_project(tmp_path: Path, settings: Settings) -> None:
    scene = Scene(tmp_path, settings, subdirectory="deep/er")
    scene.local.write("../shared/t.csv", "t")
    scene.local.write("../data/i.csv", "i")
    laid = scene.lay(scene.prepare(declared=(Input("../shared/*"), Input("../data/i.csv"))))
    assert {name: file.origin for name, file in laid.items()} == {
        "../shared/t.csv": "source",
        "../data/i.csv": "ignored",
    }
    assert (scene.at / "deep/data/i.csv").read_text() == "i"


def test_of_another_version_only_ignored_files_are_laid_in(scene: Scene) -> None:
    scene.local.commit()
    scene.local.write("data/i.csv")
    scene.local.write("extra/later.csv")
    scene.local.absent = {"extra/later.csv"}
    prepared = scene.prepare(declared=(Input("data/*"), Input("extra/*")), version="main")
    assert [placement.target for placement in prepared.placements] == ["data/i.csv"]


def test_a_declared_input_that_is_not_there(scene: Scene) -> None:
    with pytest.raises(InputError, match=r"input `data/x.csv` of `train` is not there") as error:
        scene.prepare(declared=(Input("data/x.csv"),))
    assert "run the entry point that makes it" in (error.value.hint or "")
    prepared = scene.prepare(declared=(Input("data/*.csv"),))
    with pytest.raises(InputError, match=r"input `data/\*.csv` of `train` is not there"):
        scene.lay(prepared)


@pytest.mark.parametrize("glob", ["/etc/passwd", "../x", "a/../../x", ".git/config", "**/../../x"])
def test_declared_inputs_stay_in_the_source(scene: Scene, glob: str) -> None:
    with pytest.raises(InputError, match="lies outside of the source"):
        scene.prepare(declared=(Input(glob),))


def test_a_linked_folder_leads_nothing_out(scene: Scene, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    scene.local.write("data/x", "x")
    prepared = scene.prepare(declared=(Input("data/x"),))
    checkout = scene.local.check_out(scene.at)
    (scene.at / "data").symlink_to(outside)
    with pytest.raises(InputError, match="would be laid outside of the checkout"):
        inputs.lay(prepared, checkout)
    assert not any(outside.iterdir())


def test_in_place_nothing_is_laid(scene: Scene) -> None:
    file = scene.local.write("data/x", "x")
    before = file.stat()
    prepared = scene.prepare(declared=(Input("data/x"),), in_place=True)
    checkout = Checkout(scene.top, scene.local.project, in_place=True)
    laid = inputs.lay(prepared, checkout)
    assert [(item.path, item.sha256) for item in laid] == [("data/x", sha256("x"))]
    assert file.stat() == before


def test_a_full_disk_while_laying(scene: Scene, tmp_path: Path) -> None:
    scene.local.write("data/x", "x" * 100_000)
    prepared = scene.prepare(declared=(Input("data/x"),))
    with small_disk(tmp_path / "disk") as disk:
        checkout = scene.local.check_out(disk / "checkout")
        fill(disk / "filler")
        with pytest.raises(StoreError, match="input `data/x` can't be kept: no space left"):
            inputs.lay(prepared, checkout)


# --- downloads ---------------------------------------------------------------------------------


def test_a_download_is_checked_cached_and_laid(scene: Scene, site: Site) -> None:
    site.files["/d/set.csv"] = b"1,2"
    item = Input(url=f"{site.address}/d/set.csv", sha256=sha256("1,2").upper(), path="in/set.csv")
    checked = scene.prepare(declared=(item,), fetch=False)
    assert checked.downloads == (item.url,)
    assert site.asked == []
    laid = scene.lay(scene.prepare(declared=(item,)))
    assert (scene.at / "in/set.csv").read_text() == "1,2"
    assert (scene.at / "in/set.csv").stat().st_mode & 0o200
    assert laid["in/set.csv"].origin == "download"
    assert laid["in/set.csv"].url == item.url
    assert scene.prepare(declared=(item,)).warnings == ()
    assert len(site.asked) == 1


def test_without_digest_it_is_fetched_each_time_and_said(scene: Scene, site: Site) -> None:
    site.files["/set.csv"] = b"1"
    item = Input(url=f"{site.address}/set.csv")
    scene.prepare(declared=(item,))
    prepared = scene.prepare(declared=(item,))
    assert len(site.asked) == 2
    assert "has no sha256: another day may bring another file" in prepared.warnings[0]
    assert prepared.placements[0].target == "set.csv"


def fails(scene: Scene, url: str, message: str, sha256: str | None = None) -> RunnerError:
    with pytest.raises(InputError, match=message) as error:
        scene.prepare(declared=(Input(url=url, sha256=sha256),))
    assert objects_of(scene.settings) == []
    return error.value


def test_downloads_that_fail(scene: Scene, site: Site, tmp_path: Path) -> None:
    site.files = {"/ok": b"content" * 100, "/chunked": b"content" * 100}
    site.short = {"/ok?short"}
    site.chunked_short = {"/chunked"}
    site.redirects = {"/to-file": "file:///etc/passwd", "/round": "/round"}
    address = site.address
    wrong = fails(scene, f"{address}/ok", f"has sha256 {'.' * 64}, not {'0' * 64}", "0" * 64)
    assert "was changed there" in (wrong.hint or "")
    assert (
        fails(scene, f"{address}/none", "/none answered 404 Not Found").hint == "check the address"
    )
    fails(scene, f"{address}/ok?short", "ended after 350 of 700 bytes")
    fails(scene, f"{address}/chunked", "/chunked ended too early")
    fails(scene, f"{address}/to-file", "/to-file answered 302")
    fails(scene, f"{address}/round", "/round answered 302")
    fails(scene, "http://127.0.0.1:1/x", "can't be reached: connection refused")
    fails(scene, "http://no.such.host.invalid/x", "can't be reached: its name can't be resolved")
    fails(scene, "http://[bad/x", "`http:.*` is no address: invalid ipv6 url")
    fails(scene, "ftp://example.org/x", "addresses of the scheme `ftp` can't be fetched")
    fails(scene, (tmp_path / "none").as_uri(), "none can't be read: no such file")
    fails(scene, tmp_path.as_uri(), "is a folder; only a file can be fetched")
    fails(scene, "file://server/x", "names the machine `server`")
    fails(scene, "file:x", "`file:x` is not absolute")


def test_a_server_that_stalls(scene: Scene, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "TIMEOUT_S", 0.2)
    site.files["/slow"] = b"x" * 100
    site.stalled = {"/slow"}
    fails(scene, f"{site.address}/slow", "can't be fetched: nothing came for 0 seconds")


def test_credentials_are_used_and_never_shown(scene: Scene, site: Site) -> None:
    site.files["/set"] = b"1"
    site.login = base64.b64encode(b"me:p@ss").decode()
    host = site.address.removeprefix("http://")
    url = f"http://me:p%40ss@{host}/set?token=hidden&part=2"
    prepared = scene.prepare(declared=(Input(url=url),))
    assert prepared.placements[0].url == f"{site.address}/set?token=***&part=2"
    assert "p%40ss" not in str(prepared.warnings)
    refused = fails_login(scene, f"http://me:wrong@{host}/set")
    assert "wrong" not in refused.message
    assert "asks for a login" in (refused.hint or "")


def fails_login(scene: Scene, url: str) -> RunnerError:
    with pytest.raises(InputError, match="answered 401") as error:
        scene.prepare(declared=(Input(url=url),))
    return error.value


def test_no_other_host_gets_the_password(scene: Scene, site: Site) -> None:
    with serve() as other:
        other.files["/set"] = b"1"
        site.redirects["/set"] = f"{other.address}/set"
        url = site.address.replace("http://", "http://me:secret@") + "/set"
        scene.prepare(declared=(Input(url=url),))
        assert site.asked[0][1] is not None
        assert other.asked == [("/set", None)]


@pytest.mark.parametrize("target", ["../x", "/x", ".git/hooks/pre-commit", "a/*"])
def test_downloads_are_laid_inside(scene: Scene, site: Site, target: str) -> None:
    with pytest.raises(InputError, match="is no path inside the source"):
        scene.prepare(declared=(Input(url=f"{site.address}/x", path=target),))
    assert site.asked == []


def test_a_full_disk_while_downloading(tmp_path: Path, settings: Settings, site: Site) -> None:
    with small_disk(settings.data):
        scene = Scene(tmp_path, settings)
        site.files["/big"] = b"x" * (2 << 20)
        with pytest.raises(
            StoreError, match=r"the download of .*/big can't be kept: no space left"
        ):
            scene.prepare(declared=(Input(url=f"{site.address}/big"),))
        assert objects_of(settings) == []


# --- path parameters ---------------------------------------------------------------------------


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


# --- earlier runs ------------------------------------------------------------------------------


def earlier(scene: Scene, **different: object) -> Run:
    """A run that made a model, recorded."""
    root = scene.caller.parent / f"made-{os.urandom(3).hex()}"
    root.mkdir()
    before = baseline(root)
    (root / "model/deep").mkdir(parents=True)
    (root / "model/a.bin").write_text("a")
    (root / "model/deep/b.bin").write_text("b")
    run = make_run(**different)
    directory = scene.settings.runs / run.id
    found = capture(Checkout(root, root), before, run_directory=directory, settings=scene.settings)
    run = runs.begin(run, lock_text="", settings=scene.settings)
    ended = replace(run, outputs=found.outputs, **ENDED)
    return runs.finish(ended, settings=scene.settings)


def test_outputs_of_an_earlier_run(scene: Scene) -> None:
    run = earlier(scene)
    for value in (f"run:{run.id[:-2]}/model/a.bin", "run:latest:train/model/a.bin"):
        prepared = scene.prepare(path(value))
        laid = scene.lay(prepared)
        assert argument(prepared) == str(scene.run_directory / "inputs/data/a.bin")
        assert laid[argument(prepared)].origin == f"run:{run.id}"
        assert laid[argument(prepared)].sha256 == sha256("a")
    (scene.run_directory / "inputs/data/a.bin").write_text("changed by the step")
    assert (scene.settings.objects / sha256("a")).read_text() == "a"


def test_a_folder_of_an_earlier_run(scene: Scene) -> None:
    earlier(scene, entry_point="scripts/train.py")
    for value in ("run:latest:scripts/train.py/model", "run:latest/model/"):
        prepared = scene.prepare(path(value))
        scene.lay(prepared)
        assert argument(prepared) == str(scene.run_directory / "inputs/data/model")
        assert (scene.run_directory / "inputs/data/model/deep/b.bin").read_text() == "b"


def test_earlier_runs_that_do_not_help(scene: Scene) -> None:
    with pytest.raises(UnknownRun, match="`run:latest:train/x`: there is no finished run of"):
        scene.prepare(path("run:latest:train/x"), fetch=False)
    run = earlier(scene)
    with pytest.raises(InputError, match=f"run {run.id} has no output `modl`") as error:
        scene.prepare(path(f"run:{run.id}/modl"), fetch=False)
    assert error.value.hint == "it has model/a.bin, model/deep/b.bin"
    runs.begin(make_run(entry_point="later"), lock_text="", settings=scene.settings)
    with pytest.raises(UnknownRun, match="there is no finished run of `later` yet"):
        scene.prepare(path("run:latest:later/x"), fetch=False)
    (scene.settings.runs / run.id / "artifacts/model/a.bin").unlink()
    with pytest.raises(StoreError, match=r"output `model/a.bin` is gone"):
        scene.prepare(path(f"run:{run.id}/model"), fetch=False)
