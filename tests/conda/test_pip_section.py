"""The `pip:` section: locked among conda's packages, with hashes, and installed beside them."""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from runner.conda.model import LockedPackage
from runner.conda.pip_section import Section
from runner.environments import contents
from runner.errors import (
    BuildFailure,
    DependencyConflict,
    EnvironmentFailure,
    HashMismatch,
    IndexUnreachable,
    NoSuchPackage,
)
from tests.conda.conftest import ask
from tests.support import website
from tests.support.conda_channel import module
from tests.support.index import serve, wheel_bytes, write_package
from tests.support.repositories import run_git

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conda.conftest import Bench
    from tests.support.conda_channel import Package

SHORT = f"cp{sys.version_info[0]}{sys.version_info[1]}"


def conda(name: str, version: str, *requires: str) -> Package:
    """A module of conda's whose metadata has these requirements."""
    made = module(name, version)
    files = {
        path: content + "".join(f"Requires-Dist: {one}\n" for one in requires).encode()
        if path.endswith("/METADATA")
        else content
        for path, content in made.files.items()
    }
    return replace(made, files=files)


def test_what_conda_has_and_what_suits_is_left_to_conda(bench: Bench) -> None:
    prefix = bench.prefix(conda("alpha", "1.0"))
    bench.index.wheel("alpha", "1.0")
    bench.index.wheel("alpha", "2.0")
    digest = bench.index.wheel("needy", "3.0", requires=["alpha"])
    section = bench.resolve(prefix, "needy")
    bench.install(section, prefix)
    [needy] = section.packages
    assert (needy.name, needy.version, needy.manager, needy.sha256) == (
        "needy",
        "3.0",
        "pip",
        digest,
    )
    assert needy.url.endswith("/files/needy/needy-3.0-py3-none-any.whl")
    assert ask(prefix, "import alpha, needy; print(alpha.__version__, needy.VERSION)") == "1.0 3.0"
    assert not bench.heard.warnings


def named(section: Section) -> dict[str, str]:
    return {one.name: one.version for one in section.packages}


def installers(prefix: Path) -> dict[str, str]:
    """Distribution and version → who says that it has installed it."""
    site = contents.site_packages(prefix)
    return {
        info.name.removesuffix(".dist-info"): (info / "INSTALLER").read_text().strip()
        for info in site.glob("*.dist-info")
    }


def test_what_no_index_has_in_condas_version_is_left_to_conda(bench: Bench) -> None:
    prefix = bench.prefix(conda("alpha", "1.5"), conda("only", "1.0"))
    bench.index.wheel("alpha", "1.4")
    bench.index.wheel("needy", "3.0", requires=["alpha>1", "only"])
    assert named(bench.resolve(prefix, "needy")) == {"needy": "3.0"}
    assert not bench.heard.warnings


def test_what_the_index_asks_for_more_than_conda_is_not_had(bench: Bench) -> None:
    prefix = bench.prefix(conda("alpha", "1.0", "libalpha-cuda"))
    wheel = wheel_bytes("alpha", "1.0", requires=["libalpha-cuda"])
    bench.index.add("alpha", "alpha-1.0-py3-none-any.whl", wheel)
    bench.index.add("alpha", f"alpha-1.0-{SHORT}-{SHORT}-manylinux_2_17_x86_64.whl", wheel)
    bench.index.wheel("libalpha-cuda", "1.0")
    bench.index.wheel("needy", "3.0", requires=["alpha"])
    assert named(bench.resolve(prefix, "needy", "alpha")) == {"needy": "3.0"}


def test_an_extra_of_condas_package_brings_what_it_needs(bench: Bench) -> None:
    prefix = bench.prefix(conda("alpha", "1.0", 'beta; extra == "more"', 'gamma; extra == "x"'))
    bench.index.wheel("beta", "2.0")
    bench.index.wheel("gamma", "2.0")
    assert named(bench.resolve(prefix, "alpha[more]")) == {"beta": "2.0"}


def test_extras_and_upper_case_are_understood(bench: Bench) -> None:
    prefix = bench.prefix(conda("alpha", "1.0"))
    bench.index.wheel("needy_thing", "3.0", requires=['Alpha; extra == "more"', "BETA"])
    bench.index.wheel("beta", "2.0")
    section = bench.resolve(prefix, "Needy.Thing[more]")
    bench.install(section, prefix)
    assert named(section) == {"beta": "2.0", "needy-thing": "3.0"}
    assert ask(prefix, "import needy_thing, beta; print(needy_thing.VERSION)") == "3.0"


