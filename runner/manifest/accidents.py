"""Bytes to nodes, and what has probably happened to a file that is no YAML mapping."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from runner.manifest.compose import MAX_NODES, Unreadable, compose
from runner.manifest.document import MappingNode, ScalarNode, Spot, kind_of, shorten

if TYPE_CHECKING:
    from runner.manifest.complaints import Complaints
    from runner.manifest.document import Node

MAX_BYTES = 512 * 1024
KEYS = (
    "name|conda_env|python_env|docker_env|entry_points|parameters|command|type|default|image|"
    "volumes|environment"
)
GLUED_KEY = rf"^\s*(?:- )?({KEYS}):(?=[^\s:/])"
TEMPLATE = r"(?:\{\{ *cookiecutter\b|\{%|<%|(?<=: )\{\{).*?(?:\}\}|$)"
COOKIECUTTER = r"\{\{ *cookiecutter\b.*?(?:\}\}|$)"
CONFLICT = r"^<{7} .*$"
TAB = r"^ *\t"


START = Spot(1, 1)


class Accident(NamedTuple):
    """What has happened, where, and what to do."""

    code: str
    message: str
    hint: str
    spot: Spot = START


def read(content: bytes, complaints: Complaints) -> MappingNode | None:
    """The document's top mapping, or None and one error that says why there is none."""
    text = _decode(content)
    found = text if isinstance(text, Accident) else _parse(text)
    complaints.text = "" if isinstance(text, Accident) else text
    if isinstance(found, Accident):
        complaints.error(found.spot, found.code, found.message, found.hint)
        return None
    if "cookiecutter" in complaints.text and (
        template := re.search(COOKIECUTTER, complaints.text, re.MULTILINE)
    ):
        accident = _unfilled(complaints.text, template)
        complaints.warning(accident.spot, accident.code, accident.message, accident.hint)
    return found


def _decode(content: bytes) -> str | Accident:
    if len(content) > MAX_BYTES:
        size = f"is {len(content) // 1024} KiB long, the limit is {MAX_BYTES // 1024}"
        return Accident("too-large", size, "is this the right file?")
    try:
        text = content.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        return _not_utf8(content, error)
    # MLflow opens the file in text mode, so a carriage return is a line's end there too.
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _parse(text: str) -> MappingNode | Accident:
    try:
        document = compose(text)
    except Unreadable as error:
        return _whole_file(text) or _explain(text, error)
    if isinstance(document, MappingNode):
        return document
    return _whole_file(text) or _not_a_mapping(text, document)


def _not_utf8(content: bytes, error: UnicodeDecodeError) -> Accident:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Accident("encoding", "is UTF-16 text", "save the file as UTF-8")
    before = content[: error.start]
    line = before.count(b"\n") + 1
    column = len(before[before.rfind(b"\n") + 1 :].decode(errors="replace")) + 1
    byte = f"byte 0x{content[error.start]:02x} is not UTF-8"
    return Accident("encoding", byte, "save the file as UTF-8", Spot(line, column))


def _whole_file(text: str) -> Accident | None:
    """Something that happened to the file as a whole, whatever YAML makes of it."""
    if text.startswith("version https://git-lfs"):
        return Accident(
            "git-lfs", "is a git-lfs pointer, not the file itself", "run `git lfs pull` in it"
        )
    if conflict := re.search(CONFLICT, text, re.MULTILINE):
        spot = Spot.at(text, conflict.start())
        what = f"holds a merge conflict: `{shorten(conflict.group(), 30)}`"
        return Accident("conflict", what, "resolve the conflict and commit", spot)
    if template := re.search(TEMPLATE, text, re.MULTILINE):
        return _unfilled(text, template)
    if text.lstrip()[:14].lower().startswith(("<!doctype html", "<html", "<?xml")):
        return Accident("html", "is a web page, not YAML", "download the raw file")
    return None


def _not_a_mapping(text: str, document: Node | None) -> Accident:
    if document is None or (isinstance(document, ScalarNode) and document.value is None):
        return Accident(
            "empty",
            "is empty" if not text.strip() else "holds nothing but comments",
            "begin with `name:` and `entry_points:`, or delete the file",
        )
    spot = Spot(document.line, document.column)
    if isinstance(document, ScalarNode):
        word = document.text.strip()
        if glued := re.search(GLUED_KEY, text, re.MULTILINE):
            return _glued(text, glued)
        if "/" in word and not re.search(r"\s", word):
            what = f"holds nothing but the path `{shorten(word)}`: a symbolic link that became text"
            hint = f"run the project in `{shorten(word.rpartition('/')[0] or '.')}` instead"
            return Accident("link", what, hint, spot)
    what = f"must be a mapping of keys such as `entry_points:`, not {kind_of(document)}"
    return Accident("not-a-mapping", what, "begin with `name:` and `entry_points:`", spot)


