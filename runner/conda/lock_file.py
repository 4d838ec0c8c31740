"""The lock of a conda environment as text: a standard `conda-lock.yml`, and what can be read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct, field

from runner.conda import explicit_lock, library
from runner.conda.lock_addresses import public, variables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.conda.model import LockedPackage

_HEAD: Final = (
    "# The exact packages of a conda environment, by reprun; conda-lock, mamba, micromamba and pixi"
    "\n# install them from this file as well.\n"
)
_FIELD: Final = re.compile(r"^(?:  )?(\w+): *['\"]?([^'\"\n]+)", re.MULTILINE)
_PYTHON_ARCHIVE: Final = re.compile(r"/python-([0-9][^-/\s]*)-[^-/\s]+\.(?:conda|tar\.bz2)\b")


class Contents(Struct, frozen=True):
    """What a lock says for one platform.

    Attributes:
        packages: in the file's order; addresses have no credentials but such as stand there as
            variables, which `lock_addresses.expanded` puts in.
        custom: the custom metadata of a `conda-lock.yml`, as `write` was given it.
    """

    packages: tuple[LockedPackage, ...]
    custom: Mapping[str, str] = field(default_factory=dict)


def write(
    packages: Sequence[LockedPackage],
    *,
    channels: Sequence[str],
    platform: str,
    origin: str | None,
    specification: str,
    custom: Mapping[str, str],
    notes: Sequence[str] = (),
) -> str:
    """A `conda-lock.yml` of version 1; the same arguments give the same text.

    conda-lock itself refuses one where a conda package has no MD5; others read it.

    Args:
        packages: in any order.
        channels: as asked for, by rank.
        platform: conda's word, such as `linux-64`.
        origin: the file that the packages were asked for in, relative to where the lock will lie.
        specification: the digest of what was asked for.
        custom: whatever else is to be known of the lock.
        notes: comments at its top, which `build_tools.of_lock` reads.
    """
    import yaml

    models = library.part("conda_lock.lockfile.v1.models")
    channel_of = library.part("conda_lock.models.channel").Channel
    addresses = [public(channel) for channel in channels]
    metadata = models.LockMeta(
        content_hash={platform: specification},
        channels=[channel_of(url=one, used_env_vars=variables(one)) for one in addresses],
        platforms=[platform],
        sources=[origin] if origin else [],
        custom_metadata=dict(sorted(custom.items())) or None,
    )
    ordered = sorted(packages, key=lambda one: (one.manager, one.name))
    content = models.Lockfile(
        package=[_entry(one, platform) for one in ordered if not one.name.startswith("__")],
        metadata=metadata,
    )
    # libyaml writes the same ten times faster.
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    head = _HEAD + "".join(f"{line}\n" for line in notes)
    return head + yaml.dump(content.dict_for_output(), Dumper=dumper, sort_keys=False)


def _entry(package: LockedPackage, platform: str) -> Any:  # noqa: ANN401 - conda-lock's model
    models = library.part("conda_lock.lockfile.v1.models")

    url = public(package.url)
    hashes = {"md5": package.md5, "sha256": package.sha256}
    fields: dict[str, Any] = {
        "name": package.name,
        "version": package.version,
        "manager": package.manager,
        "platform": platform,
        "dependencies": dict(sorted(package.depends.items())),
        "url": url,
        "hash": models.HashModel(**hashes),
        "category": "main",
        "optional": False,
    }
    if package.build is not None:
        fields["build"] = package.build
    if url.startswith("git+"):
        # Without this, conda-lock would have pip check the wheel's hash against the repository.
        fields["source"] = models.DependencySource(type="url", url=url)
    if package.manager == "conda" and package.md5 is None:
        return models.LockedDependency.model_construct(**fields)  # past its demand for an MD5
    return models.LockedDependency(**fields)


def read(text: str, *, platform: str, origin: str | None) -> Contents:
    """What a `conda-lock.yml` of version 1, or an explicit file of conda's, says for `platform`.

    Args:
        text: the file's content.
        platform: conda's word, such as `linux-64`.
        origin: the file, for messages.

    Raises:
        EnvironmentFailure: it is neither, is for another platform, or names what is no package.
        HashMismatch: a package has no usable hash.
    """
    where = origin or "the lock"
    text = public(text)
    if explicit_lock.is_explicit(text):
        return Contents(explicit_lock.read(text, platform=platform, where=where))
    from runner.conda import unified_lock

    packages, custom = unified_lock.read(text, platform=platform, where=where)
    return Contents(packages, custom)


def origin_of(text: str) -> str | None:
    """The file that a lock was made from, as far as a lock says so."""
    match = re.search(r"^  sources:\n  - ['\"]?([^'\"\n]+)['\"]?$", text, re.MULTILINE)
    return match.group(1) if match else None


def python_of(text: str, *, platform: str) -> str | None:
    """The version of Python in a lock, looked up without reading all of it; None without one."""
    if explicit_lock.is_explicit(text):
        match = _PYTHON_ARCHIVE.search(text)
        return match.group(1) if match else None
    wanted = {"name": "python", "manager": "conda", "platform": platform}
    for entry in text.split("\n- "):
        if "name: python\n" in entry:
            fields = dict(_FIELD.findall(entry))
            if fields.items() >= wanted.items():
                return fields.get("version")
    return None
