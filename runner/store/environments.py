"""The environment of a record, out of its JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.environments.base import LocalPackage, Package
from runner.store.contained import image_from_fields
from runner.store.records import RecordedEnvironment, RecordedLock, RecordedPython

if TYPE_CHECKING:
    from runner.store.fields import Fields


def from_fields(fields: Fields) -> RecordedEnvironment:
    """What `encoding` wrote.

    Raises:
        StoreError: it isn't that.
    """
    lock = fields.fields("lock")
    return RecordedEnvironment(
        kind=fields.text("kind"),
        hash=fields.text("hash"),
        fingerprint=fields.text("fingerprint"),
        platform=fields.text("platform"),
        lock=RecordedLock(
            sha256=lock.text("sha256"),
            format=lock.text("format"),
            made=lock.text("made"),
            locked=lock.flag("locked", default=True),
            context=lock.optional("context"),
        ),
        python=_python(fields.fields("python")) if fields.has("python") else None,
        image=image_from_fields(fields.fields("image")) if fields.has("image") else None,
        packages=tuple(
            Package(
                name=package.text("name"),
                version=package.text("version"),
                source=package.optional("source"),
                sha256=package.optional("sha256"),
                type=package.optional("type") or "pypi",
            )
            for package in fields.each("packages")
        ),
        local_packages=tuple(
            LocalPackage(
                path=package.text("path"),
                tree=package.text("tree"),
                editable=package.flag("editable"),
                extras=package.sequence("extras") if package.has("extras") else (),
            )
            for package in (fields.each("local_packages") if fields.has("local_packages") else ())
        ),
    )


def _python(fields: Fields) -> RecordedPython:
    return RecordedPython(
        version=fields.text("version"),
        build=fields.text("build"),
        implementation=fields.text("implementation"),
        path=fields.text("path"),
    )
