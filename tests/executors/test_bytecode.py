"""Packages' bytecode is kept between runs, the checkout's never is; shown with a real Python."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from runner.executors.bytecode import lay

STDLIB = Path(sysconfig.get_path("stdlib"))


class Project:
    """A checkout with a module, a package beside it, and a home for the package's bytecode."""

    def __init__(self, folder: Path) -> None:
        self.checkout = folder / "work/slot"
        self.packages = folder / "env/lib/site-packages"
        self.cache = folder / "cache/packages"
        self.stdlib_cache = folder / "cache/stdlib"
        self.prefix = folder / "bytecode"
        self.checkout.mkdir(parents=True)
        (self.packages / "package").mkdir(parents=True)
        (self.packages / "package/__init__.py").write_text("VALUE = 'package'\n")
        (self.checkout / "step.py").write_text("import module, package; print(module.VALUE)")
        self.write("VALUE = 'one'\n")

    def write(self, text: str) -> None:
        """The module as a commit has it, always of the same second."""
        module = self.checkout / "module.py"
        module.write_text(text)
        os.utime(module, (1_000_000_000, 1_000_000_000))

    def run(self) -> str:
        """The step's output in a run of its own."""
        kept = {self.packages: self.cache, STDLIB: self.stdlib_cache}
        variables = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(self.packages),
            "PYTHONPYCACHEPREFIX": str(lay(self.prefix, kept)),
        }
        argv = [sys.executable, "-S", str(self.checkout / "step.py")]
        done = subprocess.run(argv, env=variables, check=True, capture_output=True, text=True)
        return done.stdout.strip()


def test_stale_bytecode_of_a_checkout_is_never_used(tmp_path: Path) -> None:
    project = Project(tmp_path)
    assert project.run() == "one"
    project.write("VALUE = 'two'\n")  # as long, of the same second, at the same path
    assert project.run() == "two"


def test_the_danger_is_real(tmp_path: Path) -> None:
    project = Project(tmp_path)
    argv = [sys.executable, "step.py"]
    variables = {"PATH": os.environ["PATH"], "PYTHONPYCACHEPREFIX": str(tmp_path / "shared")}
    variables["PYTHONPATH"] = str(project.packages)
    for _ in range(2):
        printed = subprocess.check_output(argv, cwd=project.checkout, env=variables)
        project.write("VALUE = 'two'\n")
    assert printed == b"one\n"


def test_packages_keep_their_bytecode(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.run()
    [compiled] = project.cache.rglob("*.pyc")
    assert compiled.parent == project.cache / "package"
    before = compiled.stat()
    names = {path.name for path in project.stdlib_cache.rglob("*.pyc")}
    project.run()
    assert compiled.stat() == before
    assert {path.name for path in project.stdlib_cache.rglob("*.pyc")} == names


def test_nothing_is_written_into_checkout_or_environment(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.run()
    assert sorted(path.name for path in project.checkout.rglob("*")) == ["module.py", "step.py"]
    assert list(project.packages.rglob("*.pyc")) == []


def test_a_cleared_prefix_leaves_the_packages_bytecode(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.run()
    lay(project.prefix, {})
    assert list(project.prefix.iterdir()) == []
    assert len(list(project.cache.rglob("*.pyc"))) == 1


def test_a_folder_inside_another_goes_with_it(tmp_path: Path) -> None:
    outer, inner = tmp_path / "lib", tmp_path / "lib/site-packages"
    prefix = lay(tmp_path / "prefix", {inner: tmp_path / "b", outer: tmp_path / "a"})
    link = prefix.joinpath(*outer.parts[1:])
    assert link.readlink() == tmp_path / "a"
    assert list((tmp_path / "a").iterdir()) == []


def test_a_folder_is_known_by_its_real_name_too(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "alias").symlink_to(tmp_path / "real")
    prefix = lay(tmp_path / "prefix", {tmp_path / "alias": tmp_path / "cache"})
    for name in ("real", "alias"):
        assert prefix.joinpath(*tmp_path.parts[1:], name).readlink() == tmp_path / "cache"
