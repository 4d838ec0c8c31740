"""Reads conda-lock's own format, `conda-lock.yml` version 1, with the line of each package.

The rules are those of `conda-lock install` without options: the categories `main` and `dev`, no
virtual packages. A plain reading of the YAML costs a tenth of conda-lock's import, and knows where
things stand; a test holds the two against each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from runner.conda import archives
from runner.conda.model import LockedPackage
from runner.errors import EnvironmentFailure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Node = Any  # PyYAML's classes for these are only imported with it

VERSION: Final = "1"
_CATEGORIES: Final = ("main", "dev")
_NULL: Final = ("", "~", "null", "Null", "NULL")


def read(
    text: str, *, platform: str, where: str
) -> tuple[tuple[LockedPackage, ...], Mapping[str, str]]:
    """The packages for `platform`, in the file's order, and the custom metadata.

    Raises:
        EnvironmentFailure: it isn't YAML, not of this format, or not for this platform.
        HashMismatch: a package has no hash.
    """
    from runner.environments.conda_file import compose

    root = _mapping(compose(text, where), where, "the lock")
    _check_version(root, where)
    metadata = _mapping(root["metadata"], where, "metadata") if "metadata" in root else {}
    packages = [
        _mapping(node, where, "a package")
        for node in _sequence(root.get("package"), where, "package")
    ]
    _check_platform(metadata, packages, platform, where)
    found: dict[tuple[str, str], LockedPackage] = {}
    for entry in packages:
        if _text(entry, "platform") == platform and _is_installed(entry):
            place = f"{where}:{_line(entry)}"
            archives.add(found, _package(entry, platform, place), place)
    custom = metadata.get("custom_metadata")
    return tuple(found.values()), {} if _is_null(custom) else dict(_texts(custom, where))


def _check_version(root: Mapping[str, Node], where: str) -> None:
    said = _text(root, "version")
    if said == VERSION and "package" in root:
        return
    hint = "write it anew with `conda-lock lock`, whose format has the version 1"
    if said is None or said == VERSION:
        lacking = "version" if said is None else "package"
        raise EnvironmentFailure(f"{where}: is no conda-lock.yml: it has no `{lacking}`", hint)
    line = root["version"].start_mark.line + 1
    raise EnvironmentFailure(f"{where}:{line}: is a lock of version {said}, which is unknown", hint)


def _check_platform(
    metadata: Mapping[str, Node], packages: list[dict[str, Node]], platform: str, where: str
) -> None:
    named = [str(node.value) for node in _sequence(metadata.get("platforms"), where, "platforms")]
    there = sorted({*named, *filter(None, (_text(entry, "platform") for entry in packages))})
    if platform not in there:
        others = " and ".join(there) or "no platform at all"
        raise EnvironmentFailure(
            f"{where}: is a lock for {others}, and this machine is {platform}",
            f"add {platform} to it: `conda-lock lock --platform {platform}`",
        )


def _is_installed(entry: Mapping[str, Node]) -> bool:
    virtual = (_text(entry, "name") or "").startswith("__")
    return not virtual and (_text(entry, "category") or "main") in _CATEGORIES


def _package(entry: Mapping[str, Node], platform: str, where: str) -> LockedPackage:
    name, version, url = (_needed(entry, key, where) for key in ("name", "version", "url"))
    manager = _needed(entry, "manager", where)
    hashes = _mapping(entry["hash"], where, "hash") if not _is_null(entry.get("hash")) else {}
    sha256, md5 = _text(hashes, "sha256"), _text(hashes, "md5")
    depends = dict(_texts(entry.get("dependencies"), where))
    build = None
    if manager == "conda":
        archive = archives.conda_archive(url, where)
        archives.refuse_platform(archive, platform, where)
        build = _text(entry, "build") or archive.build
    elif manager != "pip":
        raise EnvironmentFailure(
            f"{where}: {name} is of `{manager}`, which installs no packages here",
            "a lock's packages are of `conda` or `pip`",
        )
    elif archives.pip_archive(url, where) is None:
        # conda-lock puts the commit where the hash belongs.
        sha256 = sha256 if sha256 and archives.is_sha256(sha256) else None
        return LockedPackage(name, version, url, "pip", sha256=sha256, depends=depends)
    else:
        md5 = None  # uv takes no MD5
    sha256, md5 = archives.hashes(sha256, md5, f"{where}: {name}")
    return LockedPackage(
        name=name,
        version=version,
        url=url,
        manager="conda" if manager == "conda" else "pip",
        build=build,
        sha256=sha256,
        md5=md5,
        depends=depends,
    )


def _needed(entry: Mapping[str, Node], key: str, where: str) -> str:
    value = _text(entry, key)
    if value is None:
        name = _text(entry, "name")
        raise EnvironmentFailure(f"{where}: {name or 'a package'} has no `{key}`", archives.ANEW)
    return value


def _mapping(node: Node, where: str, what: str) -> dict[str, Node]:
    if node is None or node.id != "mapping":
        place = where if node is None or ":" in where else f"{where}:{node.start_mark.line + 1}"
        raise EnvironmentFailure(f"{place}: {what} must be a mapping", archives.ANEW)
    return {str(key.value): value for key, value in node.value if key.id == "scalar"}


def _sequence(node: Node, where: str, what: str) -> list[Node]:
    if _is_null(node):
        return []
    if node.id != "sequence":
        line = node.start_mark.line + 1
        raise EnvironmentFailure(f"{where}:{line}: `{what}` must be a list", archives.ANEW)
    return list(node.value)


def _texts(node: Node, where: str) -> Iterator[tuple[str, str]]:
    if _is_null(node):
        return
    for key, value in _mapping(node, where, "it").items():
        yield key, str(value.value) if value.id == "scalar" and not _is_null(value) else ""


def _text(entry: Mapping[str, Node], key: str) -> str | None:
    node = entry.get(key)
    if node is None or node.id != "scalar" or _is_null(node):
        return None
    return str(node.value)


def _line(entry: Mapping[str, Node]) -> int:
    return int(min((node.start_mark.line for node in entry.values()), default=0)) + 1


def _is_null(node: Node) -> bool:
    return node is None or (node.id == "scalar" and not node.style and node.value in _NULL)