def _explain(text: str, error: Unreadable) -> Accident:
    """The likely cause of what PyYAML stumbled over, which often stands further up."""
    lines = text.split("\n")
    upto = "\n".join(lines[: error.spot.line])
    if glued := re.search(GLUED_KEY, upto, re.MULTILINE):
        return _glued(text, glued)
    if tab := re.search(TAB, upto, re.MULTILINE):
        spot = Spot.at(text, tab.end() - 1)
        return Accident("tab", "a tab indents this line", "indent with spaces", spot)
    for part, (code, message, hint) in REASONS.items():
        if part in error.reason:
            spot = (code in OPENED and error.opened) or error.spot
            here = lines[spot.line - 1] if spot.line <= len(lines) else ""
            return Accident(code, message.format(shorten(here)), hint, spot)
    reason = error.reason.removeprefix(": ").replace("'", "`")
    what = f"is not YAML that can be used: {reason}"
    return Accident("yaml", what, "quote the value that stands here", error.spot)


# Where what began is more to the point than where it was noticed.
OPENED = frozenset({"unclosed-quote", "unclosed-bracket", "prose"})
# What PyYAML says (the part that identifies it) → code, message, hint; {} is the line.
REASONS = {
    "quoted scalar: found unexpected": (
        "unclosed-quote",
        "the quote that opens here is never closed",
        "close it, and write quotes inside it doubled or as the other kind",
    ),
    "flow mapping": (
        "unclosed-bracket",
        "the `{{` that opens here is not closed, or its entries are not set apart by commas",
        "write it as `{type: float, default: 0.5}`",
    ),
    "flow sequence": (
        "unclosed-bracket",
        "the `[` that opens here is not closed, or its items are not set apart by commas",
        "write it as `[a, b]`",
    ),
    "could not find expected ':'": (
        "prose",
        "`{}` is neither `key: value` nor part of a value",
        "put `#` before it if it is a remark, a space after its colon if it is a key",
    ),
    "mapping values are not allowed": (
        "colon",
        "a second `: ` in `{}`, or a line that is indented too far",
        "quote the whole value, or indent the line as its neighbours are",
    ),
    "block mapping": (
        "indentation",
        "`{}` is not indented as the lines it belongs with, or what follows a quote is left over",
        "indent keys of one mapping alike, and quote a value as a whole",
    ),
    "block collection": (
        "indentation",
        "`{}` is not indented as the other items of its list",
        "indent the items of one list alike",
    ),
    "unknown escape": (
        "escape",
        "a backslash in double quotes begins an escape that YAML doesn't know",
        "use single quotes, or double the backslash",
    ),
    "cannot start any token": (
        "quote",
        "`{}` begins a value with a character that YAML keeps for itself",
        "quote the value",
    ),
    "special characters": (
        "control-character",
        "a control character that YAML doesn't allow",
        "remove it",
    ),
    "single document": (
        "documents",
        "a second document begins here",
        "keep one document: remove the `---`",
    ),
    "unhashable key": (
        "key",
        "a key must be a word, not a list or a mapping",
        "quote it if it begins with a bracket",
    ),
    "undefined alias": (
        "alias",
        "`{}` uses an alias (`*`) that nothing above defines",
        "quote the value if the asterisk belongs to it",
    ),
    "scanning an alias": (
        "alias",
        "`{}` has a value that begins with an asterisk, which makes it an alias",
        "quote the value",
    ),
    "scanning an anchor": (
        "anchor",
        "`{}` has a value that begins with `&`, which makes it an anchor",
        "quote the value",
    ),
    "duplicate anchor": ("anchor", "`{}` defines an anchor again", "give it another name"),
    "contains itself": ("alias", "`{}` has an alias for what it is part of", "write it out"),
    "for merging": (
        "merge",
        "a merge key (`<<`) takes a mapping or a list of mappings",
        "write the keys out",
    ),
    "is not allowed": (
        "tag",
        "`{}` has a tag (`!`) that a manifest can't have",
        "remove the tag, or quote the value if the exclamation mark belongs to it",
    ),
    "can't be read as": ("number", "`{}` holds a value that YAML can't read", "quote the value"),
    "nested more": ("too-deep", "nested too deeply", "is this the right file?"),
    f"more than {MAX_NODES}": (
        "too-large",
        f"holds more than {MAX_NODES} values, aliases counted as what they stand for",
        "is this the right file?",
    ),
}


def _unfilled(text: str, template: re.Match[str]) -> Accident:
    spot = Spot.at(text, template.start())
    return Accident(
        "template",
        f"is a template that was never filled in: `{shorten(template.group(), 40)}`",
        "make a project from it first (`cookiecutter`, `copier`), or quote the value",
        spot,
    )


def _glued(text: str, glued: re.Match[str]) -> Accident:
    spot = Spot.at(text, glued.end())
    key = glued.group(1)
    value = shorten(text[glued.end() :].split("\n", 1)[0], 40)
    return Accident(
        "glued-colon",
        f"no space after `{key}:`",
        f"write `{key}: {value}`",
        spot,
    )
