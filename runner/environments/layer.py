"""A project's own packages, in a thin virtual environment over the shared one.

The layer sees the base's packages through a `.pth`, has its own `bin/python`, and copies of the
base's scripts that start it, so that pytest or mlflow of the base see the project, too. It is kept
in the cache by what went into it: the packages' trees, and the checkout's path where one of them
is editable.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from runner import fingerprint
from runner.environments import contents, markers
from runner.environments.base import Activation
from runner.errors import EnvironmentFailure

if TYPE_CHECKING:
    from runner.environments import uv
    from runner.environments.base import Environment, Lock
    from runner.environments.build_tools import BuildTools
    from runner.progress import Progress
    from runner.settings import Settings
    from runner.source.model import Checkout

_BASE: Final = "_reprun_base.pth"
_NO_EDITABLE: Final = re.compile(r"no attribute '(?:get_requires_for_)?build_editable'")
_COMPILED: Final = (".so", ".pyd", ".dylib")


def install(
    lock: Lock,
    environment: Environment,
    checkout: Checkout,
    *,
    settings: Settings,
    progress: Progress,
) -> Activation:
    """Make the layer of `lock.local_packages` over `environment`, or find it.

    An editable package writes its metadata (`*.egg-info`) into the checkout the first time, so
    this comes before anything looks at what a step changes there.

    Raises:
        EnvironmentFailure: a package does not build.
    """
    from runner.locking import hold

    assert environment.path is not None
    at = settings.environments / "layer" / _key(lock, environment, checkout)[:24]
    if not _usable(at):
        with hold(at.with_name(f"{at.name}.lock"), waiting=progress.update):
            if not _usable(at):
                _build(lock, environment, checkout, at, settings, progress)
    return _activation(at, environment)


def _key(lock: Lock, environment: Environment, checkout: Checkout) -> str:
    editable = any(one.editable for one in lock.local_packages)
    packages = [[one.path, one.tree, one.editable, one.extras] for one in lock.local_packages]
    where = str(checkout.project) if editable else None
    return fingerprint.of_value("layer", [environment.hash, str(environment.path), packages, where])


def _usable(at: Path) -> bool:
    marker = markers.read(at)
    try:
        return marker is not None and contents.stat_digest(at) == marker.stat
    except OSError:
        return False


def _build(
    lock: Lock,
    environment: Environment,
    checkout: Checkout,
    at: Path,
    settings: Settings,
    progress: Progress,
) -> None:
    from runner.files import remove_tree

    assert environment.path is not None
    remove_tree(at)
    at.mkdir(parents=True)
    markers.begin(at, lock)
    _thin(at, environment.path)
    compiled = _compiled(lock, checkout)
    _install_packages(lock, checkout, at, environment, settings, progress)
    _copy_scripts(environment.path / "bin", at / "bin")
    if compiled != _compiled(lock, checkout):
        # What an editable build compiles lands in the checkout, which the next run has anew.
        return
    packages = contents.packages_in([contents.site_packages(at)], {})
    markers.finish(
        at,
        markers.Marker(
            lock=lock.sha256,
            interpreter=None,
            stamp=None,
            packages=packages,
            fingerprint=contents.fingerprint([], contents.site_packages(at), packages),
            stat=contents.stat_digest(at),
        ),
    )


def _thin(at: Path, base: Path) -> None:
    """A virtual environment written by hand: making one by a tool costs more than all the rest."""
    site = contents.site_packages(base)
    own = at / site.relative_to(base)
    own.mkdir(parents=True)
    (at / "bin").mkdir()
    for name in ("python", "python3", site.parent.name):
        (at / "bin" / name).symlink_to(os.path.realpath(base / "bin" / "python"))
    (at / "pyvenv.cfg").write_text(_configuration(base))
    # addsitedir, so that the base's own .pth files count.
    (own / _BASE).write_text(f"import site; site.addsitedir({str(site)!r})\n")


def _configuration(base: Path) -> str:
    """What tells Python where its own library is; a prefix of conda's has it in itself."""
    own = base / "pyvenv.cfg"
    if own.is_file():
        return own.read_text()
    return f"home = {base / 'bin'}\ninclude-system-site-packages = false\n"


