"""What is asked for together with the packages that lie in the project, and what these ask for."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from runner import fingerprint
from runner.environments import pyproject
from runner.environments.base import LocalPackage, Spec
from runner.errors import EnvironmentFailure

if TYPE_CHECKING:
    from runner.environments.requirements import Local, Requirements
    from runner.source.model import ProjectFiles

DYNAMIC: Final = "own:"  # key of `Spec.extra`, before the folder of a package that must be built
_OWN_FILES: Final = ("pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "poetry.lock")


def asking_for(spec: Spec, asked: Requirements, files: ProjectFiles) -> Spec:
    """`spec` with these requirements, and with those of the local packages among them."""
    lines, extra, warnings = list(asked.lines), dict(spec.extra), list(spec.warnings)
    waiting, local = list(asked.local), list[LocalPackage]()
    python = spec.python
    while waiting:
        one = waiting.pop(0)
        if any(one.path == there.path for there in local):
            continue
        local.append(located(one, files))
        own = _own(one, files)
        python = python or own.python
        warnings += own.warnings
        waiting += own.local
        lines += own.dependencies or ()
        if own.dependencies is None:
            extra[DYNAMIC + one.path] = _own_digest(one.path, files)
    if asked.constraints:
        extra["constraints"] = "\n".join(asked.constraints)
    if asked.options:
        extra["options"] = "\n".join(dict.fromkeys(asked.options))
    return replace(
        spec,
        python=python,
        requirements=tuple(dict.fromkeys(lines)),
        local_packages=tuple(local),
        extra=extra,
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _own(one: Local, files: ProjectFiles) -> pyproject.Described:
    if one.path.endswith(".whl"):
        from runner.environments.wheels import requirements_of

        return pyproject.Described(
            dependencies=requirements_of(files.read(one.path) or b"", one.path, one.extras)
        )
    own = pyproject.describe(files, one.path, one.extras)
    if not own.package:
        # pip installs a folder with nothing but a pyproject.toml too: its default is setuptools.
        has = files.read(posixpath.normpath(posixpath.join(one.path, "pyproject.toml")))
        if has is None:
            raise EnvironmentFailure(
                f"`{one.path}` is to be installed, but it has no pyproject.toml and no setup.py",
                "name the folder that holds the package",
            )
    return own


def located(one: Local, files: ProjectFiles) -> LocalPackage:
    """The package `one` with the digest of its tree.

    Raises:
        EnvironmentFailure: it isn't in the project.
    """
    tree = files.tree_digest(one.path)
    if tree is None:
        raise EnvironmentFailure(
            f"`{one.path}` is to be installed, but it isn't in the project",
            "is it committed to git?",
        )
    return LocalPackage(path=one.path, tree=tree, editable=one.editable, extras=one.extras)


def _own_digest(folder: str, files: ProjectFiles) -> str:
    found = {
        name: fingerprint.of_text((content or b"").decode("latin-1"))
        for name in _OWN_FILES
        if (content := files.read(posixpath.normpath(posixpath.join(folder, name)))) is not None
    }
    return fingerprint.of_value("own-files", found)
