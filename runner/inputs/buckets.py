"""Fetches from object stores, with their own libraries where a person has installed them."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from runner.errors import InputError
from runner.inputs import addresses, download
from runner.store import objects

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.progress import Progress
    from runner.settings import Settings

LIBRARIES = {"s3": ("boto3", "boto3"), "gs": ("google.cloud.storage", "google-cloud-storage")}


def check(url: str) -> None:
    """See that the library for this address can be imported.

    Raises:
        InputError: it can't, and which it is.
    """
    _library(url)


def fetch(url: str, shown: str, *, settings: Settings, progress: Progress) -> tuple[Path, str]:
    """The object with the content of `url`, and its digest.

    Raises:
        InputError: it can't be had, or the library isn't there.
        StoreError: there is no space to keep it.
    """
    library = _library(url)
    scheme = addresses.scheme_of(url)
    bucket, _, key = url.partition("://")[2].partition("/")
    if not bucket or not key:
        raise InputError(f"{shown} must name a bucket and an object in it")
    progress.update(f"fetching {shown}")
    with objects.writing(settings) as (_, name):
        try:
            if scheme == "s3":
                library.client("s3").download_file(bucket, key, os.fspath(name))
            else:
                library.Client().bucket(bucket).blob(key).download_to_filename(os.fspath(name))
        except Exception as error:
            # These libraries raise what they like; their own words say best what it was.
            raise InputError(f"{shown} can't be fetched: {error}") from error
        return download.receive(
            _content(name), None, shown, sha256=None, settings=settings, progress=progress
        )


def _content(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        while block := file.read(objects.BLOCK):
            yield block


def _library(url: str) -> Any:  # noqa: ANN401  libraries that may not be there
    scheme = addresses.scheme_of(url) or ""
    module, distribution = LIBRARIES[scheme]
    try:
        return importlib.import_module(module)
    except ImportError:
        raise InputError(
            f"`{addresses.public(url)}` needs the library {distribution}, which isn't installed",
            f"install it beside reprun: pip install {distribution}",
        ) from None