def _compiled(lock: Lock, checkout: Checkout) -> set[str]:
    """Compiled modules inside the editable packages' folders."""
    found: set[str] = set()
    for package in lock.local_packages:
        if package.editable:
            for folder, _, names in os.walk(checkout.project / package.path):
                found.update(f"{folder}/{name}" for name in names if name.endswith(_COMPILED))
    return found


def _install_packages(
    lock: Lock,
    checkout: Checkout,
    at: Path,
    environment: Environment,
    settings: Settings,
    progress: Progress,
) -> None:
    from runner.environments import build_tools
    from runner.environments.own_builds import failure

    tools = build_tools.of_lock(lock.text)
    answer = _offered(lock, tools, checkout, at, environment, settings, progress)
    if answer.status != 0 and tools.as_of is not None and _NO_EDITABLE.search(answer.messages):
        # An editable wheel has nothing of the tool that made it: today's, which can, may do.
        today = replace(tools, as_of=None)
        answer = _offered(lock, today, checkout, at, environment, settings, progress)
    if answer.status != 0 and _NO_EDITABLE.search(answer.messages):
        # setuptools for Python 3.6 is older than editable wheels (PEP 660).
        progress.warning("a package can't be installed editable here: a copy of it is installed")
        plain = replace(
            lock, local_packages=tuple(replace(one, editable=False) for one in lock.local_packages)
        )
        answer = _offered(plain, tools, checkout, at, environment, settings, progress)
    if answer.status != 0:
        paths = [package.path for package in lock.local_packages]
        named = [path for path in paths if f"{_inside(checkout, path)}`" in answer.messages]
        raise failure(answer.messages, named or paths, origin=paths[0])


def _offered(
    lock: Lock,
    tools: BuildTools,
    checkout: Checkout,
    at: Path,
    environment: Environment,
    settings: Settings,
    progress: Progress,
) -> uv.Answer:
    from tempfile import TemporaryDirectory

    from runner.environments import build_tools, local_wheels, uv

    arguments: list[str] = []
    for package in lock.local_packages:
        progress.update(f"installing the project's own `{package.path}`")
        path = _inside(checkout, package.path)
        if package.editable:
            arguments += ["--editable", str(path)]
        else:
            wheel = local_wheels.wheel_of(
                package, path, environment, settings=settings, progress=progress
            )
            arguments.append(str(wheel))
    told = ["pip", "install", "--no-deps", "--python", str(at / "bin" / "python")]
    with TemporaryDirectory(prefix="reprun-layer-") as temporary:
        told += build_tools.arguments(tools, Path(temporary))
        return uv.run([*told, *arguments], progress=progress, directory=Path(temporary))


def _inside(checkout: Checkout, path: str) -> Path:
    """The package's folder in the checkout.

    Raises:
        EnvironmentFailure: a link leads out of the checkout.
    """
    found = checkout.project / path
    root = os.path.realpath(checkout.root)
    if os.path.commonpath([root, os.path.realpath(found)]) != root:
        raise EnvironmentFailure(f"`{path}` leads out of the project, through a symbolic link")
    return found


def _copy_scripts(source: Path, target: Path) -> None:
    """Scripts of the base, started by the layer's Python; the layer's own have precedence."""
    first = f"#!{source}/python".encode()
    for script in source.iterdir():
        if (target / script.name).exists() or not script.is_file() or script.is_symlink():
            continue
        with script.open("rb") as file:
            # A prefix of conda's has programs of many megabytes beside the scripts.
            content = file.read(len(first))
            if content != first:
                continue
            content += file.read()
            copy = target / script.name
            copy.write_bytes(f"#!{target}/python".encode() + content[len(first) :])
            copy.chmod(0o755)


def _activation(at: Path, environment: Environment) -> Activation:
    from runner.environments import kinds, venv

    assert environment.path is not None
    own = venv.activate(at)
    below = kinds.load(environment.kind).activate(environment.path)
    return Activation(
        path=(*own.path, *below.path),
        variables={**below.variables, **own.variables},
        bytecode={**below.bytecode, **own.bytecode},
    )
