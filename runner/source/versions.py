"""What a version means: parts it into a name and steps back from it, and finds what it names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from runner.errors import RequestError, SourceDamaged, SourceError, UnknownVersion
from runner.source.plumbing import git

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_VERSION = re.compile(r"(?P<base>[^~^:?*\[\\\s]+?)(?P<steps>(?:[~^]\d*|\^\{(?:commit)?\})*)")
_HEX = re.compile(r"[0-9a-fA-F]{4,64}")
_FULL = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class Version(Struct, frozen=True):
    """A version as asked for.

    Attributes:
        text: the whole of it; `HEAD` where none was given.
        base: the name that it starts with.
        steps: `~2`, `^`, … after the name.
    """

    text: str
    base: str
    steps: str

    @property
    def may_be_commit(self) -> bool:
        """Whether the name could be a short or full commit."""
        return _HEX.fullmatch(self.base) is not None

    @property
    def is_full_commit(self) -> bool:
        """Whether the name is a full commit, which never changes its meaning."""
        return _FULL.fullmatch(self.base.lower()) is not None


class Found(Struct, frozen=True):
    """A commit that a repository on this machine really holds.

    Attributes:
        commit, tree: full object names.
        modules: whether the commit has a `.gitmodules`.
        subdirectory: whether the subdirectory that was asked for is a folder of the commit.
    """

    commit: str
    tree: str
    modules: bool
    subdirectory: bool


def parse(text: str | None) -> Version:
    """Part a version into a name and the steps back from it.

    Raises:
        RequestError: it is no name that git could have.
    """
    text = "HEAD" if text is None else text
    match = _VERSION.fullmatch(text)
    wrong = match is None or text.startswith("-") or ".." in text or "@{" in text
    if match is None or wrong or not text.isprintable():
        raise RequestError(
            f"the version {text!r} is not a branch, tag, commit or expression such as `main~2`",
            hint="list what there is with: git ls-remote URL",
        )
    return Version(text, match["base"], match["steps"])


def inspect(store: Path, expression: str, subdirectory: str = "") -> Found | None:
    """What `expression` names in the repository `store`, None where it has no such commit.

    Raises:
        UnknownVersion: a short commit fits several.
        SourceDamaged: the repository can't be read.
    """
    names = [f"{expression}^{{commit}}", f"{expression}^{{tree}}", f"{expression}:.gitmodules"]
    short = re.split(r"[~^]", expression, maxsplit=1)[0]
    names += [f"{expression}:{subdirectory}", short]
    request = "\n".join(names) + "\n"
    answer = git(
        ["cat-file", "--batch-check"],
        store=store,
        standard_input=request.encode("utf-8", "surrogateescape"),
    )
    lines = [line.split() for line in answer.decode(errors="replace").splitlines()]
    kinds = [line[1] if len(line) == 3 else "" for line in lines]  # noqa: PLR2004  name, kind, size
    if kinds[:1] != ["commit"]:
        if lines and lines[-1][-1:] == ["ambiguous"]:
            raise _ambiguous(store, short)
        return None
    if kinds[1] != "tree":
        raise SourceDamaged(f"the repository {store} lacks the tree of {lines[0][0]}")
    return Found(lines[0][0], lines[1][0], kinds[2] == "blob", kinds[3] == "tree")


def _ambiguous(store: Path, short: str) -> UnknownVersion:
    try:
        listed = git(["rev-parse", f"--disambiguate={short}"], store=store).decode().split()
    except SourceError:
        listed = []
    return UnknownVersion(
        f"the short commit `{short}` fits {len(listed) or 'several'} objects",
        hint="give more of its digits",
        details=tuple(listed[:10]),
    )


def choose(version: Version, references: Mapping[str, str]) -> tuple[str, str] | None:
    """(reference, object) that the version's name means; a branch wins over a tag, as in checkout.

    `references` are a remote's, name → object, with `HEAD` and peeled tags (`…^{}`).
    """
    name = version.base
    for prefix in ("refs/heads/", "refs/tags/", "", "refs/"):
        reference = f"{prefix}{name}"
        if reference in references:
            return reference, references.get(f"{reference}^{{}}", references[reference])
    head = f"refs/heads/{name.removeprefix('origin/')}"
    return (head, references[head]) if head in references else None


def unknown(version: Version, names: Iterable[str], *, where: str) -> UnknownVersion:
    """The error for a version that is not there, with what it may have meant."""
    from runner.nearest import nearest

    short = sorted({_short(name) for name in names if name != "HEAD" and not name.endswith("^{}")})
    message = f"{where} has no branch, tag or commit `{version.base}`"
    if near := nearest(version.base, short):
        return UnknownVersion(message, hint=f"did you mean `{near}{version.steps}`?")
    return UnknownVersion(message, hint=f"it has {', '.join(short[:8])}" if short else None)


def too_far(version: Version, *, where: str) -> UnknownVersion:
    """The error for an expression that steps back further than the history goes."""
    return UnknownVersion(
        f"{where} has `{version.base}`, but no `{version.text}`: its history does not go that far",
        hint="take fewer steps back",
    )


def _short(reference: str) -> str:
    return reference.removeprefix("refs/heads/").removeprefix("refs/tags/")
