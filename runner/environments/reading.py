"""Reads a project's own files into a `Spec` for Python environments."""

from __future__ import annotations

import posixpath
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from runner import fingerprint
from runner.environments import local_packages, project_lock, pyproject, python_env, requirements
from runner.environments.base import UNMAPPED, Spec
from runner.errors import EnvironmentFailure, UnmappedPackages

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runner.environments.conda_file import CondaFile
    from runner.environments.requirements import Local, Requirements
    from runner.manifest.model import EnvironmentReference
    from runner.source.model import ProjectFiles

_CONDA_PIN: Final = re.compile(r"^([A-Za-z0-9][\w.-]*(?:\[[^\]]*\])?)\s*=\s*(\d[^=<>!~;\s]*)$")


def read(
    kind: str,
    reference: EnvironmentReference,
    files: ProjectFiles,
    *,
    as_of: str | None,
    skip_unmapped: bool = False,
) -> Spec:
    """What the project asks for.

    Raises:
        EnvironmentFailure: the environment's file is missing or can't be understood.
    """
    path = reference.path or ""
    spec = Spec(
        kind=kind, python=_pinned_python(files), digest="", as_of=as_of, origin=path or None
    )
    if reference.kind == "python_env":
        spec = _from_python_env(spec, files, path, skip=skip_unmapped)
    elif reference.kind == "conda_env":
        spec = _from_conda(spec, files, path, skip=skip_unmapped)
    elif reference.kind == "lock":
        spec = _from_lock(spec, files, path)
    elif reference.kind == "requirements":
        spec = _from_requirements(spec, files, path)
    elif reference.kind == "pyproject":
        spec = _from_pyproject(spec, files, path)
    elif reference.kind != "empty":
        raise EnvironmentFailure(f"a {reference.kind} can't be read as a Python environment")
    spec = replace(spec, digest=digest_of(spec))
    if as_of is not None:
        # A lock in the project is of its own day: another day is asked for on purpose.
        return spec
    found = project_lock.apply(spec, files)
    return spec if found is spec else replace(found, digest=digest_of(found))


def _pinned_python(files: ProjectFiles) -> str | None:
    """The first line of a `.python-version`, which pyenv and uv honour likewise."""
    content = files.read(".python-version")
    for line in (content or b"").decode("utf-8", "replace").splitlines():
        if (text := line.split("#")[0].strip()) and text[0].isdigit():
            return text
    return None


def _from_python_env(spec: Spec, files: ProjectFiles, path: str, *, skip: bool) -> Spec:
    if python_env.is_condas(files, path):
        warning = f"{path} is a conda file, though `python_env` names it: it is read as one"
        spec = _from_conda(spec, files, path, skip=skip)
        return replace(spec, warnings=(warning, *spec.warnings))
    content = python_env.read_python_env(files, path)
    asked = requirements.read_lines(files, content.dependencies, origin=path)
    build = requirements.read_lines(files, content.build_dependencies, origin=path)
    spec = replace(spec, python=content.python or spec.python, warnings=content.warnings)
    if asked.hashed and (build.hashed or not build.lines):
        return _verbatim(spec, asked, build)
    return local_packages.asking_for(
        replace(spec, build_requirements=tuple(build.lines)), asked, files
    )


def _from_conda(spec: Spec, files: ProjectFiles, path: str, *, skip: bool) -> Spec:
    """What conda's file asks for; a lock beside it says whether that was with `skip`."""
    made_from = project_lock.specification(files, path) if spec.as_of is None else None
    if made_from is not None:
        with suppress(UnmappedPackages):
            other = _mapped(spec, files, path, skip=not skip)
            if digest_of(other) == made_from:
                return other
    return _mapped(spec, files, path, skip=skip)


def _mapped(spec: Spec, files: ProjectFiles, path: str, *, skip: bool) -> Spec:
    from runner.environments import conda_file, conda_mapping

    _refuse_conda_lock(files, path)
    content = conda_file.public(conda_file.read_conda_file(files, path))
    asked, meant = of_pip_section(content, files, path)
    found = conda_mapping.mapped(content, path, by_pip=asked.lines, skip=skip)
    spec = replace(
        spec,
        python=found.python or spec.python,
        build_requirements=found.tools,
        warnings=(*meant, *found.warnings),
        variables=content.variables,
        origins=found.origins,
    )
    if asked.hashed and not found.requirements:
        return _verbatim(spec, asked)
    asked.lines = [*found.requirements, *asked.lines]
    return local_packages.asking_for(
        replace(spec, extra={UNMAPPED: "skip"} if skip else {}), asked, files
    )


def _refuse_conda_lock(files: ProjectFiles, path: str) -> None:
    from runner.conda import project_lock as conda_lock

    if conda_lock.format_of(requirements.text_of(files, path)) is not None:
        raise EnvironmentFailure(
            f"{path}: is a lock of conda packages, and no venv can be made of it",
            "leave `--env-manager` away, or name what it was made from: `--env-file conda.yaml`",
        )


