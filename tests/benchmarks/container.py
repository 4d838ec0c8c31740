"""A warm run in a container, its image there, beside `docker run --rm` of the same command."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from runner.containers.model import CODE
from tests.benchmarks.figure import Figure, Over
from tests.benchmarks.measure import race
from tests.support.repositories import commit_files, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.place import Place

IMAGE = "python:3.11-slim"
MANIFEST = f"""\
name: contained
docker_env: {{image: "{IMAGE}"}}
entry_points:
  main:
    parameters:
      name: {{type: string, default: world}}
    command: "python main.py {{name}}"
"""
PROGRAM = b"import sys\n\nprint('hello', sys.argv[1])\n"
RAW = (
    "docker run --rm --init --user {user} --volume {project}:{code} --workdir {code} {image} "
    "bash -c 'python main.py reader'"
)


def figures(place: Place) -> Iterator[Figure]:
    """Ours from a mirrored repository and from a directory, and the raw command."""
    files = {"MLproject": MANIFEST.encode(), "main.py": PROGRAM}
    repository = commit_files(place.folder("served/contained"), files)
    user = f"{os.getuid()}:{os.getgid()}"
    raw = RAW.format(user=user, project=repository.path, code=CODE, image=IMAGE)
    with serve(place.root / "served") as daemon:
        mirrored = (f"{daemon.url}/contained", "-v", repository.head, "-P", "name=reader")
        contenders = (
            place.shell("docker run --rm", raw),
            place.ours("reprun, mirrored", "run", *mirrored),
            place.ours("reprun, directory", "run", str(repository.path), "-P", "name=reader"),
            place.ours("reprun, no tracking", "run", *mirrored, "--no-tracking"),
        )
        measured = race(contenders, rounds=place.rounds)
    goals = tuple(
        Over(name, "docker run --rm", 0.25) for name in ("reprun, mirrored", "reprun, directory")
    )
    yield Figure("warm run in a container, image present", measured, "docker run --rm", goals)
