"""Wrong manifests: each error with its place and its fix, all of them at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.errors import ManifestError
from runner.manifest.load import load
from tests.support.folder import project

if TYPE_CHECKING:
    from pathlib import Path

Case = tuple[str, str, str]

# What stands in the file, the message with its place, the fix.
ERRORS: dict[str, Case] = {
    "entry_points empty": (
        "entry_points:\n",
        "MLproject:1:1: `entry_points:` is empty",
        "indent the entry points below it, or remove it",
    ),
    "entry_points a list": (
        "entry_points:\n  - main:\n      command: x\n",
        (
            "MLproject:2:3: `entry_points` of the manifest must be a mapping of names to"
            " entry points,"
            " not a list"
        ),
        "remove the dashes",
    ),
    "entry_points a text": (
        "entry_points: main\n",
        (
            "MLproject:1:15: `entry_points` of the manifest must be a mapping of names to entry"
            " points, not `main`"
        ),
        "write `main:`, and `command:` indented below it",
    ),
    "entry point empty": (
        "entry_points:\n  main:\n",
        "MLproject:2:3: entry point `main` is empty",
        "give it a `command:`, indented below it",
    ),
    "entry point a text": (
        "entry_points:\n  main: python train.py\n",
        "MLproject:2:9: entry point `main` must be a mapping, not `python train.py`",
        'write `main: {command: "python train.py"}`',
    ),
    "entry point a list": (
        "entry_points:\n  main:\n    - command: x\n",
        "MLproject:3:5: entry point `main` must be a mapping, not a list",
        "give it a command",
    ),
    "command beside its entry point": (
        "entry_points:\n  main:\n  command: python train.py\n",
        "MLproject:3:3: `command` stands beside entry point `main`, not in it",
        "indent `command:` further than `main:`",
    ),
    "command without an entry point": (
        "entry_points:\n  command: python train.py\n",
        "MLproject:2:3: `command` stands beside the entry points, not in one",
        "indent `command:` further than an entry point's name",
    ),
    "parameters empty": (
        "entry_points:\n  main:\n    parameters:\n    command: x\n",
        "MLproject:3:5: `parameters:` of entry point `main` is empty",
        "remove the line, or write `parameters: {}`",
    ),
    "parameters null": (
        "entry_points:\n  main: {parameters: null, command: x}\n",
        "MLproject:2:10: `parameters:` of entry point `main` is empty",
        "remove the line, or write `parameters: {}`",
    ),
    "parameters a list": (
        "entry_points:\n  main:\n    parameters:\n      - alpha: float\n    command: x\n",
        (
            "MLproject:4:7: `parameters` of entry point `main` must be a mapping of names to types,"
            " not a list"
        ),
        "write `alpha: float`, one parameter per line, without dashes",
    ),
    "parameters a text": (
        "entry_points:\n  main: {parameters: alpha, command: x}\n",
        (
            "MLproject:2:22: `parameters` of entry point `main` must be a mapping of names"
            " to types,"
            " not `alpha`"
        ),
        "write `alpha: float`, one parameter per line",
    ),
    "parameter without a type": (
        "entry_points:\n  main:\n    parameters:\n      alpha:\n    command: x {alpha}\n",
        "MLproject:4:7: parameter `alpha` of entry point `main` has no type",
        "write `alpha: string`",
    ),
    "parameter a number": (
        "entry_points:\n  main:\n    parameters:\n      alpha: 0.5\n    command: x {alpha}\n",
        (
            "MLproject:4:14: parameter `alpha` of entry point `main` must be a type or a"
            " mapping, not"
            " `0.5`"
        ),
        "write `alpha: {type: float, default: 0.5}`",
    ),
    "parameter a list": (
        "entry_points:\n  main:\n    parameters:\n      alpha: [float]\n    command: x {alpha}\n",
        (
            "MLproject:4:14: parameter `alpha` of entry point `main` must be a type or a"
            " mapping, not"
            " a list"
        ),
        "write `alpha: {type: float, default: 0.5}`",
    ),
    "type a list": (
        "entry_points:\n  main:\n    parameters: {a: {type: [int]}}\n    command: x {a}\n",
        (
            "MLproject:3:28: `type` of parameter `a` of entry point `main` must be the name"
            " of a type,"
            " not a list"
        ),
        "write `type: float`",
    ),
    "several environments": (
        "conda_env: a.yaml\ndocker_env: {image: x}\n",
        "MLproject:2:1: `conda_env` and `docker_env` exclude each other",
        "keep one, remove `docker_env`",
    ),
    "databricks": (
        "databricks_spark_job: {python_file: a.py}\n",
        (
            "MLproject:1:1: `databricks_spark_job` can't be run: reprun runs on this"
            " machine, not on"
            " Databricks"
        ),
        "declare `entry_points:` with a command",
    ),
    "name a list": (
        "name: [a]\n",
        "MLproject:1:7: `name` of the manifest must be text, not a list",
        "write `name: some words`",
    ),
    "conda_env a mapping": (
        "conda_env: {dependencies: [numpy]}\n",
        "MLproject:1:12: `conda_env` of the manifest must be the name of a file, not a mapping",
        "put it into a file and name that: `conda_env: conda.yaml`",
    ),
    "docker_env a text": (
        "docker_env: ubuntu\n",
        "MLproject:1:13: `docker_env` of the manifest must be a mapping, not `ubuntu`",
        "write `docker_env: {image: ubuntu}`",
    ),
    "docker_env without an image": (
        "docker_env: {volumes: [a]}\n",
        "MLproject:1:13: `docker_env` names no image",
        "add `image:`, or `dockerfile:` to build one",
    ),
    "image a number": (
        "docker_env: {image: 3.10}\n",
        "MLproject:1:21: `image` of `docker_env` must be text, not `3.10`",
        "quote it: `image: '…'`",
    ),
    "volumes a text": (
        "docker_env: {image: x, volumes: '/a:/b'}\n",
        "MLproject:1:33: `volumes` of `docker_env` must be a list of texts, not `/a:/b`",
        "write `volumes: ['/data:/data']`",
    ),
    "environment a mapping": (
        "docker_env: {image: x, environment: {A: b}}\n",
        "MLproject:1:37: `environment` of `docker_env` must be a list, not a mapping",
        "write `environment: [NAME_TO_COPY, [NAME, value]]`",
    ),
    "environment of mappings": (
        "docker_env: {image: x, environment: [{A: b}]}\n",
        (
            "MLproject:1:38: `environment` of `docker_env` must be names, or pairs of a name and a"
            " value, not a mapping"
        ),
        "write `NAME` to copy a variable, or `[NAME, value]` to set one",
    ),
    "environment without a name": (
        "docker_env: {image: x, environment: ['=b']}\n",
        "MLproject:1:38: `environment` of `docker_env` must be names of variables, not `=b`",
        "write `NAME`",
    ),
    "args a list": (
        "docker_env: {image: x, args: [A]}\n",
        "MLproject:1:30: `args` of `docker_env` must be a mapping of names to texts, not a list",
        "write `args: {NAME: value}`",
    ),
}


@pytest.mark.parametrize("case", ERRORS.values(), ids=list(ERRORS))
def test_a_wrong_manifest_is_refused(case: Case, tmp_path: Path) -> None:
    content, message, hint = case
    with pytest.raises(ManifestError) as caught:
        load(project(tmp_path, content))
    assert (caught.value.message, caught.value.hint) == (message, hint)
    assert caught.value.exit_code == 2


def test_several_errors_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    content = "conda_env: gone.yaml\nentry_points:\n  a:\n  b: [x]\n"
    with pytest.raises(ManifestError) as caught:
        load(project(tmp_path, content))
    assert caught.value.message == "MLproject can't be used: 3 errors"
    assert caught.value.hint == "`reprun check` shows all, warnings too"
    assert caught.value.details == (
        (
            "MLproject:1:12: `conda_env` names `gone.yaml`, which is not in the project"
            " (add the file, or remove the `conda_env` line)"
        ),
        "MLproject:3:3: entry point `a` is empty (give it a `command:`, indented below it)",
        "MLproject:4:6: entry point `b` must be a mapping, not a list (give it a command)",
    )
