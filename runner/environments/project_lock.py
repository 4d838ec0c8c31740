"""The lock that `reprun lock` writes beside a specification, such as `python_env.lock`.

A hashed requirements file, which pip and uv install as well, below a few lines that say what it
was made from. It holds as long as the specification is the one it was made from.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from runner.errors import StaleLock

if TYPE_CHECKING:
    from runner.environments.base import Lock, Spec
    from runner.source.model import ProjectFiles

TITLE: Final = "# reprun lock 1"
SUFFIX: Final = ".lock"


def path_for(origin: str) -> str:
    """Where the lock of the specification at `origin` lies: beside it, by the same stem."""
    return posixpath.splitext(origin)[0] + SUFFIX


def render(lock: Lock, spec: Spec) -> bytes:
    """The file's content; the pins themselves stand in it exactly as in `lock.text`."""
    head = (
        TITLE,
        f"# from: {posixpath.basename(spec.origin or '')}",
        f"# specification: {spec.words or spec.digest}",
        f"# python: {lock.python}",
        f"# platform: {lock.platform}",
        "# packages of the project itself are not in here; `reprun lock` makes this file anew",
    )
    return ("\n".join(head) + "\n" + lock.text).encode()


def apply(spec: Spec, files: ProjectFiles) -> Spec:
    """`spec` with the lock that lies beside its file, as it is where there is none.

    Raises:
        StaleLock: it was made from another specification.
    """
    if spec.origin is None or spec.lock_text is not None:
        return spec
    path = path_for(spec.origin)
    found = _read(files, path)
    if found is None:
        return spec
    head, text = found
    if head.get("specification") != spec.digest:
        raise StaleLock(
            f"{path} was made from another {posixpath.basename(spec.origin)} than stands beside it",
            "run `reprun lock` and commit what it writes",
        )
    return replace(
        spec, lock_text=text, lock_format="requirements", python=head.get("python", spec.python)
    )


def specification(files: ProjectFiles, origin: str) -> str | None:
    """The digest of what the lock beside `origin` was made from; None where there is no lock."""
    found = _read(files, path_for(origin))
    return None if found is None else found[0].get("specification")


def _read(files: ProjectFiles, path: str) -> tuple[dict[str, str], str] | None:
    content = files.read(path)
    return None if content is None else parts(content.decode("utf-8", "replace"))


def parts(content: str) -> tuple[dict[str, str], str] | None:
    """The named lines of the head, and everything below it; None of a file without such a head."""
    if not content.startswith(TITLE + "\n"):
        return None
    lines = content.splitlines(keepends=True)
    head: dict[str, str] = {}
    for position, line in enumerate(lines[1:], 1):
        name, colon, value = line.removeprefix("# ").partition(": ")
        if not colon:
            return head, "".join(lines[position + 1 :])
        head[name] = value.strip()
    return head, ""
