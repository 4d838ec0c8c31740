"""Writes a `.git` folder by hand: no process, no template, no configuration but ours."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SHA256_DIGITS = 64
# As `info/attributes` this outranks whatever the repository asks for: bytes stay bytes.
NEUTRAL = "* -text -ident !eol !filter !working-tree-encoding\n"


def write(
    at: Path,
    *,
    head: str,
    borrowed: Path | None = None,
    bare: bool = False,
    tags: bool = True,
    digits: int = 40,
) -> None:
    """Make the git folder `at`.

    `head` is a commit to be detached at, or `ref: refs/heads/NAME`; `borrowed` the git folder
    whose objects and shallow border are shared; `tags` says whether its tags are copied, so that
    `git describe` works; `digits` are those of an object's name, 64 where they are SHA-256.
    """
    (at / "objects" / "info").mkdir(parents=True)
    (at / "refs").mkdir()
    _text(at / "HEAD", f"{head}\n")
    _text(at / "config", _configuration(bare=bare, digits=digits))
    if borrowed is None:
        return
    _text(at / "objects" / "info" / "alternates", f"{_quoted(borrowed / 'objects')}\n")
    if tags and (found := read_references(borrowed, "refs/tags/")):
        lines = "".join(f"{value} {name}\n" for name, value in sorted(found.items()))
        _text(at / "packed-refs", f"# pack-refs with: sorted \n{lines}")
    if (borrowed / "shallow").is_file():
        (at / "shallow").write_bytes((borrowed / "shallow").read_bytes())


def _configuration(*, bare: bool, digits: int) -> str:
    text = (
        f"[core]\n\trepositoryformatversion = {int(digits == SHA256_DIGITS)}\n\tfilemode = true\n"
        f"\tbare = {str(bare).lower()}\n\tlogallrefupdates = {str(not bare).lower()}\n"
        "[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n"
    )
    if digits == SHA256_DIGITS:
        text += "[extensions]\n\tobjectformat = sha256\n"
    return text


def _quoted(path: Path) -> str:
    text = str(path)
    # An alternate that starts with a quote is read as a C string, one with `#` as a comment.
    return text if text.isprintable() else '"' + text.replace("\\", "\\\\") + '"'


def _text(path: Path, text: str) -> None:
    path.write_bytes(os.fsencode(text))


def read_references(store: Path, prefix: str) -> dict[str, str]:
    """The references of `store` below `prefix`, loose and packed, name → object."""
    found = dict(_packed(store, prefix))
    # Loose ones are newer than packed ones of the same name.
    for folder, _, names in os.walk(store / prefix):
        for name in names:
            value = (Path(folder) / name).read_bytes().strip()
            if not name.endswith(".lock") and value and not value.startswith(b"ref:"):
                reference = os.path.relpath(os.path.join(folder, name), store)  # noqa: PTH118
                found[reference] = value.decode(errors="replace")
    return found


def _packed(store: Path, prefix: str) -> Iterable[tuple[str, str]]:
    try:
        content = (store / "packed-refs").read_bytes()
    except FileNotFoundError:
        return
    for line in content.splitlines():
        value, _, name = os.fsdecode(line).partition(" ")
        if not value.startswith(("#", "^")) and name.startswith(prefix):
            yield name, value


def read_head(store: Path) -> str | None:
    """The branch that `HEAD` names, None where it is detached."""
    text = (store / "HEAD").read_text(errors="surrogateescape").strip()
    return text.removeprefix("ref:").strip() if text.startswith("ref:") else None
