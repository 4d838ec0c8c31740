"""Records to JSON and back: complete, valid against the schema, without secrets."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import hypothesis
import jsonschema
import pytest
from hypothesis import strategies as st
from msgspec.structs import replace

from runner.environments.base import Package
from runner.errors import StoreError
from runner.manifest.model import BoundParameter
from runner.store import decoding, encoding
from runner.store.records import (
    Process,
    RecordedContainer,
    RecordedFile,
    RecordedImage,
    RecordedMount,
    Run,
)
from tests.support.runs import check_schema, ended_run, make_run

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "hun'ter two"


def round_trip(run: Run) -> Run:
    text = encoding.to_text(run)
    check_schema(json.loads(text))
    return decoding.from_text(text, run.directory)


@pytest.mark.parametrize("run", [make_run(), ended_run()], ids=["running", "finished"])
def test_nothing_is_lost(run: Run) -> None:
    assert round_trip(run) == run


def test_packages_of_an_image_keep_their_types_and_older_records_are_read() -> None:
    run = make_run()
    several = (*run.environment.packages, Package("tzdata", "2024a-0", type="deb"))
    imaged = make_run(environment=replace(run.environment, packages=several))
    assert round_trip(imaged) == imaged
    # A record of a Python environment is as it was before there were types.
    types = [one.get("type") for one in encoding.to_json(imaged)["environment"]["packages"]]
    assert types == [None, None, "deb"]


CONTAINERS = {
    "all of it": RecordedContainer(
        directory="/mlflow/projects/code/sub",
        user="1000:1000",
        entrypoint=("/wrap.sh", "-x"),
        network="none",
        volumes=(
            RecordedMount("/usr", "/data", read_only=True),
            RecordedMount("data", "/d", read_only=False),
        ),
        settings={"HostConfig": {"Memory": 1 << 26, "GroupAdd": ["5"]}},
    ),
    "as little as there can be": RecordedContainer(
        "/mlflow/projects/code", None, None, None, (), {}
    ),
}
IMAGES = {
    "of a registry": RecordedImage(
        "sha256:" + "b" * 64, "example.org/a@sha256:" + "c" * 64, "linux/amd64", "example.org/a:1"
    ),
    "only here": RecordedImage("sha256:" + "b" * 64, None, "linux/arm64", only_here=True),
}


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
@pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES)
def test_a_container_and_its_image_lose_nothing(
    container: RecordedContainer, image: RecordedImage
) -> None:
    environment = replace(make_run().environment, image=image)
    run = make_run(container=container, environment=environment)
    assert round_trip(run) == run


def test_as_little_as_there_can_be() -> None:
    run = make_run(
        name=None, manifest_name=None, parameters=(), variables={}, inputs=(), outputs=(),
        metrics={}, tags={}, experiment=None, warnings=(), deleted=(),
    )  # fmt: skip
    assert round_trip(run) == run


def test_process_and_bytes_that_are_no_utf8_survive() -> None:
    name = b"caf\xe9\nnew.txt".decode("utf-8", "surrogateescape")
    run = make_run(
        process=Process("box", 12, 3.5, "boot", "pid:[1]"),
        outputs=(RecordedFile(name, "c" * 64, 3),),
        inputs=(RecordedFile("/data", "d" * 64, 3, kind="folder", origin="given"),),
    )
    # An output's origin is one of two words.
    with pytest.raises(jsonschema.ValidationError):
        check_schema(encoding.to_json(run))
    outputs = (RecordedFile(name, "c" * 64, 3, origin="undeclared"),)
    run = make_run(process=run.process, outputs=outputs, inputs=run.inputs)
    assert round_trip(run) == run
    assert encoding.to_text(run).isascii()


def test_numbers_that_json_lacks() -> None:
    run = make_run(
        metrics={"a": math.inf, "b": -math.inf, "c": 1e300},
        parameters=(
            BoundParameter("x", "inf", math.inf, "float", "inf", "given"),
            BoundParameter("y", "1,-inf", [1.0, -math.inf], "list[float]", "1,-inf", "default"),
            BoundParameter("z", "Infinity", "Infinity", "string", "Infinity", "given"),
        ),
    )
    assert round_trip(run) == run
    text = encoding.to_text(run)
    assert json.loads(text, parse_constant=pytest.fail)["metrics"]["a"] == "Infinity"
    assert math.isnan(round_trip(make_run(metrics={"n": math.nan})).metrics["n"])


def test_secrets_are_nowhere() -> None:
    password = BoundParameter("password", SECRET, SECRET, "string", SECRET, "given", secret=True)
    run = ended_run(
        parameters=(password,),
        request={
            "parameters": {"password": SECRET, "a": "1"},
            "argv": ["-P", f"password={SECRET}"],
        },
        command=f"python t.py --password {SECRET} --again 'hun'\"'\"'ter two'",
        reason=f"failed on {SECRET}",
        warnings=(f"{SECRET} is short",),
        tags={"note": f"with {SECRET}"},
    )
    text = encoding.to_text(run)
    assert SECRET not in text
    assert "ter two" not in text
    data = json.loads(text)
    check_schema(data)
    assert data["parameters"]["password"] == {
        "secret": True, "type": "string", "origin": "given", "declared": True,
    }  # fmt: skip
    assert data["request"]["parameters"] == {"a": "1"}
    assert data["command"] == "python t.py --password *** --again ***"
    read = decoding.from_text(text, None).parameters[0]
    assert read.secret
    assert read.text == ""


def test_the_schema_refuses_a_secret_with_its_text() -> None:
    data = encoding.to_json(make_run())
    data["parameters"]["alpha"]["secret"] = True
    with pytest.raises(jsonschema.ValidationError):
        check_schema(data)


def test_resolved_path_is_kept_beside_the_text() -> None:
    run = make_run(
        parameters=(BoundParameter("data", "x.csv", "x.csv", "path", "/home/me/x.csv", "given"),)
    )
    assert round_trip(run) == run


def test_unknown_keys_are_tolerated_and_newer_versions_refused(tmp_path: Path) -> None:
    data = encoding.to_json(make_run())
    data["later"] = {"addition": 1}
    data["source"]["later"] = 2
    assert decoding.from_json(data, None).status == "running"
    data["schema"] = "run-2"
    with pytest.raises(
        StoreError, match=r"record\.json: the record is of version `run-2`"
    ) as error:
        decoding.from_json(data, tmp_path)
    assert error.value.hint == "use a newer reprun"


def changed(path: str, value: object) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(encoding.to_text(ended_run()))
    place: Any = data
    *parents, last = path.split(".")
    for key in parents:
        place = place[int(key)] if key.isdigit() else place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return data


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("status", "gone", "`status` must be one of running, finished, failed, killed, lost, not"),
        ("source.url", None, "`source.url` is missing; it must be text"),
        ("source.commit", 3, "`source.commit` must be text, not 3"),
        ("outputs.0.size", "big", r"`outputs\[0\].size` must be an integer, not 'big'"),
        ("outputs.0.sha256", "../../x", r"`outputs\[0\].sha256` must be a SHA-256"),
        ("outputs.0.mode", "rwx", r"`outputs\[0\].mode` must be octal permission bits"),
        ("metrics", [1], r"`metrics` must be an object, not \[1\]"),
        ("metrics.rmse", "low", "`metrics.rmse` must be a number, not 'low'"),
        ("exit_code", True, "`exit_code` must be an integer, not True"),
        ("warnings", [1], "`warnings` must be a list of texts, not 1"),
        ("inputs", {}, "`inputs` must be a list, not {}"),
        ("source.in_place", "no", "`source.in_place` must be true or false"),
        ("id", "../x", "`id` must be a run id"),
        ("schema", "mine", "`schema` must be `run-1`, not 'mine'"),
        ("parameters.alpha.origin", "guess", "`parameters.alpha.origin` must be one of given, def"),
    ],
)
def test_a_changed_record_says_what_is_wrong(path: str, value: object, message: str) -> None:
    with pytest.raises(StoreError, match=message) as error:
        decoding.from_json(changed(path, value), None)
    assert error.value.hint


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)


def places(data: object) -> list[tuple[Any, Any]]:
    """Every (container, key) of a JSON document."""
    keys: list[Any] = list(data) if isinstance(data, dict) else []
    keys = list(range(len(data))) if isinstance(data, list) else keys
    return [(data, key) for key in keys] + [
        found
        for key in keys
        for found in places(data[key])  # type: ignore[index]
    ]


@hypothesis.given(st.data())
def test_whatever_is_changed_is_read_or_refused(drawn: st.DataObject) -> None:
    data = json.loads(encoding.to_text(ended_run()))
    container, key = drawn.draw(st.sampled_from(places(data)))
    container[key] = drawn.draw(JSON)
    text = json.dumps(data)
    try:
        run = decoding.from_text(text, None)
    except StoreError:
        return
    assert decoding.from_text(encoding.to_text(run), None).id == run.id


@pytest.mark.parametrize(
    "path", ["../../etc/passwd", "/etc/passwd", "a/../../x", "", ".", "a//b", "a\0b", ".."]
)
def test_outputs_outside_the_source_are_refused(path: str) -> None:
    with pytest.raises(StoreError, match=r"`outputs\[0\].path` must be a path inside the source"):
        decoding.from_json(changed("outputs.0.path", path), None)


def test_outputs_beside_the_project_are_fine() -> None:
    data = changed("outputs.0.path", "../shared/x")
    data["source"]["subdirectory"] = "sub"
    assert decoding.from_json(data, None).outputs[0].path == "../shared/x"


def test_a_cut_off_record_says_where(tmp_path: Path) -> None:
    text = encoding.to_text(make_run())
    with pytest.raises(StoreError, match=r"record\.json:\d+:\d+: the record is cut off or isn't"):
        decoding.from_text(text[: len(text) // 2], tmp_path)
    with pytest.raises(StoreError, match="isn't JSON"):
        decoding.from_text(b"\xff\xfe", tmp_path)
    for text in ("[" * 100_000, "9" * 5000):
        with pytest.raises(StoreError, match="isn't JSON"):
            decoding.from_text(text, tmp_path)
    with pytest.raises(StoreError, match=r"`the whole` must be an object, not \[\]"):
        decoding.from_text("[]", tmp_path)
