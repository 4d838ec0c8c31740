"""Which of several channels a package comes from, and what is said where none has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from runner.conda import solving, specification
from runner.conda.access import Access
from runner.conda.configuration import Configuration
from runner.conda.model import Channel
from runner.errors import DependencyConflict, IndexUnreachable, NoSuchChannel, NoSuchPackage
from tests.support import conda_channel
from tests.support.conda_channel import module
from tests.support.listening import Listener

if TYPE_CHECKING:
    from pathlib import Path

    from runner.errors import EnvironmentFailure
    from runner.settings import Settings

LATER = 1_640_000_000


def plain(
    name: str, version: str, *depends: str, timestamp: int = 1_600_000_000
) -> conda_channel.Package:
    return module(name, version, depends=depends, timestamp=timestamp)


@pytest.fixture(scope="session")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The channels `better`, whose `alpha` is old, and `main`."""
    base = tmp_path_factory.mktemp("ranks")
    packages = {
        "better": [plain("alpha", "0.9"), plain("only-better", "1")],
        "main": [
            *(plain("alpha", version) for version in ("1.0", "1.1", "1.2", "1.3", "1.4", "1.5")),
            plain("alpha", "2.0", timestamp=LATER),
            plain("beta", "1", "alpha >=1"),
            plain("old", "1", "alpha <2"),
            plain("new", "1", "alpha >=2"),
            plain("lost", "1", "nowhere"),
            plain("cuda", "1", "__cuda >=12"),
            plain("glibc", "1", "__glibc >=99"),
            plain("odd", "1", "__odd >=1"),
        ],
    }
    for name, ones in packages.items():
        for one in ones:
            conda_channel.pack(base / name, one)
        conda_channel.index(base / name)
    return base


@dataclass(slots=True)
class Solver:
    """Solves with the channels of a folder."""

    folder: Path
    settings: Settings
    heard: Listener

    def channel(self, name: str) -> Channel:
        """One of the folder, or one called `both` of two."""
        names = ("better", "main") if name == "both" else (name,)
        return Channel(name, tuple((self.folder / one).as_uri() for one in names))

    def __call__(
        self,
        *texts: str,
        channels: tuple[str, ...] = ("better", "main"),
        priority: str = "flexible",
        as_of: str | None = None,
    ) -> dict[str, str]:
        """Name → version and the name of the channel."""
        person = Configuration(home="/")
        origins = {
            specification.name_of(text): f"conda.yaml:{line}:5: the conda package `{text}`"
            for line, text in enumerate(texts, 3)
        }
        known = [self.channel(one) for one in channels]
        specs = specification.match_specs(texts, origins, channels=known, configuration=person)
        question = solving.Question(texts, specs, known, priority, "linux-64", as_of, origins)
        reach = Access(person, ())
        found = solving.solve(
            question,
            reach.gateway(self.settings),
            watch=reach.watch(self.settings),
            progress=self.heard,
        )
        assert [one.name.normalized for one in found] == sorted(
            one.name.normalized for one in found
        )
        return {
            one.name.normalized: f"{one.version} of {str(one.channel).strip('/').split('/')[-1]}"
            for one in found
        }

    def fails(self, *texts: str, **more: object) -> EnvironmentFailure:
        """What is raised instead of an answer."""
        with pytest.raises((DependencyConflict, NoSuchPackage, IndexUnreachable)) as caught:
            self(*texts, **more)  # type: ignore[arg-type]
        return caught.value


