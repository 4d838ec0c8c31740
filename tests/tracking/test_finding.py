"""Searches: filters, orders, pages, and which runs and experiments a step can see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from runner.store import runs
from runner.tracking import experiments, finding, search
from runner.tracking.refusal import Refusal
from tests.support.runs import ended_run, make_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.tracking.conftest import Scene

FACTS = search.facts_of(
    {"status": "FINISHED", "start_time": 5.0, "end_time": None, "run_name": "first try"},
    {"rmse": 0.5, "val loss": 2.0, "bad": float("nan"), "a/b.c": 1.0},
    {"model": "tree's", "depth": "10", "a b": "x", "empty": ""},
    {"mlflow.user": "Ann", "team": "Blue%"},
)


@pytest.mark.parametrize(
    "text",
    [
        "", "metrics.rmse < 1", "metrics.rmse<1 and params.depth='10'", "metric.rmse = 0.5",
        "metrics.`val loss` >= 2", 'metrics."val loss" > 1.5e0', "metrics.a/b.c = 1",
        'params.model = "tree\'s"', "params.`a b` != 'y'", "parameters.depth LIKE '1%'",
        "tags.mlflow.user ILIKE 'ann'", "tags.`mlflow.user` = 'Ann'", "tags.team LIKE 'Bl_e%'",
        "attributes.status IN ('FINISHED', 'FAILED')", "status = 'FINISHED'",
        "attributes.status NOT IN ('FAILED')", "params.none IS NULL", "tag.team is not null",
        "attribute.run_name = 'first try'", "run_name ilike 'FIRST%'", "start_time > 4",
        "metrics.rmse != 1 AND metrics.rmse <= 0.5 AND tags.team != 'red'",
        "metrics.rmse > -1", "metrics.rmse > '0.1'", "params.empty = ''", "metrics.bad != 1",
    ],
)  # fmt: skip
def test_filters_that_hold(text: str) -> None:
    assert search.matches(FACTS, search.parse(text))


@pytest.mark.parametrize(
    "text",
    [
        "metrics.rmse > 1", "metrics.none != 1", "params.none = ''", "params.depth = 10.5",
        "params.model LIKE 'TREE%'", "tags.team IS NULL", "end_time > 0", "metrics.bad < 1",
        "attributes.status IN ('FAILED')", "metrics.rmse = 'high'", "params.none IS NOT NULL",
    ],
)  # fmt: skip
def test_filters_that_do_not_hold(text: str) -> None:
    assert not search.matches(FACTS, search.parse(text))


@pytest.mark.parametrize(
    "text",
    [
        "metrics.rmse", "metrics.rmse <", "metrics.a < 1 OR metrics.b > 1", "metrics.a ~ 1",
        "(metrics.a < 1)", "metrics.a < 1 and", "status IN 'FAILED'", "status IN ('FAILED'",
        "params.a = 'open", "params.a IS", "and", "metrics.a < 1 metrics.b < 1", "§",
        "tags.`a = 'b'",
    ],
)  # fmt: skip
def test_filters_that_nobody_understands(text: str) -> None:
    with pytest.raises(Refusal, match=r"filter string|IN needs"):
        search.parse(text)


def order(by: list[str], **values: float | str | None) -> str:
    things = [(name, search.facts_of({}, {"m": it}, {}, {}) if isinstance(it, float)
               else search.facts_of({}, {}, {}, {"m": it} if it is not None else {}))
              for name, it in values.items()]  # fmt: skip
    return "".join(one for one, _ in search.ordered(things, by, default=("attributes", "x")))


def test_orders() -> None:
    nan = float("nan")
    numbers = {"a": 2.0, "b": nan, "c": 1.0, "d": None, "e": float("inf")}
    assert order(["metrics.m ASC"], **numbers) == "caebd"
    assert order(["metrics.`m` desc"], **numbers) == "eacbd"
    assert order(["metrics.m"], **numbers) == "caebd"
    assert order(["tags.m", "metrics.x"], a="z", b="a", c=None) == "bac"
    assert order([], a=1.0, b=2.0) == "ab"


def searched(scene: Scene, **said: Any) -> list[str]:  # noqa: ANN401  JSON
    found = scene.client.post("runs/search", **said)["runs"]
    return [one["info"]["run_id"] for one in found]


def ended(scene: Scene, **different: Any) -> str:  # noqa: ANN401  any field
    run = runs.begin(make_run(outputs=(), **different), lock_text="", settings=scene.settings)
    runs.finish(
        ended_run(id=run.id, directory=run.directory, outputs=(), **different),
        settings=scene.settings,
    )
    return run.id


def test_only_runs_of_this_project_or_of_the_named_experiment(scene: Scene) -> None:
    source = make_run().source
    ours = ended(scene, metrics={"rmse": 2.0})
    elsewhere = replace(source, url="https://example.org/other.git")
    theirs = ended(scene, source=elsewhere, experiment="wine", metrics={"rmse": 3.0})
    below = ended(scene, source=replace(source, subdirectory="sub"), experiment=None)
    own = scene.run.id
    assert set(searched(scene, experiment_ids=["0"])) == {own, ours}
    assert set(searched(scene)) >= {own, ours}
    assert searched(scene, experiment_ids=[experiments.id_of("wine")]) == [theirs]
    assert searched(scene, experiment_ids=["12345"]) == []
    assert below not in searched(scene, experiment_ids=["0"])
    scene.client.get("experiments/get-by-name", experiment_name="wine")
    assert set(searched(scene, experiment_ids=["0"])) == {own, ours, theirs}
    assert searched(scene, filter="metrics.rmse > 2", experiment_ids=["0"]) == [theirs]
    assert searched(scene, order_by=["metrics.rmse DESC"], experiment_ids="0") == [
        theirs, ours, own,
    ]  # fmt: skip
    assert searched(scene, filter="tags.mlflow.project.entryPoint = 'none'") == []


def test_pages_and_stages(scene: Scene) -> None:
    made = [scene.child(run_name=f"r{one}") for one in range(5)]
    scene.client.post("runs/delete", run_id=made[0])
    ids: list[str] = []
    asked: dict[str, Any] = {"max_results": 2, "order_by": ["attributes.run_name"]}
    token = None
    while True:
        page = scene.client.post("runs/search", **asked, page_token=token)
        ids += [one["info"]["run_id"] for one in page["runs"]]
        if (token := page.get("next_page_token")) is None:
            break
    assert ids == [scene.run.id, *made[1:]]
    assert searched(scene, run_view_type="DELETED_ONLY") == [made[0]]
    assert len(searched(scene, run_view_type="ALL")) == 6
    with pytest.raises(Refusal, match="Invalid page token"):
        finding.offset("!")


def test_a_damaged_record_is_no_reason_to_find_no_other(scene: Scene) -> None:
    broken = ended(scene)
    searched(scene)
    (scene.settings.runs / broken / "record.json").write_text("{}")
    assert searched(scene) == [scene.run.id]


def test_every_experiment_of_a_step_is_the_one_of_its_run(scene: Scene) -> None:
    client = scene.client
    named = client.get("experiments/get-by-name", experiment_name="anything")["experiment"]
    assert (named["experiment_id"], named["name"]) == ("0", "anything")
    assert client.post("experiments/create", name="more")["experiment_id"] == "0"
    for wanted in ("0", "77"):
        said = client.get("experiments/get", experiment_id=wanted)["experiment"]
        assert said["experiment_id"] == "0"
    client.post("experiments/set-experiment-tag", experiment_id="0", key="a", value="b")
    client.post("experiments/update", experiment_id="0", new_name="renamed")
    client.post("experiments/delete", experiment_id="0")  # some make, delete and make one again
    assert client.get("experiments/get", experiment_id="0")["experiment"]["name"] == "renamed"
    assert scene.end().experiment == "renamed"


def test_a_name_that_was_asked_for_stays(open_scene: Callable[..., Scene]) -> None:
    scene = open_scene(experiment="tuning", experiment_id="5")
    said = scene.client.get("experiments/get-by-name", experiment_name="anything")["experiment"]
    assert (said["experiment_id"], said["name"]) == ("5", "anything")
    assert scene.end().experiment == "tuning"


def test_experiments_of_the_store(scene: Scene) -> None:
    ended(scene, experiment="wine")
    found = scene.client.post("experiments/search", max_results=10)["experiments"]
    assert [one["name"] for one in found] == ["Default", "wine"]
    wine = experiments.id_of("wine")
    got = scene.client.get("experiments/get", experiment_id=wine)["experiment"]
    assert (got["name"], got["experiment_id"]) == ("wine", wine)
    only = scene.client.get("experiments/search", filter="name LIKE 'wi%'")["experiments"]
    assert [one["name"] for one in only] == ["wine"]
    # As soon as the step calls its own so, it is one and the same.
    scene.client.get("experiments/get-by-name", experiment_name="wine")
    found = scene.client.post("experiments/search")["experiments"]
    assert [(one["name"], one["experiment_id"]) for one in found] == [("wine", "0")]
    got = scene.client.get("experiments/get", experiment_id=wine)["experiment"]
    assert got["experiment_id"] == "0"
    assert len(searched(scene, experiment_ids=[wine])) == 2
