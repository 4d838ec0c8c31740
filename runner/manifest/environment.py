"""Which environment a project asks for: declared in its manifest, or found by a usual name."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from runner.errors import ManifestError, SourceError
from runner.manifest.docker import docker_environment
from runner.manifest.document import MappingNode, is_null, shorten, text_of
from runner.manifest.model import DockerEnvironment, EnvironmentReference
from runner.manifest.shape import Scope
from runner.nearest import nearest

if TYPE_CHECKING:
    from typing import Literal

    from runner.manifest.complaints import Complaints
    from runner.manifest.document import Entry
    from runner.manifest.model import Manifest
    from runner.source.model import ProjectFiles

    FileKind = Literal["python_env", "conda_env"]
    Kind = Literal["python_env", "conda_env", "lock", "pyproject", "requirements"]

FILE_KINDS: tuple[FileKind, ...] = ("python_env", "conda_env")
ENDINGS = (".yaml", ".yml", ".txt", ".toml", ".lock")
OF_THE_FILE = {f"manifest.{code}" for code in (
    "several-environments", "missing-environment", "misspelt-environment", "environment-outside",
    "empty-environment", "built-image",
)}  # fmt: skip
_FROM = re.compile(rb"(?im)^\s*FROM\s+\S")
_PYTHON_ENV = re.compile(rb"(?m)^(?:python|build_dependencies)\s*:")
_EXPLICIT = re.compile(rb"(?m)^\s*@EXPLICIT\s*$")
_CONDA_LOCK = "conda-lock.yml"
USUAL_NAMES: dict[FileKind, str] = {"python_env": "python_env.yaml", "conda_env": "conda.yaml"}


def reference(
    document: MappingNode, files: ProjectFiles, complaints: Complaints
) -> EnvironmentReference:
    """The environment that the manifest names, else one that is found by its usual name."""
    scope = Scope(complaints, "the manifest")
    _only_one(document, scope)
    docker = document.get("docker_env")
    if docker and not _is_empty(docker, scope):
        return docker_environment(docker, files, scope)
    names = files.names()
    for kind in FILE_KINDS:
        entry = document.get(kind)
        if entry and not _is_empty(entry, scope):
            return _named(kind, entry, files, names, scope)
    return undeclared(files, names)


def undeclared(files: ProjectFiles, names: tuple[str, ...]) -> EnvironmentReference:
    """The environment of a project that names none."""
    there = frozenset(names)
    for kind in FILE_KINDS:
        if USUAL_NAMES[kind] in there:
            return EnvironmentReference(kind, USUAL_NAMES[kind])
    if "uv.lock" in there and "pyproject.toml" in there:
        return EnvironmentReference("lock", "uv.lock")
    if "pylock.toml" in there:
        return EnvironmentReference("lock", "pylock.toml")
    if "requirements.txt" in there and b"--hash=" in (files.read("requirements.txt") or b""):
        return EnvironmentReference("lock", "requirements.txt")
    if _CONDA_LOCK in there:
        return EnvironmentReference("conda_env", _CONDA_LOCK)
    if "pyproject.toml" in there:
        return EnvironmentReference("pyproject", "pyproject.toml")
    requirements = sorted(name for name in there if name.lower() == "requirements.txt")
    if requirements:
        return EnvironmentReference("requirements", requirements[-1])
    return EnvironmentReference("empty")


def given(manifest: Manifest, path: str, files: ProjectFiles) -> Manifest:
    """`manifest` with the environment file at `path`, whatever it says of its own.

    Raises:
        ManifestError: the project has no such file.
        SourceError: the path leaves the source.
    """
    plain = posixpath.normpath(path)
    content = files.read(plain)
    if content is None:
        names = [
            name
            for name in files.names()
            if name.endswith(ENDINGS) or name.lower().startswith("dockerfile")
        ]
        near = nearest(posixpath.basename(plain), names)
        raise ManifestError(
            f"`--env-file {path}`: the project has no such file",
            f"did you mean `{near}`?" if near else "name one relative to the manifest",
        )
    return replace(
        manifest,
        environment=_given(plain, content, manifest),
        problems=tuple(one for one in manifest.problems if one.code not in OF_THE_FILE),
    )


def _given(path: str, content: bytes, manifest: Manifest) -> EnvironmentReference:
    if not _is_dockerfile(path, content):
        return EnvironmentReference(_kind_of(path, content), path, declared=True)
    own = manifest.environment.docker or DockerEnvironment()
    # What the manifest says of the container still holds; its image is the one that is built.
    built = replace(own, image=None, dockerfile=path, context=posixpath.dirname(path) or ".")
    return EnvironmentReference("docker_env", docker=built, declared=True)


def _is_dockerfile(path: str, content: bytes) -> bool:
    name = posixpath.basename(path).lower()
    named = name in {"dockerfile", "containerfile"} or name.endswith((".dockerfile", ".docker"))
    return (named or name.startswith("dockerfile.")) and _FROM.search(content) is not None


def _kind_of(path: str, content: bytes) -> Kind:
    """What kind of file it is, by its name and, of YAML, by its keys."""
    name = posixpath.basename(path).lower()
    if name == "uv.lock" or (name.startswith("pylock.") and name.endswith(".toml")):
        return "lock"
    if name == "pyproject.toml":
        return "pyproject"
    if _EXPLICIT.search(content):
        return "conda_env"
    if not name.endswith((".yaml", ".yml")):
        return "lock" if b"--hash=" in content else "requirements"
    return "python_env" if _PYTHON_ENV.search(content) else "conda_env"


def _only_one(document: MappingNode, scope: Scope) -> None:
    found = [entry for entry in document.entries if entry.name in {"docker_env", *FILE_KINDS}]
    if len(found) > 1:
        first, second = sorted(found, key=lambda entry: entry.key.line)[:2]
        message = f"`{first.name}` and `{second.name}` exclude each other"
        hint = f"keep one, remove `{second.name}`"
        scope.error(second.key, "several-environments", message, hint)


def _is_empty(entry: Entry, scope: Scope) -> bool:
    if not (
        is_null(entry.value)
        or text_of(entry.value) == ""
        or (isinstance(entry.value, MappingNode) and not entry.value.entries)
    ):
        return False
    scope.warning(
        entry.key, "empty-environment", f"`{entry.name}` is empty and ignored", "remove it"
    )
    return True


def _named(
    kind: FileKind, entry: Entry, files: ProjectFiles, names: tuple[str, ...], scope: Scope
) -> EnvironmentReference:
    written = text_of(entry.value)
    if written is None:
        hint = f"put it into a file and name that: `{kind}: {USUAL_NAMES[kind]}`"
        scope.wrong(entry, "the name of a file", hint)
        place = entry.key
        return EnvironmentReference(kind, declared=True, line=place.line, column=place.column)
    path = posixpath.normpath(written)
    try:
        missing = path not in names and files.read(path) is None
    except SourceError as error:
        message = f"`{kind}` names `{shorten(written)}`: {error.message}"
        hint = "name a file of the project, relative to the manifest"
        scope.error(entry.value, "environment-outside", message, hint)
        missing = False
    if missing and (other := _spelt_otherwise(path, names)) is not None:
        message = (
            f"`{kind}` names `{shorten(written)}`, and the project has `{other}`, which is used"
        )
        scope.warning(entry.value, "misspelt-environment", message, f"write `{kind}: {other}`")
        path = other
    elif missing:
        message = f"`{kind}` names `{shorten(written)}`, which is not in the project"
        scope.error(entry.value, "missing-environment", message, _there(kind, path, names))
    return EnvironmentReference(
        kind, path, declared=True, line=entry.value.line, column=entry.value.column
    )


def _spelt_otherwise(path: str, names: tuple[str, ...]) -> str | None:
    """The one file that differs in its case, or in `.yml` for `.yaml`, alone."""
    found = [name for name in names if _spelling(name) == _spelling(path)]
    return found[0] if len(found) == 1 else None


def _spelling(name: str) -> str:
    lower = name.lower()
    return f"{lower.removesuffix('.yml')}.yaml" if lower.endswith(".yml") else lower


def _there(kind: FileKind, path: str, names: tuple[str, ...]) -> str:
    """What the person probably means, out of what the project's folder holds."""
    files = [name for name in names if name.endswith((".yaml", ".yml"))]
    files = [name for name in files if not name.lower().startswith("mlproject")]
    stem = posixpath.basename(path)
    meant = nearest(stem, files) or next(
        (name for name in files if "env" in name or "conda" in name), None
    )
    if meant:
        return f"did you mean `{meant}`? pass `--env-file {meant}`, or correct the name"
    return f"add the file, or remove the `{kind}` line"