@pytest.fixture
def solve(ranks: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Solver:
    """Solves with `better` and `main` for a machine without CUDA."""
    monkeypatch.setenv("CONDA_OVERRIDE_CUDA", "")
    return Solver(ranks, settings, Listener())


def test_the_first_channel_that_has_a_package_counts(solve: Solver) -> None:
    assert solve("alpha") == {"alpha": "0.9 of better"}
    assert solve("alpha", priority="strict") == {"alpha": "0.9 of better"}
    assert solve("alpha", channels=("main", "better")) == {"alpha": "2.0 of main"}
    assert solve.heard.updates[0] == "solving with the channels `better`, `main`"
    assert solve.heard.lines == []


def test_without_priority_the_newest_counts(solve: Solver) -> None:
    assert solve("alpha", priority="disabled") == {"alpha": "2.0 of main"}


def test_flexible_asks_the_next_where_the_first_has_no_answer(solve: Solver) -> None:
    assert solve("beta") == {"alpha": "2.0 of main", "beta": "1 of main"}
    assert solve.heard.lines == ["no answer with strict channel priority: solved without"]
    error = solve.fails("beta", priority="strict")
    assert isinstance(error, DependencyConflict)
    assert any("strict channel priority" in line for line in error.details)


def test_a_channel_of_channels_has_one_rank(solve: Solver) -> None:
    assert solve("alpha", channels=("both",)) == {"alpha": "2.0 of main"}
    assert solve("beta", channels=("both",), priority="strict")["alpha"] == "2.0 of main"
    assert solve("both::alpha", channels=("both",)) == {"alpha": "2.0 of main"}


def test_a_package_of_a_channel_that_is_named_comes_from_there(solve: Solver) -> None:
    assert solve("main::alpha") == {"alpha": "2.0 of main"}
    assert solve("better::alpha", priority="disabled") == {"alpha": "0.9 of better"}
    error = solve.fails("better::alpha=2")
    assert isinstance(error, DependencyConflict)
    assert error.hint == "change conda.yaml:3:5: `better::alpha=2`"
    assert any("not in requested channel" in line for line in error.details)


def test_what_was_built_later_is_not_there_yet(solve: Solver) -> None:
    day = "2021-01-01T00:00:00+05:00"
    assert solve("alpha", channels=("main",), as_of=day) == {"alpha": "1.5 of main"}
    late = "2022-01-01T00:00:00Z"
    assert solve("alpha", channels=("main",), as_of=late) == {"alpha": "2.0 of main"}
    error = solve.fails("nowhere", as_of=day)
    assert f"in `better`, `main` up to {day}, for linux-64" in error.message
    # To the second: the package's own is not later than itself.
    assert solve("new", channels=("main",), as_of="2021-12-20T11:33:21Z")["alpha"] == "2.0 of main"
    early = solve.fails("new", channels=("main",), as_of="2021-12-20T11:33:19Z")
    assert isinstance(early, DependencyConflict)
    assert early.hint == "name a later day with `--as-of`, or loosen what is asked for"


def test_what_the_machine_has_is_asked_for(solve: Solver, monkeypatch: pytest.MonkeyPatch) -> None:
    error = solve.fails("cuda")
    assert error.hint == (
        "this machine lacks an NVIDIA driver (`__cuda >=12`): run it where there is one, "
        "or say so with `CONDA_OVERRIDE_CUDA=12.4`"
    )
    monkeypatch.setenv("CONDA_OVERRIDE_CUDA", "12.4")
    assert solve("cuda") == {"cuda": "1 of main"}
    monkeypatch.setenv("CONDA_OVERRIDE_CUDA", "11.8")
    assert solve.fails("cuda").hint is not None
    assert "a newer C library (`__glibc >=99`)" in (solve.fails("glibc").hint or "")
    assert solve.fails("odd").hint == "this machine has no `__odd >=1`"


def test_a_conflict_names_the_lines_that_it_is_about(solve: Solver) -> None:
    error = solve.fails("only-better", "old", "new")
    assert error.message == "conda.yaml: no set of packages satisfies all of it"
    assert error.hint == "loosen one of them"
    assert error.details[-2:] == ("conda.yaml:4:5: `old`", "conda.yaml:5:5: `new`")
    assert not error.details[0].startswith("Cannot solve")


def test_a_package_that_stands_there_twice_is_named_once(solve: Solver) -> None:
    error = solve.fails("alpha=1", "alpha=2", channels=("main",))
    assert sum(line.startswith("conda.yaml:") for line in error.details) == 1


def test_a_package_that_needs_what_no_channel_has(solve: Solver) -> None:
    error = solve.fails("lost")
    assert isinstance(error, DependencyConflict)
    assert error.hint == "change conda.yaml:3:5: `lost`"
    assert any("nowhere" in line for line in error.details)


def test_a_name_or_a_version_that_no_channel_has(solve: Solver) -> None:
    error = solve.fails("old", "alhpa")
    assert isinstance(error, NoSuchPackage)
    assert error.message == (
        "conda.yaml:4:5: the conda package `alhpa`: no package of that name in `better`, `main`, "
        "for linux-64"
    )
    assert error.hint == "did you mean `alpha`?"
    assert "below `pip:`" in (solve.fails("quite-different").hint or "")
    error = solve.fails("alpha=7")
    assert "no such version in `better`, `main`, for linux-64" in error.message
    assert error.hint == "there are 2.0, 1.5, 1.4, 1.3, 1.2, 1.1, … (8 in all)"
    assert solve.fails("only-better=7").hint == "there are 1"
    # Its dot does not belong to the name.
    assert "`a.b`: no package of that name" in solve.fails("a.b").message


def test_a_channel_that_is_not_there(solve: Solver) -> None:
    with pytest.raises((NoSuchChannel, IndexUnreachable), match="`nowhere`"):
        solve("alpha", channels=("nowhere",))
