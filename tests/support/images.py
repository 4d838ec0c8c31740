"""Images made for a test, in a moment and from files alone, and removed at its end."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import tarfile
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.support.engine import Engine


class Images:
    """Makes images in one engine and remembers them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._made: list[str] = []

    def make(
        self,
        files: Mapping[str, bytes | str],
        *,
        base: str | None = None,
        links: Mapping[str, str] | None = None,
        entrypoint: Sequence[str] | None = None,
        command: Sequence[str] | None = None,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        workdir: str | None = None,
        platform: str | None = None,
        name: str | None = None,
    ) -> str:
        """Make an image; no two are one, so that tests beside each other may remove theirs.

        Args:
            files: path in the image → content; a program (`#!`, ELF) is made executable.
            base: an image to start from, pulled where it is absent; None for an empty one.
            links: path → target of symbolic links.
            platform: such as `linux/arm64`; another than this machine's only without `base`.
            name: `name:tag`; without one, a name that nobody else has.

        Returns:
            The image's id, `sha256:…`.
        """
        name = name or f"localhost/reprun-tests/{uuid.uuid4().hex[:12]}:made"
        entries = _tar(files, links or {})
        settings = {
            "Entrypoint": list(entrypoint) if entrypoint else None,
            "Cmd": list(command) if command else None,
            "Env": [f"{key}={value}" for key, value in (env or {}).items()],
            "User": user,
            "WorkingDir": workdir,
        }
        if base is None:
            self._load(name, entries, settings, platform or _platform(self._engine))
        elif platform is not None:
            raise ValueError(f"an image on {base} has its platform, and not {platform}")
        else:
            self._build(name, entries, settings, base)
        return self.keep(name)

    def keep(self, image: str) -> str:
        """Remove `image`, that a test got by other means, at its end too; its id."""
        identity: str = self._engine.client.images.get(image).id or ""
        self._made.append(identity)
        return identity

    def remove(self, image: str) -> None:
        """Take every name of `image` away, and it."""
        from docker.errors import NotFound

        with contextlib.suppress(NotFound):
            self._engine.client.images.remove(image, force=True)

    def remove_all(self) -> None:
        """Remove whatever was made, the last first."""
        while self._made:
            self.remove(self._made.pop())

    def _load(self, name: str, layer: bytes, settings: Mapping[str, object], platform: str) -> None:
        """By Docker's image archive, since 1.2: manifest.json, a configuration, a layer."""
        system, _, rest = platform.partition("/")
        architecture, _, variant = rest.partition("/")
        config: dict[str, object] = {
            "os": system,
            "architecture": architecture,
            **({"variant": variant} if variant else {}),
            "config": {**settings, "Labels": {"reprun.tests": uuid.uuid4().hex}},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{_sha256(layer)}"]},
            "history": [{"created_by": "a test"}],
        }
        text = json.dumps(config).encode()
        manifest = {"Config": f"{_sha256(text)}.json", "RepoTags": [name], "Layers": ["layer.tar"]}
        archive: dict[str, bytes | str] = {
            "manifest.json": json.dumps([manifest]),
            f"{_sha256(text)}.json": text,
            "layer.tar": layer,
        }
        self._engine.client.images.load(_tar(archive, {}))

    def _build(self, name: str, layer: bytes, settings: Mapping[str, object], base: str) -> None:
        lines = [
            f"FROM {base}",
            # First, so that no test's image hangs on a layer of another's.
            f"LABEL reprun.tests={uuid.uuid4().hex}",
            "ADD layer.tar /",
            *_instructions(settings),
        ]
        context = _tar({"Dockerfile": "\n".join(lines) + "\n", "layer.tar": layer}, {})
        self._engine.client.images.build(
            fileobj=io.BytesIO(context), custom_context=True, tag=name, rm=True, forcerm=True
        )


@contextlib.contextmanager
def making(engine: Engine) -> Iterator[Images]:
    """Images in `engine` while the body runs."""
    images = Images(engine)
    try:
        yield images
    finally:
        images.remove_all()


def _instructions(settings: Mapping[str, object]) -> Iterator[str]:
    variables = settings["Env"]
    assert isinstance(variables, list)
    for variable in variables:
        key, _, value = variable.partition("=")
        quoted = json.dumps(value).replace("$", "\\$")
        yield f"ENV {key}={quoted}"
    for instruction, key in (("WORKDIR", "WorkingDir"), ("USER", "User")):
        if settings[key]:
            yield f"{instruction} {settings[key]}"
    for instruction, key in (("ENTRYPOINT", "Entrypoint"), ("CMD", "Cmd")):
        if settings[key]:
            yield f"{instruction} {json.dumps(settings[key])}"


def _tar(files: Mapping[str, bytes | str], links: Mapping[str, str]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for path, text in files.items():
            content = text.encode() if isinstance(text, str) else text
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size = len(content)
            entry.mode = 0o755 if content.startswith((b"#!", b"\x7fELF")) else 0o644
            archive.addfile(entry, io.BytesIO(content))
        for path, target in links.items():
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
    return written.getvalue()


def _platform(engine: Engine) -> str:
    said = engine.client.version()
    return f"{said['Os']}/{said['Arch']}"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
