"""What `runs show` says of a run's image and container."""

from __future__ import annotations

import click

from runner.cli.shown_container import image_lines
from runner.store.records import RecordedImage


def _lines(image: RecordedImage | None) -> list[str]:
    return [click.unstyle(line) for line in image_lines(image, None)]


def test_an_image_is_named_with_its_digest_in_the_registry() -> None:
    image = RecordedImage(
        id="sha256:" + "a" * 64,
        reference="docker.io/library/python@sha256:" + "b" * 64,
        platform="linux/amd64",
        name="python:3.11-slim",
    )
    pin = "docker.io/library/python@sha256:" + "b" * 64
    assert _lines(image) == [f"image       python:3.11-slim, {pin}, linux/amd64"]


def test_that_a_pin_holds_on_one_machine_only_is_said() -> None:
    image = RecordedImage(
        id="sha256:" + "a" * 64,
        reference=None,
        platform="linux/arm64",
        name="mine",
        only_here=True,
    )
    assert _lines(image) == [
        "image       mine, sha256:aaaaaaaaaaaa, linux/arm64, on this machine only"
    ]


def test_a_run_on_the_machine_itself_has_none() -> None:
    assert _lines(None) == []
