"""Takes in and hands out artifacts: streamed, whole or not at all, never outside of their run."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
from typing import TYPE_CHECKING, Any, BinaryIO

from runner import files
from runner.store import layout
from runner.tracking.call import Call, Routes, Sent, number, objects, texts
from runner.tracking.refusal import Refusal, missing, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.tracking.session import Session

routes = Routes()
_PLACE = "/mlflow-artifacts/artifacts"
_PARTS = f"{layout.UPLOADING}parts-"
_MOST_PARTS = 10_000
_UNSAFE = re.compile(r'[^ -~]|["\\]')


def _place(session: Session, path: str, *, writing: bool) -> tuple[Path, str]:
    """The folder of a run's artifacts, and the path in it that an address means.

    Args:
        path: `EXPERIMENT/RUN/artifacts/…`, or `EXPERIMENT/RUN/models/MODEL/…`.

    Raises:
        Refusal: there is no such run or model.
    """
    _, run_id, word, inside = ([*path.strip("/").split("/", 3), "", "", ""])[:4]
    if word not in {"artifacts", "models"}:
        raise missing(f"no artifacts are kept at {path!r}")
    run = session.live(run_id).run if writing else session.run(run_id)
    assert run.directory is not None
    if word == "models":
        model_id, _, below = inside.partition("/")
        model = session.state(run).models.get(model_id)
        if model is None:
            raise missing(f"Logged model with ID '{model_id}' not found.")
        inside = f"{model['folder']}/{below}"
    # The names of files are kept in the record, too.
    return run.directory / layout.LOGGED, session.hidden(inside.rstrip("/"))


def _hidden(session: Session, call: Call, path: str) -> frozenset[str]:
    """The folders of models, which a client of MLflow 3 lists by themselves."""
    _, run_id, word = ([*path.strip("/").split("/", 3), "", "", ""])[:3]
    if word != "artifacts" or not call.has_models:
        return frozenset()
    models = session.state(session.run(run_id)).models.values()
    return frozenset(str(model.get("folder")) for model in models)


def confined(top: Path, inside: str) -> Path:
    """`top / inside`.

    Raises:
        Refusal: it isn't below `top`, by its text or through a link.
    """
    if not layout.clean_path(inside):
        raise wrong(f"Invalid path: {inside!r}")
    place = top / inside
    folder = place.parent
    while not folder.exists() and folder != top:
        folder = folder.parent
    # A step can plant a link anywhere, in the place of the whole folder, too.
    real = top.parent.resolve() / top.name
    if top.is_symlink() or (folder.exists() and not folder.resolve().is_relative_to(real)):
        raise wrong(f"Invalid path: {inside!r} leads out of the run")
    return place


@contextlib.contextmanager
def _new_file(top: Path, place: Path) -> Iterator[BinaryIO]:
    """A file that gets the name `place` once it is whole.

    Raises:
        Refusal: there is no room, or a folder is in its place.
    """
    new = top.parent / f"{layout.UPLOADING}{os.urandom(8).hex()}"
    try:
        # Where it stands, the run's end looks for what was never sent whole.
        top.mkdir(exist_ok=True)
        with new.open("xb") as file:
            yield file
        place.parent.mkdir(parents=True, exist_ok=True)
        new.replace(place)
    except OSError as error:
        raise _no_room(error) from error
    finally:
        new.unlink(missing_ok=True)


def _no_room(error: OSError) -> Refusal:
    reason = (error.strerror or str(error)).lower()
    return Refusal("RESOURCE_EXHAUSTED", f"the artifact can't be kept: {reason}")


@routes.on("PUT", f"{_PLACE}/{{*}}")
def upload(session: Session, call: Call) -> dict[str, Any]:
    """Keep an artifact; one of that name is replaced."""
    top, inside = _place(session, call.parts[0], writing=True)
    place = confined(top, inside)
    with _new_file(top, place) as file:
        call.body.copy_to(file)
    return {}


@routes.on("GET", f"{_PLACE}/{{*}}")
def download(session: Session, call: Call) -> Sent:
    """Send an artifact."""
    top, inside = _place(session, call.parts[0], writing=False)
    place = confined(top, inside)
    try:
        handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        raise missing(f"No such artifact: '{inside}'") from None
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        os.close(handle)
        raise missing(f"No such artifact: '{inside}'")
    name = _UNSAFE.sub("_", place.name)
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
    }
    return Sent(handle, status.st_size, "application/octet-stream", headers)


@routes.on("DELETE", f"{_PLACE}/{{*}}")
def delete(session: Session, call: Call) -> dict[str, Any]:
    """Take an artifact, or a folder of them, away."""
    top, inside = _place(session, call.parts[0], writing=True)
    place = top if not inside else confined(top, inside)
    if not os.path.lexists(place):
        raise missing(f"No such artifact: '{inside}'")
    if place.is_dir() and not place.is_symlink():
        files.remove_tree(place)
    else:
        place.unlink()
    return {}


@routes.on("GET", _PLACE)
def list_below(session: Session, call: Call) -> dict[str, Any]:
    """What lies in a folder, by names relative to it."""
    path = str(call.fields().get("path", ""))
    top, inside = _place(session, path, writing=False)
    hidden = _hidden(session, call, path)
    if hidden and any(f"{inside}/".startswith(f"{folder}/") for folder in hidden):
        return {"files": []}
    found = listed(top, inside, whole=False)
    below = f"{inside}/" if inside else ""
    return {"files": [one for one in found if f"{below}{one['path']}" not in hidden]}


@routes.on("GET", "/mlflow/artifacts/list")
def list_artifacts(session: Session, call: Call) -> dict[str, Any]:
    """What lies in a folder of a run's artifacts, by names relative to all of them."""
    said = call.fields()
    run = session.run(texts(said, "run_id", "run_uuid"))
    assert run.directory is not None
    found = listed(run.directory / layout.LOGGED, str(said.get("path", "")), whole=True)
    root = f"mlflow-artifacts:/{session.experiment.id}/{run.id}/artifacts"
    return {"root_uri": root, "files": found}