def of_pip_section(
    content: CondaFile, files: ProjectFiles, path: str
) -> tuple[Requirements, tuple[str, ...]]:
    """What the `pip:` section of the conda file at `path` asks for, and what is doubtful in it.

    Raises:
        EnvironmentFailure: a line can't be understood, or a file that it names is missing.
    """
    lines = [_CONDA_PIN.sub(r"\1==\2", one.text) for one in content.pip]
    meant = [
        f"`{one.text}`" for one, line in zip(content.pip, lines, strict=True) if one.text != line
    ]
    asked = requirements.read_lines(
        files,
        lines,
        origin=path,
        places=(f"{path}:{one.line}:{one.column}" for one in content.pip),
    )
    said = (f"{path}: {', '.join(meant)} below `pip:` is read with `==`",) if meant else ()
    return asked, said


def _from_requirements(spec: Spec, files: ProjectFiles, path: str) -> Spec:
    found = requirements.read_file(files, path)
    if found.hashed:
        if not any(line[:2] in {"-r", "-c"} for line in _raw(files, path)):
            text = requirements.text_of(files, path)
            # Locks of ours begin with the Python that they were made for.
            made_for = re.match(r"# Python (\d+\.\d+\.\d+\S*)$", text, re.MULTILINE)
            python = spec.python or (made_for.group(1) if made_for else None)
            return replace(spec, python=python, lock_text=text, lock_format="requirements")
        return _verbatim(spec, found)
    return local_packages.asking_for(spec, found, files)


def _raw(files: ProjectFiles, path: str) -> Iterable[str]:
    return (line for _, line in requirements.logical_lines(requirements.text_of(files, path)))


def _verbatim(spec: Spec, *parts: Requirements) -> Spec:
    """A hashed list that is spread over several files, put into one."""
    lines = [line for part in parts for line in (*part.options, *part.lines)]
    return replace(spec, lock_text="\n".join(lines) + "\n", lock_format="requirements")


def _from_pyproject(spec: Spec, files: ProjectFiles, path: str) -> Spec:
    folder = posixpath.dirname(path) or "."
    own = pyproject.describe(files, folder)
    spec = replace(spec, python=spec.python or own.python, warnings=own.warnings)
    if own.package:
        # Editable, as uv has it: the step sees the checkout's files, its data included.
        return local_packages.asking_for(
            spec,
            requirements.Requirements(local=[requirements.Local(folder, editable=True)]),
            files,
        )
    if not own.dependencies and not own.local and files.read("requirements.txt") is not None:
        return _from_requirements(
            replace(spec, origin="requirements.txt"), files, "requirements.txt"
        )
    asked = requirements.Requirements(lines=list(own.dependencies or ()), local=list(own.local))
    return local_packages.asking_for(spec, asked, files)


def _from_lock(spec: Spec, files: ProjectFiles, path: str) -> Spec:
    name = posixpath.basename(path)
    if name == "uv.lock":
        folder = posixpath.dirname(path) or "."
        own = pyproject.describe(files, folder)
        spec = replace(spec, python=spec.python or own.python)
        local = _uv_members(requirements.text_of(files, path), folder, path)
        spec = replace(
            spec, local_packages=tuple(local_packages.located(one, files) for one in local)
        )
        return replace(spec, lock_text=requirements.text_of(files, path), lock_format="uv.lock")
    if name.startswith("pylock.") and name.endswith(".toml"):
        text = requirements.text_of(files, path)
        python = _toml(text, path).get("requires-python")
        spec = replace(spec, python=spec.python or (str(python) if python else None))
        return replace(spec, lock_text=text, lock_format="pylock.toml")
    return _from_requirements(spec, files, path)


def _uv_members(text: str, folder: str, path: str) -> list[Local]:
    """The packages of a `uv.lock` that lie in the project."""
    found: list[Local] = []
    for package in _toml(text, path).get("package", ()):
        source = package.get("source", {}) if isinstance(package, dict) else {}
        for kind in ("editable", "directory"):
            if isinstance(source, dict) and kind in source:
                target = posixpath.normpath(posixpath.join(folder, str(source[kind])))
                found.append(requirements.Local(target, editable=kind == "editable"))
    return found


def _toml(text: str, path: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise EnvironmentFailure(f"{path}: not TOML: {error}") from None


def digest_of(spec: Spec) -> str:
    """The key of the lock that `spec` gets; see `Spec.digest`."""
    conda = (
        {}
        if not spec.conda
        else {
            "conda": spec.conda,
            "channels": [channel.addresses for channel in spec.channels],
        }
    )
    return fingerprint.of_value(
        "specification",
        {
            **conda,
            "kind": spec.kind,
            "python": spec.python,
            "requirements": spec.requirements,
            "build": spec.build_requirements,
            "local": [(one.path, one.editable, one.extras) for one in spec.local_packages],
            "lock": spec.lock_text,
            "format": spec.lock_format,
            "as_of": spec.as_of,
            "extra": dict(spec.extra),
        },
    )
