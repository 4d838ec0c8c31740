"""Commands: a template's placeholders, what is wrong with them, and the command a step becomes."""

from __future__ import annotations

import re
import shlex
import string
from typing import TYPE_CHECKING, NamedTuple

from runner.errors import ManifestError
from runner.manifest.document import shorten
from runner.manifest.model import HIDDEN
from runner.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runner.manifest.model import Step

# Padding can't break a value's quoting; a precision would cut the closing quote off.
PADDING = r"(?:.?[<>^])?\d{0,3}s?"
MOST_FAULTS = 20
SHELL_NAME = r"[A-Za-z_]\w*"


class Fault(NamedTuple):
    """What is wrong with a template.

    Attributes:
        snippet: the text to look for, to find the place.
        before: how many times the snippet stands before it.
        doubtful: it can be run all the same.
    """

    message: str
    hint: str
    snippet: str
    before: int = 0
    doubtful: bool = False


class Piece(NamedTuple):
    """A stretch of text, and the placeholder that follows it.

    Attributes:
        field: what stands in the braces, None after the last stretch.
        shell: the braces are the shell's own (`${HOME}`).
    """

    text: str
    field: str | None = None
    conversion: str | None = None
    padding: str = ""
    shell: bool = False

    @property
    def written(self) -> str:
        """The placeholder as it stands in the template."""
        conversion = f"!{self.conversion}" if self.conversion else ""
        padding = f":{self.padding}" if self.padding else ""
        return f"{{{self.field}{conversion}{padding}}}"


def render(step: Step, *, hiding: bool = False) -> str:
    """The shell command of `step`: values quoted, undeclared parameters as `--key value`.

    Args:
        step: with every parameter bound.
        hiding: put `***` where secret values would stand, for people and records.

    Raises:
        ManifestError: the template is wrong; `load` and `choose` have said so before.
    """
    entry_point = step.entry_point
    names = [parameter.name for parameter in entry_point.parameters]
    for fault in faults(entry_point.command, names):
        if not fault.doubtful:
            raise ManifestError(f"command of `{entry_point.name}`: {fault.message}", fault.hint)
    arguments = {
        bound.name: shlex.quote(HIDDEN if hiding and bound.secret else bound.argument)
        for bound in step.parameters
    }
    command = "".join(_rendered(piece, arguments) for piece in pieces(entry_point.command, names))
    extras = [
        f"--{shlex.quote(bound.name)} {arguments[bound.name]}"
        for bound in step.parameters
        if not bound.declared
    ]
    # A block scalar ends with a line break, after which `--key` would be a command of its own.
    return " ".join([command.rstrip(), *extras]) if extras else command


def pieces(template: str, names: Iterable[str]) -> Iterator[Piece]:
    """The template as `str.format` reads it, braces that belong to the shell set apart.

    Raises:
        ValueError: braces don't match.
    """
    known = set(names)
    for text, field, padding, conversion in string.Formatter().parse(template):
        shell = False
        if field is not None and text.endswith("$"):
            name = re.match(SHELL_NAME, field, re.ASCII)
            shell = name is None or name.group() not in known
            shell = shell and field not in known
        yield Piece(text, field, conversion, padding or "", shell)


def faults(template: str, names: Iterable[str]) -> Iterator[Fault]:
    """Everything that is wrong or doubtful in a template whose parameters are `names`."""
    known = dict.fromkeys(names)
    if "\0" in template:
        yield Fault("holds a NUL character", "remove it", "\\0")
    found: dict[Fault, None] = {}
    try:
        for piece in pieces(template, known):
            fault = _fault(piece, known) if piece.field is not None else None
            if fault:
                found[fault] = None
            if len(found) == MOST_FAULTS:
                break
        yield from found
    except ValueError:
        yield _unbalanced(template)


def used(template: str, names: Iterable[str]) -> set[str]:
    """The parameters that the template uses; all of them where it can't be read."""
    known = set(names)
    try:
        found = {piece.field for piece in pieces(template, known) if not piece.shell}
    except ValueError:
        return known
    return {name for name in known if name in found}


def _rendered(piece: Piece, arguments: dict[str, str]) -> str:
    if piece.field is None:
        return piece.text
    if piece.shell:
        return piece.text + piece.written
    # An optional parameter without a value leaves its place empty.
    return piece.text + format(arguments.get(piece.field, ""), piece.padding)


def _fault(piece: Piece, known: dict[str, None]) -> Fault | None:
    field, written = piece.field or "", shorten(piece.written, 40)
    if piece.shell:
        return _shell_fault(piece, known)
    padded = not piece.padding or re.fullmatch(PADDING, piece.padding)
    if field in known and piece.conversion in {None, "s"} and padded:
        return None
    name = re.split(r"[.\[]", field, maxsplit=1)[0]
    if name in known or field in known:
        return Fault(
            f"`{written}` does more than name a parameter", f"write `{{{name}}}`", piece.written
        )
    if not field.strip() or field.isdigit() or not re.fullmatch(r"[\w. -]+", field):
        return Fault(
            f"`{written}` names no parameter",
            f"write `{{{written}}}` if the braces belong to the command",
            piece.written,
        )
    near = field.strip() if field.strip() in known else nearest(field, known)
    hint = f"did you mean `{{{near}}}`?" if near else f"declare `{field.strip()}` in `parameters`"
    return Fault(f"`{written}` is not a declared parameter", hint, piece.written)


def _shell_fault(piece: Piece, known: dict[str, None]) -> Fault | None:
    field = piece.field or ""
    near = nearest(field, known)
    if near is None or field.isupper():
        return None
    return Fault(
        f"`${shorten(piece.written, 40)}` is left to the shell",
        f"did you mean `{{{near}}}`?",
        piece.written,
        doubtful=True,
    )


def _unbalanced(template: str) -> Fault:
    position = _unmatched(template)
    brace = template[position]
    what = "closes nothing" if brace == "}" else "is not closed"
    return Fault(
        f"a `{brace}` {what}",
        f"remove it, or write `{brace * 2}` for a literal one",
        brace,
        before=template.count(brace, 0, position),
    )


def _unmatched(template: str) -> int:
    """Where the brace stands that has no partner; the last one if all seem to have one."""
    position = last = 0
    while position < len(template):
        brace = template[position]
        if brace in "{}":
            last = position
            if template[position + 1 : position + 2] == brace:
                position += 1
            else:
                end = template.find("}", position) if brace == "{" else -1
                if end < 0 or "{" in template[position + 1 : end]:
                    return position
                position = end
        position += 1
    return last