def test_a_requirement_of_another_platform_is_no_part_of_the_lock(bench: Bench) -> None:
    prefix = bench.prefix()
    bench.index.wheel("alpha", "1.0")
    lines = ("nowhere ; sys_platform == 'win32'", "pywin32==300", "alpha; python_version>='3'")
    assert named(bench.resolve(prefix, *lines)) == {"alpha": "1.0"}


def test_what_the_section_pins_takes_condas_place(bench: Bench) -> None:
    prefix = bench.prefix(conda("alpha", "1.0"), conda("friend", "1.0", "alpha<2"))
    bench.index.wheel("alpha", "2.0")
    section = bench.resolve(prefix, "alpha==2.0")
    bench.install(section, prefix)
    assert named(section) == {"alpha": "2.0"}
    [warning] = bench.heard.warnings
    assert warning == (
        "conda.yaml: the conda package `alpha`, solved as 1.0, is replaced by pip's 2.0, which "
        "`alpha==2.0` asks for; conda has made `friend` for another version"
    )
    assert bench.heard.hints == ["ask for one version of it, in conda's section or below `pip:`"]
    assert installers(prefix) == {"alpha-2.0": "uv", "friend-1.0": "conda"}
    assert not (contents.site_packages(prefix) / "alpha.py").exists()
    assert ask(prefix, "import alpha; print(alpha.VERSION)") == "2.0"


def test_nothing_of_a_replaced_package_can_be_imported_any_more(bench: Bench) -> None:
    names = ["alpha/__init__.py", "alpha/sub/deep/__init__.py", "alpha/sub/old.py"]
    made = conda("alpha", "1.0")
    info = "site-packages/alpha-1.0.dist-info"
    outside = bench.root / "of-somebody"
    outside.touch()
    files = {
        **{f"site-packages/{name}": b"" for name in names},
        f"{info}/METADATA": made.files[f"{info}/METADATA"],
        f"{info}/RECORD": "".join(f"{name},,\n" for name in (*names, str(outside))).encode(),
    }
    prefix = bench.prefix(replace(made, files=files))
    bench.index.wheel("alpha", "2.0", files={"beta.py": ""})
    bench.install(bench.resolve(prefix, "alpha==2.0"), prefix)
    assert not (contents.site_packages(prefix) / "alpha").exists()
    assert outside.exists()


def test_what_condas_file_calls_the_package_is_in_the_warning(bench: Bench) -> None:
    prefix = bench.prefix(conda("alpha", "1.0"))
    bench.index.wheel("alpha", "2.0")
    origins = {"alpha": "conda.yaml:7: the conda package `alpha=1`"}
    bench.resolve(prefix, "alpha==2.0", origins=origins)
    [warning] = bench.heard.warnings
    assert warning.startswith("conda.yaml:7: the conda package `alpha=1`, solved as 1.0, is repl")


def test_a_constraint_of_the_project_takes_condas_place_where_it_matters(bench: Bench) -> None:
    prefix = bench.prefix(conda("alpha", "1.0"), conda("other", "1.0"))
    bench.index.wheel("alpha", "2.0")
    bench.index.wheel("needy", "1.0", requires=["alpha"])
    section = bench.resolve(prefix, "needy", extra={"constraints": "alpha>=2\nother>=2"})
    assert named(section) == {"alpha": "2.0", "needy": "1.0"}
    assert len(bench.heard.warnings) == 1


def test_what_can_not_do_with_condas_package_replaces_it_and_nothing_else(bench: Bench) -> None:
    prefix = bench.prefix(conda("alpha", "1.0"), conda("beta", "1.0"))
    for version in ("2.0", "3.0"):
        bench.index.wheel("alpha", version)
        bench.index.wheel("beta", version)
    bench.index.wheel("needy", "1.0", requires=["alpha>=2", "beta"])
    section = bench.resolve(prefix, "needy==1.0")
    assert named(section) == {"alpha": "3.0", "needy": "1.0"}
    [warning] = bench.heard.warnings
    assert warning == (
        "conda.yaml: the conda package `alpha`, solved as 1.0, is replaced by pip's 3.0, which "
        "the `pip:` section needs"
    )
    assert "`alpha=3.0`" in str(bench.heard.hints[0])
    assert not [one for one in bench.heard.updates if "can stay" in one]
    bench.install(section, prefix)
    assert ask(prefix, "import alpha, beta; print(alpha.VERSION, beta.__version__)") == "3.0 1.0"


