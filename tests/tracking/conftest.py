"""A run that has begun in a store of its own, its endpoint, and a client that is only HTTP."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

import pytest

from runner.store import layout, runs
from runner.store.encoding import hiding
from runner.tracking.endpoint import Endpoint
from tests.support.runs import ENDED, make_run
from tests.support.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from runner.settings import Settings
    from runner.store.records import Run

API = "/api/2.0"
ARTIFACTS = f"{API}/mlflow-artifacts/artifacts"


class Answer(NamedTuple):
    """What the endpoint said."""

    status: int
    content: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:  # noqa: ANN401  JSON
        return json.loads(self.content)

    @property
    def message(self) -> str:
        """Of a refusal."""
        return str(self.json["message"])


@dataclass
class Client:
    """Asks and says what MLflow's clients do, one request at a time."""

    address: str
    agent: str = "mlflow-python-client/2.9.2"

    def raw(
        self,
        method: str,
        path: str,
        body: bytes | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """`path` behind the token, as it is."""
        parts = urlsplit(self.address)
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=20)
        said = {"User-Agent": self.agent, **(headers or {})}
        try:
            connection.request(method, parts.path + path, body=body, headers=said)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(), dict(answer.headers))
        finally:
            connection.close()

    def ask(self, method: str, path: str, /, said: Any = None) -> Answer:  # noqa: ANN401  JSON
        """One of MLflow's calls, refused or not."""
        if method == "GET":
            query = f"?{urlencode(said, doseq=True)}" if said else ""
            return self.raw("GET", f"{API}/mlflow/{path}{query}")
        return self.raw(method, f"{API}/mlflow/{path}", json.dumps(said or {}).encode())

    def post(self, path: str, /, **said: Any) -> Any:  # noqa: ANN401  JSON
        """What the endpoint answers to a call that it takes."""
        return taken(self.ask("POST", path, said))

    def get(self, path: str, /, **said: Any) -> Any:  # noqa: ANN401  JSON
        """What the endpoint answers to a question that it understands."""
        return taken(self.ask("GET", path, said))

    def refused(self, path: str, method: str = "POST", /, **said: Any) -> Answer:  # noqa: ANN401
        """The refusal of a call; of no status that clients try again."""
        answer = self.ask(method, path, said)
        assert answer.status in {400, 403, 404}, answer
        return answer

    def put(self, place: str, content: bytes | Iterator[bytes]) -> Answer:
        """Upload an artifact to `EXPERIMENT/RUN/artifacts/…`."""
        return self.raw("PUT", f"{ARTIFACTS}/{quote(place)}", content)


def taken(answer: Answer) -> Any:  # noqa: ANN401  JSON
    """The JSON of an answer that is no refusal."""
    assert answer.status == 200, answer.content
    return answer.json


@dataclass
class Scene:
    """A step's view: its run, the endpoint, a client.

    Attributes:
        folder: where the run's record lies.
        place: how the addresses of the run's artifacts begin.
    """

    settings: Settings
    run: Run
    endpoint: Endpoint
    client: Client
    warnings: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        assert self.run.directory is not None
        return self.run.directory

    @property
    def place(self) -> str:
        return f"0/{self.run.id}/artifacts"

    def data(self, run_id: str | None = None) -> Any:  # noqa: ANN401  JSON
        """The run as a client sees it."""
        return self.client.get("runs/get", run_id=run_id or self.run.id)["run"]

    def child(self, **said: Any) -> str:  # noqa: ANN401  JSON
        """The id of a new nested run."""
        made = self.client.post("runs/create", experiment_id="0", **said)
        return str(made["run"]["info"]["run_id"])

    def read(self, run_id: str) -> Run:
        """The record of a run of the store."""
        return runs.read(run_id, settings=self.settings)

    def end(self) -> Run:
        """The step ends; its record, read back."""
        from msgspec.structs import replace

        session, warnings = self.endpoint.close()
        self.warnings += warnings
        label = self.run.experiment if session is None else session.experiment.label
        ended = replace(self.run, **ENDED, experiment=label, process=None)
        runs.finish(ended, settings=self.settings)
        return self.read(self.run.id)


@pytest.fixture
def work(tmp_path: Path, settings: Settings) -> Work:
    """A checkout to work in."""
    return Work(tmp_path / "checkout", settings)


@pytest.fixture
def open_scene(settings: Settings) -> Iterator[Callable[..., Scene]]:
    """Makes scenes; fields of their runs may be given."""
    endpoints: list[Endpoint] = []

    def opened(**different: Any) -> Scene:  # noqa: ANN401  any field
        layout.prepare(settings)
        run = runs.begin(
            make_run(**{"experiment": None, "metrics": {}, "outputs": (), **different}),
            lock_text="",
            settings=settings,
        )
        endpoints.append(endpoint := Endpoint())
        endpoint.serve(run, settings=settings, hide=hiding(run.parameters))
        return Scene(settings, run, endpoint, Client(endpoint.address))

    yield opened
    for endpoint in endpoints:
        endpoint.close()


@pytest.fixture
def scene(open_scene: Callable[..., Scene]) -> Scene:
    """The one of a step."""
    return open_scene()
