"""Whoever waits for a server notices when nothing happens any more, and only then."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from runner.conda.silence import Watch, within

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 0.3


async def _work(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "done"


async def _failing() -> str:
    raise ValueError("its own")


def test_what_it_says_is_handed_on() -> None:
    assert asyncio.run(within(_work(0), lambda: 0, SECONDS)) == "done"
    assert asyncio.run(within(_work(SECONDS / 2), lambda: 0, SECONDS)) == "done"
    with pytest.raises(ValueError, match="its own"):
        asyncio.run(within(_failing(), lambda: 0, SECONDS))


def test_silence_ends_the_work() -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    started = time.monotonic()
    with pytest.raises(TimeoutError, match=r"silence for 0\.3 seconds"):
        asyncio.run(within(work(), lambda: 0, SECONDS))
    assert SECONDS <= time.monotonic() - started < 10 * SECONDS
    assert ended == ["cancelled"]


def test_who_waits_can_be_interrupted_and_so_is_the_work() -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("cancelled")

    async def interrupted() -> None:
        async with asyncio.timeout(SECONDS / 3):
            await within(work(), lambda: 0, SECONDS)

    with pytest.raises(TimeoutError) as caught:
        asyncio.run(interrupted())
    assert "silence" not in str(caught.value)
    assert ended == ["cancelled"]


def test_whatever_happens_gives_more_time() -> None:
    signs = iter(range(1000))
    assert asyncio.run(within(_work(3 * SECONDS), lambda: next(signs), SECONDS)) == "done"


def test_what_is_written_anywhere_below_the_folder_is_a_sign(tmp_path: Path) -> None:
    watch = Watch(tmp_path / "index", 60)
    before = watch.signs()
    (tmp_path / "index" / "deep").mkdir(parents=True)
    (tmp_path / "index" / "deep" / "part").write_bytes(b"x")
    assert watch.signs() != before
    assert watch.signs() == watch.signs()


def test_computing_is_a_sign(tmp_path: Path) -> None:
    watch = Watch(tmp_path, SECONDS)
    before, until = watch.signs(), time.process_time() + SECONDS / 5
    while time.process_time() < until:
        pass
    assert watch.signs() != before
