"""Every conda file of the corpus of public projects is read, or refused at a place in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from runner.environments import venv
from runner.environments.requirements import name_of
from runner.errors import RunnerError, UnmappedPackages
from runner.manifest.model import EnvironmentReference
from tests.support.corpus import CORPUS, needs_corpus
from tests.support.folder import FolderFiles

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_corpus
FILES = sorted(
    path
    for pattern in ("*/**/*conda*.y*ml", "*/**/environment*.y*ml")
    for path in CORPUS.glob(pattern)
)
# What they ask for that no venv can give.
CONDA_ONLY = {"m055": ["openjdk"], "m098": ["cudatoolkit", "cudf", "cuml"], "m106": ["gdal"]}


def test_there_are_some() -> None:
    assert len(FILES) >= 29


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CORPUS)))
def test_a_public_conda_file(path: Path) -> None:
    case = path.relative_to(CORPUS).parts[0]
    files = FolderFiles(path.parent, root=path.parent.parent)
    reference = EnvironmentReference(kind="conda_env", path=path.name)
    if case in CONDA_ONLY:
        with pytest.raises(UnmappedPackages) as refused:
            venv.read(reference, files, as_of=None)
        said = "\n".join((refused.value.message, *refused.value.details))
        assert all(f"`{name}" in said for name in CONDA_ONLY[case])
    try:
        spec = venv.read(reference, files, as_of=None, skip_unmapped=True)
    except RunnerError as error:
        # The corpus has the manifests only, not what they include.
        assert re.match(rf"{path.name}:\d+:\d+: the file `.*requirements.txt`", error.message)  # noqa: PT017
        return
    assert spec.requirements
    assert len({*map(name_of, spec.requirements)}) == len(spec.requirements)
    assert all(re.match(r"[\w.-]+(\[[^\]]*\])?([<>=!~;]|$)", one) or "://" in one
               for one in spec.requirements)  # fmt: skip