def test_no_more_of_condas_packages_is_replaced_than_must_be(bench: Bench) -> None:
    prefix = bench.prefix(conda("alpha", "1.0"), conda("beta", "1.0"))
    bench.index.wheel("alpha", "2.0")
    bench.index.wheel("beta", "2.0")
    bench.index.wheel("helper", "1.0", requires=["beta"])
    bench.index.wheel("helper", "2.0", requires=["beta>=2"])
    bench.index.wheel("needy", "1.0", requires=["alpha>=2", "helper"])
    section = bench.resolve(prefix, "needy")
    assert named(section) == {"alpha": "2.0", "helper": "1.0", "needy": "1.0"}
    assert len(bench.heard.warnings) == 1


def test_an_older_version_for_condas_sake_is_told(bench: Bench) -> None:
    prefix = bench.prefix(conda("alpha", "1.0"))
    bench.index.wheel("alpha", "2.0")
    bench.index.wheel("needy", "1.0")
    bench.index.wheel("needy", "2.0", requires=["alpha>=2"])
    assert named(bench.resolve(prefix, "needy")) == {"needy": "1.0"}
    assert bench.heard.warnings == ["`needy` is 1.0, as 2.0 can't do with what conda has solved"]


def test_an_older_version_that_does_not_build_is_not_insisted_on(bench: Bench) -> None:
    prefix = bench.prefix(conda("alpha", "1.0"))
    bench.index.wheel("alpha", "2.0")
    bench.index.sdist("needy", "1.0", fail="raise SystemExit('too old')")
    bench.index.wheel("needy", "2.0", requires=["alpha>=2"])
    assert named(bench.resolve(prefix, "needy")) == {"alpha": "2.0", "needy": "2.0"}


def test_a_package_that_no_index_has_is_named(bench: Bench) -> None:
    prefix = bench.prefix(conda("alpha", "1.0"))
    with pytest.raises(NoSuchPackage, match=r"^conda.yaml: no package is called `nowhere`$"):
        bench.resolve(prefix, "nowhere")


def test_a_contradiction_of_the_section_itself_is_an_error(bench: Bench) -> None:
    prefix = bench.prefix(conda("alpha", "1.0"))
    bench.index.wheel("needy", "1.0", requires=["gamma<2"])
    bench.index.wheel("gamma", "1.0")
    bench.index.wheel("gamma", "2.0")
    with pytest.raises(DependencyConflict, match=r"^conda.yaml: "):
        bench.resolve(prefix, "needy", "gamma>=2")


def test_an_index_that_is_down_is_told(bench: Bench) -> None:
    prefix = bench.prefix()
    bench.index.wheel("alpha", "1.0")
    section = bench.resolve(prefix, "alpha")
    bench.index.down = True
    with pytest.raises(IndexUnreachable):
        bench.resolve(prefix, "alpha")
    with pytest.raises(IndexUnreachable):
        bench.install(section, prefix)


def test_what_was_installed_before_needs_no_index(bench: Bench) -> None:
    first, second = bench.prefix(), bench.prefix(name="second")
    bench.index.wheel("alpha", "1.0")
    section = bench.resolve(first, "alpha")
    bench.install(section, first)
    bench.index.down = True
    bench.index.requests.clear()
    bench.install(section, second)
    assert ask(second, "import alpha; print(alpha.VERSION)") == "1.0"
    assert not bench.index.requests


def test_a_file_that_changed_on_the_index_is_refused(bench: Bench) -> None:
    prefix = bench.prefix()
    bench.index.wheel("alpha", "1.0")
    section = bench.resolve(prefix, "alpha")
    bench.index.wheel("alpha", "1.0", files={"alpha/__init__.py": "VERSION = 'evil'\n"})
    with pytest.raises(HashMismatch, match=r"`alpha==1\.0`"):
        bench.install(section, prefix)
    assert not installers(prefix)


def test_a_file_that_came_to_the_index_later_is_not_taken(bench: Bench) -> None:
    prefix = bench.prefix()
    bench.index.sdist("alpha", "1.0")
    section = bench.resolve(prefix, "alpha")
    bench.index.wheel("alpha", "1.0", files={"alpha/__init__.py": "VERSION = 'later'\n"})
    bench.install(section, prefix)
    assert section.packages[0].url.endswith("alpha-1.0.tar.gz")
    assert ask(prefix, "import alpha; print(alpha.VERSION)") == "1.0"


