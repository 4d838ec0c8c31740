"""Scripts rely on codes and exit codes: each error has a code of its own, and one of two exits."""

from __future__ import annotations

import re

from runner import errors


def every(kind: type[errors.RunnerError]) -> list[type[errors.RunnerError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in every(child))]


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in every(errors.RunnerError)]
    assert sorted(codes) == sorted(set(codes))
    assert all(re.fullmatch(r"[a-z]+(\.[a-z]+(-[a-z]+)*)?", code) for code in codes)
    assert len(codes) > 25


def test_every_error_says_whether_the_request_is_wrong_or_the_step_not_started() -> None:
    exits = {kind.exit_code for kind in every(errors.RunnerError)}
    assert exits == {errors.WRONG_REQUEST, errors.NOT_STARTED} == {2, 125}
