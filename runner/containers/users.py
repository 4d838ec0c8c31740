"""Whose a step's files are: the caller runs the step, also where the image doesn't know them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from runner.containers.engine import Engine
    from runner.containers.model import Image

_ROOTLESS: Final = "rootless"
_PASSWD_FIELDS: Final = 7


def is_rootless(engine: Engine) -> bool:
    """Whether the engine itself runs as the caller, so that root inside is the caller outside.

    Raises:
        EngineLost: it doesn't answer.
    """
    if os.getuid() == 0:
        return False
    with engine.asked("it was asked who it is"):
        return tells_rootless(engine.api.info())


def tells_rootless(known: Mapping[str, Any]) -> bool:
    """Whether an engine that describes itself so runs as a user; Podman has a word of its own."""
    options = known.get("SecurityOptions") or ()
    return bool(known.get("Rootless")) or any(_ROOTLESS in str(option) for option in options)


def user_of(engine: Engine) -> str:
    """`uid:gid` that a container's process needs for its files to belong to the caller."""
    return "0:0" if is_rootless(engine) else f"{os.getuid()}:{os.getgid()}"


def groups() -> list[str]:
    """The caller's further groups, which let the step read what the caller can."""
    return [str(number) for number in os.getgroups() if number != os.getgid()]


def known(image: Image, user: str, folder: Path, home: str) -> tuple[Path, Path] | None:
    """`/etc/passwd` and `/etc/group` of the image with the caller in them; None where they are.

    Much software asks for the name of who runs it, and breaks where nobody has the number.

    Args:
        folder: where the two are written.
        home: of the caller, inside.

    Raises:
        OSError: they can't be written.
    """
    uid, _, gid = user.partition(":")
    if not image.passwd or _known_name(image.passwd, uid) is not None:
        return None
    name = name_of(image.passwd, user)
    # What the step itself writes into the folder, such as `group`, has other names.
    passwd, group = folder / "etc-passwd", folder / "etc-group"
    passwd.write_text(f"{_ended(image.passwd)}{name}:x:{uid}:{gid}::{home}:/bin/sh\n")
    numbers = {one.split(":")[2] for one in image.group.splitlines() if one.count(":") > 1}
    line = "" if gid in numbers else f"{name}:x:{gid}:\n"
    group.write_text(f"{_ended(image.group)}{line}")
    return passwd, group


def name_of(passwd: str, user: str) -> str:
    """The login name that `uid:gid` has in a passwd file's text, or gets where it has none."""
    uid = user.partition(":")[0]
    if (name := _known_name(passwd, uid)) is not None:
        return name
    taken = {line.partition(":")[0] for line in passwd.splitlines()}
    name = login if (login := _login()) not in taken else f"user{uid}"
    while name in taken:
        name += "_"
    return name


def _known_name(passwd: str, uid: str) -> str | None:
    fields = (line.split(":") for line in passwd.splitlines())
    return next((one[0] for one in fields if len(one) == _PASSWD_FIELDS and one[2] == uid), None)


def _login() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return "user"


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"
