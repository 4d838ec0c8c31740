"""Whether an engine runs as a user is told apart, for it decides whose the step's files are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.containers.users import tells_rootless

if TYPE_CHECKING:
    from tests.support.engine import Engine


@pytest.mark.parametrize(
    ("known", "rootless"),
    [
        ({"SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless"]}, True),
        # As Podman 4.3 says it, as a user and as root.
        ({"SecurityOptions": ["name=seccomp,profile=default"], "Rootless": True}, True),
        ({"SecurityOptions": ["name=seccomp,profile=default"], "Rootless": False}, False),
        ({"SecurityOptions": None}, False),
        ({}, False),
    ],
)
def test_what_an_engine_says_of_itself(known: dict[str, object], *, rootless: bool) -> None:
    assert tells_rootless(known) == rootless


def test_the_tests_engines_are_roots(any_engine: Engine) -> None:
    known = any_engine.client.info()
    assert known["SecurityOptions"]
    assert not tells_rootless(known)
