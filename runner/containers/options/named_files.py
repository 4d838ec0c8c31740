"""Files that `docker run`'s flags name: variables, labels, a profile of system calls.

Relative paths start at the caller's folder. Each reader raises ValueError, in words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

KINDS = ("no-new-privileges", "seccomp", "apparmor", "label", "systempaths", "writable-cgroups")
READY_MADE = ("builtin", "unconfined")


def variables(text: str, caller: Path) -> list[tuple[str, str | None]]:
    """(name, value) of each line of an env file, value None where the host's is copied."""
    return [_line(line, text) for line in _lines(text, caller)]


def labels(text: str, caller: Path) -> dict[str, str]:
    """The labels of a label file; a name without a value is passed over."""
    pairs = [_line(line, text) for line in _lines(text, caller)]
    return {name: value for name, value in pairs if value is not None}


def security(text: str, caller: Path) -> dict[str, object]:
    """A body that has a security option; a profile of system calls is read from its file."""
    kind, between, value = _parted(text)
    if text == "systempaths=unconfined":
        # Empty lists of what is hidden; the engine itself does not know the option.
        return {"HostConfig": {"MaskedPaths": [], "ReadonlyPaths": [], "SecurityOpt": []}}
    if not between and kind != "no-new-privileges":
        raise ValueError(f"must be `NAME=VALUE`, with one of {', '.join(KINDS)}, not `{text}`")
    if kind == "seccomp" and value not in READY_MADE:
        text = f"seccomp={_profile(value, caller)}"
    return {"HostConfig": {"SecurityOpt": [text]}}


def _parted(text: str) -> tuple[str, str, str]:
    return text.partition("=" if "=" in text else ":")


def _profile(text: str, caller: Path) -> str:
    import json

    content = _read(text, caller)
    try:
        return json.dumps(json.loads(content), separators=(",", ":"), ensure_ascii=False)
    except ValueError:
        raise ValueError(f"names a profile that isn't JSON: `{text}`") from None


def _read(text: str, caller: Path) -> str:
    try:
        return (caller / text).read_text("utf-8-sig")
    except (OSError, ValueError) as wrong:
        why = wrong.strerror if isinstance(wrong, OSError) else "not a text in UTF-8"
        raise ValueError(f"names a file that can't be read: `{text}` ({why})") from None


def _lines(text: str, caller: Path) -> list[str]:
    lines = [line.lstrip() for line in _read(text, caller).splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def _line(line: str, file: str) -> tuple[str, str | None]:
    name, assigned, value = line.partition("=")
    if not name or any(letter.isspace() for letter in name):
        # The line itself is not shown: it may hold a secret.
        raise ValueError(f"names a file with a line that is no `NAME=VALUE`: `{file}`")
    return (name, value if assigned else None)