def test_a_lock_of_somebody_elses_may_write_names_otherwise(bench: Bench) -> None:
    prefix = bench.prefix(conda("alpha", "1.0"))
    digest = bench.index.wheel("alpha", "2.0")
    url = f"{bench.index.url.replace('/simple/', '/files')}/alpha/alpha-2.0-py3-none-any.whl"
    bench.install(Section((LockedPackage("Alpha", "2.0", url, "pip", sha256=digest),)), prefix)
    assert installers(prefix) == {"alpha-2.0": "uv"}
    with pytest.raises(HashMismatch, match="no SHA-256 of `Beta==1"):
        bench.install(Section((LockedPackage("Beta", "1.0", url, "pip", md5="0" * 32),)), prefix)


def test_what_the_persons_index_lacks_comes_from_where_it_was(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = bench.prefix()
    bench.index.wheel("alpha", "1.0")
    bench.index.wheel("beta", "1.0")
    section = bench.resolve(prefix, "alpha", "beta")
    for other in serve():
        other.wheel("beta", "1.0")
        monkeypatch.setenv("UV_DEFAULT_INDEX", other.url)
        bench.index.requests.clear()
        bench.install(section, prefix)
        assert "/files/beta/beta-1.0-py3-none-any.whl" in other.requests
    assert [path for path in bench.index.requests if "beta" in path] == []
    assert ask(prefix, "import alpha, beta; print(alpha.VERSION, beta.VERSION)") == "1.0 1.0"


def test_a_hash_that_the_project_gives_counts(bench: Bench) -> None:
    prefix = bench.prefix()
    source = bench.index.sdist("alpha", "1.0")
    bench.index.wheel("alpha", "1.0")
    section = bench.resolve(prefix, f"alpha==1.0 --hash=sha256:{source}")
    assert section.packages[0].sha256 == source
    with pytest.raises(HashMismatch, match=r"`alpha==1\.0`"):
        bench.resolve(prefix, f"alpha==1.0 --hash=sha256:{'0' * 64}")
    bench.install(section, prefix)


def test_a_page_of_links_without_hashes_is_an_index_too(bench: Bench) -> None:
    prefix = bench.prefix()
    with website.serve() as site:
        content = wheel_bytes("alpha", "1.0+cu110")
        name = "alpha-1.0+cu110-py3-none-any.whl"
        site.files["/whl/stable.html"] = f'<a href="{name.replace("+", "%2B")}">x</a>'.encode()
        site.files[f"/whl/{name.replace('+', '%2B')}"] = content
        options = {"options": f"--find-links {site.address}/whl/stable.html"}
        section = bench.resolve(prefix, "alpha==1.0+cu110", extra=options)
        bench.install(section, prefix)
    [alpha] = section.packages
    assert (alpha.version, alpha.sha256) == ("1.0+cu110", hashlib.sha256(content).hexdigest())
    assert ask(prefix, "import alpha; print(alpha.VERSION)") == "1.0+cu110"


def test_a_source_distribution_that_does_not_build_stops_the_lock(bench: Bench) -> None:
    prefix = bench.prefix(conda("alpha", "1.0"))
    bench.index.sdist("broken", "1.0", fail="raise SystemExit('no such luck')")
    with pytest.raises(BuildFailure, match=r"`broken==1\.0` can't be built"):
        bench.resolve(prefix, "broken")
    builds = [line for line in bench.heard.lines if "no such luck" in line]
    assert len(builds) <= 2


def test_of_several_wheels_the_one_that_suits_best_is_locked(bench: Bench) -> None:
    prefix = bench.prefix()
    plain = wheel_bytes("alpha", "1.0")
    bench.index.add("alpha", "alpha-1.0-py3-none-any.whl", plain)
    bench.index.add("alpha", "alpha-1.0-cp36-abi3-linux_x86_64.whl", plain)
    bench.index.add("alpha", "alpha-1.0-cp36-cp36m-linux_x86_64.whl", plain)
    bench.index.add("alpha", "alpha-1.0-cp310-abi3-manylinux_2_17_x86_64.whl", plain)
    best = f"alpha-1.0-{SHORT}-abi3-manylinux_2_17_x86_64.whl"
    bench.index.add("alpha", best, plain)
    section = bench.resolve(prefix, "alpha")
    assert section.packages[0].url.endswith(best)


def test_a_commit_of_a_repository_is_pinned_and_its_wheel_digested(bench: Bench) -> None:
    prefix = bench.prefix()
    repository = bench.root / "repository"
    write_package(repository, "mine")
    run_git(bench.root, "init", "--quiet", "-b", "main", str(repository))
    run_git(repository, "add", ".")
    run_git(repository, "commit", "--quiet", "-m", "first")
    commit = run_git(repository, "rev-parse", "HEAD")
    section = bench.resolve(prefix, f"git+{repository.as_uri()}@main#egg=mine")
    [mine] = section.packages
    assert (mine.name, mine.version) == ("mine", "1.0")
    assert mine.url == f"git+{repository.as_uri()}@{commit}"
    bench.install(section, prefix)
    assert ask(prefix, "import mine; print(mine.VERSION)") == "1.0"
    assert contents.origins_of(prefix)["mine"] == {"source": mine.url, "sha256": mine.sha256}


def test_a_file_that_is_named_by_its_address_is_locked(bench: Bench) -> None:
    prefix = bench.prefix(conda("beta", "1.0"))
    bench.index.wheel("alpha", "1.0")
    bench.index.sdist("beta", "1.0")
    base = bench.index.url.replace("/simple/", "/files")
    lines = (f"alpha @ {base}/alpha/alpha-1.0-py3-none-any.whl",)
    section = bench.resolve(prefix, *lines, f"beta @ {base}/beta/beta-1.0.tar.gz")
    assert named(section) == {"alpha": "1.0", "beta": "1.0"}
    bench.install(section, prefix)
    assert installers(prefix) == {"alpha-1.0": "uv", "beta-1.0": "uv"}


def test_the_projects_own_index_stays_in_the_lock_without_its_password(bench: Bench) -> None:
    prefix = bench.prefix()
    for other in serve():
        other.password = "user:hush"
        other.wheel("private", "1.0")
        address = other.url.replace("://", "://user:hush@")
        option = {"options": f"--extra-index-url {address}"}
        section = bench.resolve(prefix, "private", extra=option)
        assert section.options == (f"--extra-index-url {other.url}",)
        assert "hush" not in repr(section)
        assert "is not kept in the lock" in bench.heard.warnings[0]
        with pytest.raises(IndexUnreachable):
            bench.install(section, prefix)
        other.password = None
        bench.install(section, prefix)
    assert ask(prefix, "import private; print(private.VERSION)") == "1.0"


def test_what_was_uploaded_after_the_day_is_not_seen(bench: Bench) -> None:
    prefix = bench.prefix(conda("alpha", "1.0"))
    bench.index.wheel("needy", "1.0", requires=["alpha"], uploaded="2021-01-01T00:00:00Z")
    bench.index.wheel("needy", "2.0", requires=["alpha"], uploaded="2022-01-01T00:00:00Z")
    section = bench.resolve(prefix, "needy", as_of="2021-06-01T00:00:00Z")
    assert named(section) == {"needy": "1.0"}
    assert section.notes == ("# as of 2021-06-01T00:00:00Z",)


def test_a_package_that_distutils_installed_is_taken_out(bench: Bench) -> None:
    old = module("alpha", "1.0")
    files = {
        "site-packages/alpha/__init__.py": b"VERSION = '1.0'\n",
        "site-packages/alpha/old.py": b"",
        "site-packages/alpha-1.0-py3.11.egg-info": b"Metadata-Version: 1.1\nName: alpha\n"
        b"Version: 1.0\n",
    }
    prefix = bench.prefix(replace(old, files=files), conda("beta", "1.0"))
    bench.index.wheel("alpha", "2.0")
    section = bench.resolve(prefix, "alpha==2.0", "beta")
    bench.install(section, prefix)
    assert ask(prefix, "import alpha, beta; print(alpha.VERSION)") == "2.0"
    site = contents.site_packages(prefix)
    assert not (site / "alpha" / "old.py").exists()
    assert [info.name for info in site.glob("alpha-*")] == ["alpha-2.0.dist-info"]


def test_condas_cache_is_not_written_into(bench: Bench) -> None:
    prefix = bench.prefix(conda("alpha", "1.0"))
    bench.index.wheel("alpha", "2.0", files={"alpha.py": "VERSION = '2.0'\n"})
    bench.install(bench.resolve(prefix, "alpha==2.0"), prefix)
    [cached] = (bench.root / "unpacked").rglob("alpha.py")
    assert "1.0" in cached.read_text()


def test_an_empty_section_has_nothing_to_lock(bench: Bench) -> None:
    assert bench.resolve(bench.root / "none") == Section()


def test_a_prefix_without_a_python_of_today_is_refused(bench: Bench) -> None:
    with pytest.raises(EnvironmentFailure, match=r"^conda.yaml: .* no Python that runs"):
        bench.resolve(bench.root / "none", "alpha")
    (bench.root / "old" / "lib" / "python2.7").mkdir(parents=True)
    with pytest.raises(EnvironmentFailure, match="bring Python 2"):
        bench.resolve(bench.root / "old", "alpha")
