"""A person in front of a project, about to run a step that reads something."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from runner import inputs
from runner.manifest.model import BoundParameter, EntryPoint, Input, Step
from runner.progress import Silent
from runner.request import Request
from runner.store import layout
from tests.support.projects import LocalProject

if TYPE_CHECKING:
    from pathlib import Path

    from runner.inputs import Prepared
    from runner.settings import Settings
    from runner.source.model import Source
    from runner.store.records import RecordedFile


class Scene:
    """A person in front of a project, about to run a step."""

    def __init__(self, tmp_path: Path, settings: Settings, subdirectory: str = "") -> None:
        self.settings = settings
        self.caller = tmp_path / "caller"
        self.caller.mkdir()
        self.top = tmp_path / "project"
        self.local = LocalProject(self.top, subdirectory=subdirectory, ignore="data/\n*.secret\n")
        self.local.write("code.py", "print()")
        self.at = tmp_path / "checkout"
        self.run_directory = settings.runs / "run"
        self.source: Source = self.local.source()
        layout.prepare(settings)

    def prepare(
        self,
        *parameters: BoundParameter,
        declared: tuple[Input, ...] = (),
        fetch: bool = True,
        version: str | None = None,
        in_place: bool = False,
        storage_dir: Path | None = None,
        caller: Path | None = None,
        with_runs: tuple[str, ...] = (),
    ) -> Prepared:
        """Resolve the inputs of a step."""
        return inputs.resolve(
            Step(EntryPoint("train", "true", inputs=declared), parameters),
            request=Request(
                uri=str(self.top),
                caller=caller or self.caller,
                version=version,
                in_place=in_place,
                storage_dir=storage_dir,
                with_runs=with_runs,
            ),
            source=self.source,
            files=self.local,
            run_directory=self.run_directory,
            settings=self.settings,
            progress=Silent(),
            fetch=fetch,
        )

    def lay(self, prepared: Prepared) -> dict[str, RecordedFile]:
        """Lay them into a checkout."""
        self.checkout = self.local.check_out(self.at)
        return {file.path: file for file in inputs.lay(prepared, self.checkout)}


def path(text: str, *, default: bool = False, secret: bool = False) -> BoundParameter:
    origin = "default" if default else "given"
    return BoundParameter("data", text, text, "path", text, origin, secret=secret)  # type: ignore[arg-type]


def uri(text: str, *, default: bool = False) -> BoundParameter:
    return BoundParameter("data", text, text, "uri", text, "default" if default else "given")


def argument(prepared: Prepared) -> str:
    return prepared.step.parameters[0].argument


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def objects_of(settings: Settings) -> list[str]:
    return [file.name for file in settings.objects.iterdir()]
