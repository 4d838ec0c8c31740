"""Tests of what `resources:` of an entry point asks of the container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from runner.containers.options.arguments import read
from runner.containers.options.resources import limits, overridden
from runner.errors import ManifestError
from runner.manifest.load import load
from runner.manifest.model import EntryPoint
from runner.manifest.parameters import choose
from tests.support.folder import project

if TYPE_CHECKING:
    from pathlib import Path

GIB = 2**30


def memory(number: int) -> dict[str, object]:
    return {"HostConfig": {"Memory": number, "MemorySwap": number}}


def gpus(count: int) -> dict[str, object]:
    request = {
        "Driver": "",
        "Count": count,
        "DeviceIDs": None,
        "Capabilities": [["gpu"]],
        "Options": {},
    }
    return {"HostConfig": {"DeviceRequests": [request]}}


def of(**resources: object) -> EntryPoint:
    return EntryPoint(name="train", command="true", resources=resources, line=4)


@pytest.mark.parametrize(
    ("resources", "body"),
    [
        ({"memory": "2GiB"}, memory(2 * GIB)),
        ({"memory": "2g"}, memory(2 * GIB)),
        ({"memory": " 2 GB "}, memory(2 * GIB)),
        ({"memory": "512MB"}, memory(512 * 2**20)),
        ({"memory": 8388608}, memory(8388608)),
        ({"memory": 1e10}, memory(10**10)),
        ({"shm_size": "1g"}, {"HostConfig": {"ShmSize": GIB}}),
        ({"shm-size": "1g"}, {"HostConfig": {"ShmSize": GIB}}),
        ({"cpus": 4}, {"HostConfig": {"NanoCpus": 4 * 10**9}}),
        ({"cpus": 1.1}, {"HostConfig": {"NanoCpus": 1_100_000_000}}),
        ({"cpus": "0.5"}, {"HostConfig": {"NanoCpus": 500_000_000}}),
        ({"gpus": "all"}, gpus(-1)),
        ({"gpus": 1}, gpus(1)),
        ({"gpus": "2"}, gpus(2)),
        ({"gpus": 0}, {}),
        ({"memory": None, "partition": "long", "nodes": [1], "gpu_type": True}, {}),
        ({}, {}),
        (
            {"memory": 2**20, "cpus": 2, "walltime": "1h"},
            {"HostConfig": {"Memory": 2**20, "MemorySwap": 2**20, "NanoCpus": 2 * 10**9}},
        ),
    ],
)
def test_what_is_asked_becomes_limits(resources: dict[str, object], body: object) -> None:
    assert limits(of(**resources), file="MLproject") == body


@pytest.mark.parametrize(
    ("resources", "message", "hint"),
    [
        ({"memory": "lots"}, "must be a size such as `512m` or `2g`, not `lots`", "memory: 2GiB"),
        ({"memory": -1}, "must be a size such as `512m` or `2g`, not `-1`", "memory: 2GiB"),
        ({"memory": 0}, "must be above zero, not `0`", "memory: 2GiB"),
        ({"memory": True}, "must be a number or a text, not true or false", "memory: 2GiB"),
        ({"memory": "9" * 41}, f"must be a size such as `512m` or `2g`, not `{'9' * 41}`", "2GiB"),
        ({"memory": float("nan")}, "must be a size such as `512m` or `2g`, not `nan`", "2GiB"),
        ({"memory": float("inf")}, "must be a size such as `512m` or `2g`, not `inf`", "2GiB"),
        ({"memory": "9999999p"}, "must be below 8 EiB, not `9999999p`", "2GiB"),
        ({"memory": 10**5000}, "must be a number of 64 bits", "memory: 2GiB"),
        ({"cpus": "two"}, "must be a number such as `1.5`, not `two`", "cpus: 1.5"),
        ({"cpus": "1e99"}, "must be a number of processors, not `1e99`", "cpus: 1.5"),
        ({"cpus": 0}, "must be above zero, not `0`", "cpus: 1.5"),
        ({"cpus": -0.5}, "must be zero or more, not `-0.5`", "cpus: 1.5"),
        ({"cpus": [1]}, "must be a number or a text, not a list", "cpus: 1.5"),
        ({"gpus": {"a": 1}}, "must be a number or a text, not a mapping", "gpus: all"),
        ({"gpus": "some"}, "must be a number or `all`, not `some`", "gpus: all"),
        ({"gpus": 1.5}, "must be a number or `all`, not `1.5`", "gpus: all"),
        ({"shm_size": ""}, "must be a size such as `512m` or `2g`, not ``", "shm_size: 512MB"),
    ],
)
def test_a_wrong_value_is_told_in_the_words_of_the_manifest(
    resources: dict[str, object], message: str, hint: str
) -> None:
    with pytest.raises(ManifestError) as wrong:
        limits(of(**resources), file="MLproject")
    (key,) = resources
    assert wrong.value.message == f"MLproject:4: `{key}` in `resources` of `train` {message}"
    assert hint in (wrong.value.hint or "")
    assert wrong.value.exit_code == 2


def test_two_spellings_of_one_limit_are_refused() -> None:
    entry_point = of(**{"shm_size": "1g", "shm-size": "2g"})
    with pytest.raises(ManifestError, match=r"`shm-size` .* repeats `shm_size`"):
        limits(entry_point, file="MLproject")


def test_a_manifest_is_read_as_it_is_written(tmp_path: Path) -> None:
    asked = "resources: {memory: 1.5g, cpus: 1.50, gpus: all, queue: long}"
    files = project(tmp_path, f"entry_points:\n  main:\n    command: x\n    {asked}\n")
    entry_point = choose(load(files), None, files)
    found: Any = limits(entry_point, file="MLproject")["HostConfig"]
    assert (found["Memory"], found["NanoCpus"]) == (3 * GIB // 2, 1_500_000_000)
    assert found["DeviceRequests"][0]["Count"] == -1


@pytest.mark.parametrize(
    ("text", "config"),
    [
        ("memory=4g", {"Memory": 4 * GIB, "NanoCpus": 10**9, "ShmSize": GIB}),
        ("memory-swap=-1", {"MemorySwap": -1, "NanoCpus": 10**9, "ShmSize": GIB}),
        (
            "cpu-quota=5",
            {"CpuQuota": 5, "Memory": GIB, "MemorySwap": GIB, "ShmSize": GIB},
        ),
        (
            "shm-size=2g",
            {"ShmSize": 2 * GIB, "Memory": GIB, "MemorySwap": GIB, "NanoCpus": 10**9},
        ),
        (
            "init",
            {
                "Init": True,
                "ShmSize": GIB,
                "Memory": GIB,
                "MemorySwap": GIB,
                "NanoCpus": 10**9,
            },
        ),
    ],
)
def test_what_the_caller_asks_takes_the_place_of_the_manifests(
    text: str, config: dict[str, object], tmp_path: Path
) -> None:
    manifest = limits(of(memory="1g", cpus=1, shm_size="1g"), file="MLproject")
    asked = read([text], caller=tmp_path).body
    assert overridden(manifest, asked) == {"HostConfig": config}


def test_the_callers_gpus_take_the_place_of_the_manifests(tmp_path: Path) -> None:
    asked = read(["gpus=2"], caller=tmp_path).body
    assert overridden(limits(of(gpus="all"), file="MLproject"), asked) == gpus(2)
    assert overridden({}, asked) == gpus(2)
    assert overridden(gpus(1), {}) == gpus(1)
