"""Held against a real engine: step numbers, pins, what a build sees, and its cache."""

from __future__ import annotations

import contextlib
import io
import re
import tarfile
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from runner.containers.building.context import DOCKERFILE, archive
from runner.containers.building.dockerfile import parse, pinned
from tests.support.folder import FolderFiles

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docker import DockerClient

    from tests.support.engine import Engine

STAGES = b"""\
# a comment
ARG NAME=x
ARG BASE=%s
FROM ${BASE} AS One
ENV A=1 \\
    # inside
    B=2

COPY a /a
FROM ${BASE}
COPY --from=one /a /b
COPY --from=0 /a /c
COPY --from=%s /here /d
FROM one AS last
LABEL of=${NAME}
"""


class Bench:
    """An engine with a base image of the test's own, and what was built on it."""

    def __init__(self, client: DockerClient) -> None:
        self.client = client
        self.name = f"reprun-test-{uuid.uuid4().hex[:12]}"
        with io.BytesIO() as file:
            with tarfile.open(fileobj=file, mode="w") as tar:
                # Its own content: what is built on it is known by its first layer.
                info = tarfile.TarInfo("here")
                info.size = len(self.name)
                tar.addfile(info, io.BytesIO(self.name.encode()))
            client.api.import_image_from_data(file.getvalue(), repository=self.name, tag="1")
        self.base = str(client.images.get(f"{self.name}:1").id)

    def build(
        self, text: bytes, folder: Path, target: str | None = None, context: str = "."
    ) -> tuple[str, list[str]]:
        """The image's id, and what the engine said."""
        found = parse(text, path="Dockerfile", args={}, target=target)
        pins = {f"{self.name}:1": self.base}
        done = pinned(text, pins, path="Dockerfile", args={}, target=target)
        said: list[str] = []
        files = FolderFiles(folder)
        with archive(done, found, files, context=context) as file:
            lines: Iterator[dict[str, Any]] = self.client.api.build(
                fileobj=file,
                custom_context=True,
                dockerfile=DOCKERFILE,
                target=target or "",
                decode=True,
                rm=True,
            )
            said += [str(line.get("stream") or line.get("error") or "") for line in lines]
        built = re.search(r"Successfully built (\w+)", "".join(said))
        assert built, said
        return built[1], said

    def content(self, image: str) -> dict[str, tarfile.TarInfo]:
        """What is in an image, below its `seen`."""
        container = self.client.containers.create(image, "nothing")
        try:
            pieces, _ = container.get_archive("/seen")
            with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as tar:
                return {info.name.removeprefix("seen/"): info for info in tar}
        finally:
            container.remove(force=True)

    def close(self) -> None:
        """Remove the base and all that stands on it, the stages that nothing names as well."""
        from docker.errors import APIError

        api, found = self.client.api, []
        layer = self._layers(self.base)[0]
        for image in api.images(all=True, quiet=True):
            with contextlib.suppress(APIError):
                layers = self._layers(image)
                found += [(len(layers), image)] if layers[:1] == [layer] else []
        for _ in range(len(found)):  # a parent goes after its children
            for _, image in sorted(found, reverse=True):
                with contextlib.suppress(APIError):
                    api.remove_image(image, force=True)

    def _layers(self, image: str) -> list[str]:
        return self.client.images.get(image).attrs["RootFS"]["Layers"] or []


@pytest.fixture
def bench(engine: Engine) -> Iterator[Bench]:
    with contextlib.closing(Bench(engine.client)) as made:
        yield made


@pytest.mark.parametrize("target", [None, "ONE", "last"])
def test_steps_are_numbered_as_the_engine_numbers_them(
    target: str | None, bench: Bench, tmp_path: Path
) -> None:
    (tmp_path / "a").write_text("a")
    name = f"{bench.name}:1".encode()
    text = STAGES % (name, name)
    _, said = bench.build(text, tmp_path, target)
    steps = re.findall(r"Step (\d+)/(\d+) : (\S+) (\S+)", "".join(said))
    found = parse(text, path="Dockerfile", args={}, target=target)
    assert len(steps) == len(found.steps) > 4
    for number, (at, of, instruction, word) in enumerate(steps, 1):
        assert (int(at), int(of)) == (number, len(found.steps))
        line = text.decode().splitlines()[found.steps[number - 1].line - 1]
        assert line.split()[0] == instruction
        assert line.split()[1] == word or instruction == "FROM" or word.startswith("--from=sha256")


def test_a_build_sees_what_the_project_has_and_nothing_of_ours(
    bench: Bench, tmp_path: Path
) -> None:
    (tmp_path / "run").write_text("run")
    (tmp_path / "run").chmod(0o755)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link").symlink_to("../run")
    (tmp_path / "Dockerfile").write_text("as it is")
    image, _ = bench.build(f"FROM {bench.name}:1\nCOPY . /seen/\n".encode(), tmp_path)
    found = bench.content(image)
    assert found.keys() == {"seen", "run", "folder", "folder/link", "Dockerfile"}
    assert found["run"].mode & 0o777 == 0o755
    assert found["Dockerfile"].mode & 0o777 == 0o644
    assert found["folder/link"].linkname == "../run"


def test_the_cache_holds_from_one_checkout_to_another(bench: Bench, tmp_path: Path) -> None:
    text = f"FROM {bench.name}:1\nCOPY a s* /seen/\n".encode()
    built = []
    for name in ("one", "two", "three"):
        folder = tmp_path / name
        (folder / "src").mkdir(parents=True)
        (folder / "a").write_text("a")
        (folder / "src" / "b").write_text("changed" if name == "three" else "b")
        (folder / "of no interest").write_text(name)
        built.append(bench.build(text, folder)[0])
    assert built[0] == built[1] != built[2]
    assert bench.content(built[0]).keys() == {"seen", "a", "b"}


@pytest.mark.parametrize(
    "line",
    ["RUN --mount=type=cache,target=/x y", "COPY --link a /b", "COPY --chmod=755 a /b"],
)
def test_the_classic_builder_refuses_what_needs_another(
    line: str, bench: Bench, tmp_path: Path
) -> None:
    from docker.errors import APIError

    (tmp_path / "a").write_text("a")
    text = f"FROM {bench.name}:1\n{line}\n".encode()
    assert parse(text, path="Dockerfile", args={}).needs_buildkit is not None
    with pytest.raises((APIError, AssertionError), match=r"Unknown flag|requires BuildKit"):
        bench.build(text, tmp_path)