def listed(top: Path, inside: str, *, whole: bool) -> list[dict[str, Any]]:
    """The entries of a folder of artifacts, none of a file; `whole`: by paths below `top`.

    Raises:
        Refusal: the path leaves `top`.
    """
    place = confined(top, inside) if inside else top
    if place.is_symlink() or not place.is_dir():
        return []
    prefix = f"{inside}/" if inside and whole else ""
    found = []
    with os.scandir(place) as entries:
        for item in sorted(entries, key=lambda entry: entry.name):
            name = os.fsencode(item.name).decode("utf-8", "replace")
            one: dict[str, Any] = {"path": f"{prefix}{name}", "is_dir": _is_folder(item)}
            if not one["is_dir"]:
                with contextlib.suppress(FileNotFoundError):
                    one["file_size"] = item.stat(follow_symlinks=False).st_size
            found.append(one)
    return found


def _is_folder(item: os.DirEntry[str]) -> bool:
    return item.is_dir(follow_symlinks=False)


@routes.on("POST", "/mlflow-artifacts/mpu/create/{*}")
def create_upload(session: Session, call: Call) -> dict[str, Any]:
    """Say where the parts of a large artifact go."""
    said = call.fields()
    top, _ = _whole(session, call.parts[0], said)
    count = number(said, "num_parts", 1, most=_MOST_PARTS)
    upload_id = os.urandom(16).hex()
    try:
        top.mkdir(exist_ok=True)
        (top.parent / f"{_PARTS}{upload_id}").mkdir(mode=0o700)
    except OSError as error:
        raise _no_room(error) from error
    below = f"{session.address}/api/2.0/mlflow-artifacts/mpu/part/{top.parent.name}/{upload_id}"
    return {
        "upload_id": upload_id,
        "credentials": [
            {"url": f"{below}/{part}", "part_number": part, "headers": {}}
            for part in range(1, count + 1)
        ],
    }


@routes.on("PUT", "/mlflow-artifacts/mpu/part/{}/{}/{}")
def upload_part(session: Session, call: Call) -> dict[str, Any]:
    """Keep one part."""
    run_id, upload_id, part = call.parts
    directory = session.live(run_id).run.directory
    assert directory is not None
    folder = _parts(directory, upload_id)
    if not (index := number({"part": part}, "part", 0, most=_MOST_PARTS)):
        raise wrong(f"parts are counted from 1, not from {part}")
    place = folder / str(index)
    with _new_file(directory / layout.LOGGED, place) as file:
        call.body.copy_to(file)
    return {"etag": place.name}


@routes.on("POST", "/mlflow-artifacts/mpu/complete/{*}")
def complete_upload(session: Session, call: Call) -> dict[str, Any]:
    """Make the artifact of its parts."""
    said = call.fields()
    top, place = _whole(session, call.parts[0], said)
    folder = _parts(top.parent, texts(said, "upload_id"))
    named = {number(part, "part_number", 0) for part in objects(said, "parts")}
    if not named or any(not (folder / str(part)).is_file() for part in named):
        raise wrong(f"parts are missing: {sorted(named)} are named, not all of them were sent")
    with _new_file(top, place) as file:
        for part in sorted(named):
            with (folder / str(part)).open("rb") as content:
                shutil.copyfileobj(content, file, 1 << 20)
    files.remove_tree(folder)
    return {}


@routes.on("POST", "/mlflow-artifacts/mpu/abort/{*}")
def abort_upload(session: Session, call: Call) -> dict[str, Any]:
    """Forget the parts."""
    said = call.fields()
    top, _ = _whole(session, call.parts[0], said)
    files.remove_tree(_parts(top.parent, texts(said, "upload_id")))
    return {}


def _whole(session: Session, path: str, said: dict[str, Any]) -> tuple[Path, Path]:
    """The artifact that an upload in parts is of: the folder of all, and its own place."""
    top, inside = _place(session, path, writing=True)
    name = texts(said, "path").replace("\\", "/").rpartition("/")[2]
    return top, confined(top, session.hidden(f"{inside}/{name}" if inside else name))


def _parts(directory: Path, upload_id: str) -> Path:
    folder = directory / f"{_PARTS}{upload_id}"
    if not upload_id.isalnum() or folder.is_symlink() or not folder.is_dir():
        raise missing(f"no upload `{upload_id}` is under way")
    return folder
