"""Public conda files: read as conda-lock reads them, or refused at a place in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from runner.conda import specification
from runner.environments import conda
from runner.environments.requirements import name_of, normalised
from runner.errors import EnvironmentFailure
from runner.manifest.model import EnvironmentReference
from tests.support.corpus import CORPUS, needs_corpus
from tests.support.folder import FolderFiles

if TYPE_CHECKING:
    from pathlib import Path

    from runner.environments.base import Spec

pytestmark = needs_corpus
FILES = sorted(
    path
    for pattern in ("*/**/*conda*.y*ml", "*/**/environment*.y*ml")
    for path in CORPUS.glob(pattern)
)


def test_there_are_some() -> None:
    assert len(FILES) >= 29


def read(path: Path) -> Spec:
    reference = EnvironmentReference(kind="conda_env", path=path.name)
    return conda.read(reference, FolderFiles(path.parent, root=path.parent.parent), as_of=None)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CORPUS)))
def test_a_public_conda_file(path: Path, tmp_path: Path) -> None:
    from conda_lock.src_parser.environment_yaml import parse_environment_file

    # conda-lock asks a server for pip's names of conda's packages, which nothing here needs.
    (tmp_path / "names.yaml").write_text("{}\n")
    names = (tmp_path / "names.yaml").as_uri()
    try:
        ours = read(path)
    except EnvironmentFailure as error:
        # The corpus has the manifests only, not what they include.
        place = rf"{path.name}:\d+:\d+: the file `.*requirements.txt` isn't in the project"
        assert re.fullmatch(place, error.message)  # noqa: PT017
        with pytest.raises(Exception, match=r"-r .*requirements\.txt"):
            parse_environment_file(path, ["linux-64"], mapping_url=names)
        return
    theirs = parse_environment_file(path, ["linux-64"], mapping_url=names)
    asked = theirs.dependencies["linux-64"]
    found = specification.read(ours.conda, ours.origins)
    assert {as_text(one) for one in found if one.name != "pip"} == {
        as_text(one) for one in asked if one.manager == "conda" and one.name != "pip"
    }
    # conda-lock adds a second `pip` wherever there is a section of it.
    assert any(one.name == "pip" for one in found) == any(one.name == "pip" for one in asked)
    by_pip = [normalised(one.name) for one in asked if one.manager == "pip"]
    # An address alone has no name; conda-lock guesses one.
    assert [
        normalised(name_of(line) or guessed)
        for line, guessed in zip(ours.requirements, by_pip, strict=True)
    ] == by_pip
    named = [channel.name for channel in ours.channels]
    assert named[: len(theirs.channels)] == [channel.url for channel in theirs.channels]


def as_text(one: object) -> tuple[str, ...]:
    return tuple(str(getattr(one, key)) for key in ("name", "version", "build", "conda_channel"))
