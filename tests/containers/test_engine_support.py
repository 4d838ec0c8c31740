"""What the container tests stand on is real: engines, images and registries."""

from __future__ import annotations

import io
import re
import urllib.error
from typing import TYPE_CHECKING

import pytest

from tests.support import registry as registries
from tests.support.images import making
from tests.support.registry import PASSWORD, USER

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.engine import Engine
    from tests.support.images import Images
    from tests.support.registry import Registry


def _printed(engine: Engine, image: str, *argv: str) -> str:
    said: bytes = engine.client.containers.run(
        image, list(argv) or None, remove=True, network_mode="none"
    )
    return said.decode()


def _refusal(engine: Engine, name: str, login: dict[str, str] | None = None) -> str:
    """Why `name` can't be pulled; Podman says it in the midst of an answer that began well."""
    from docker.errors import APIError

    try:
        said = list(engine.client.api.pull(name, auth_config=login, stream=True, decode=True))
    except APIError as error:
        return str(error.explanation).lower()
    return " ".join(line["error"] for line in said if "error" in line).lower()


def test_an_image_of_the_hub_comes_by_its_usual_name(any_engine: Engine) -> None:
    pulled = any_engine.client.images.pull("alpine", "3.20")
    digests = [name.partition("@")[2] for name in pulled.attrs["RepoDigests"]]
    assert all(digest.startswith("sha256:") for digest in digests)
    assert digests
    assert "ID=alpine\n" in _printed(any_engine, "alpine:3.20", "cat", "/etc/os-release")


def test_the_stand_in_for_alpine_has_neither_bash_nor_python(engine: Engine) -> None:
    engine.client.images.pull("alpine", "3.20")
    script = "command -v bash python3; echo $0"
    assert _printed(engine, "alpine:3.20", "sh", "-c", script) == "sh\n"


def test_a_build_installs_from_the_package_index(any_engine: Engine) -> None:
    lines = (
        "FROM python:3.11-slim\nRUN pip install -q iniconfig\nCMD python -c 'import iniconfig'\n"
    )
    with making(any_engine) as images:
        built, _ = any_engine.client.images.build(
            fileobj=io.BytesIO(lines.encode()), rm=True, forcerm=True, nocache=True
        )
        assert _printed(any_engine, images.keep(built.id or "")) == ""


def test_an_image_on_another_has_files_and_settings(any_engine: Engine) -> None:
    with making(any_engine) as images:
        image = images.make(
            {"opt/say": "#!/bin/sh\necho $GREETING from $(pwd) as $(id -u): $*\n"},
            base="alpine:3.20",
            entrypoint=["/opt/say"],
            command=["and", "bye"],
            env={"GREETING": 'a "$5" word'},
            user="1234",
            workdir="/tmp",  # noqa: S108  a folder of the image
        )
        assert _printed(any_engine, image) == 'a "$5" word from /tmp as 1234: and bye\n'
        assert _printed(any_engine, image, "you") == 'a "$5" word from /tmp as 1234: you\n'


def test_an_image_for_another_platform(any_engine: Engine) -> None:
    with making(any_engine) as images:
        image = images.make({"etc/some": "x"}, platform="linux/arm64/v8", env={"A": "b"})
        made = any_engine.client.images.get(image)
        assert made.attrs["Os"] == "linux"
        assert made.attrs["Architecture"] == "arm64"
        assert made.attrs["Config"]["Env"] == ["A=b"]


def test_equal_images_are_two_and_go_away(engine: Engine) -> None:
    bases = (None, None, "alpine:3.20", "alpine:3.20")
    with making(engine) as images:
        made = {images.make({"a": "b"}, base=base) for base in bases}
        assert len(made) == 4
        assert made <= set(engine.client.api.images(quiet=True))
    assert not made & set(engine.client.api.images(quiet=True, all=True))


@pytest.mark.parametrize("pulled", [True, False])
def test_what_is_pushed_has_a_digest_and_can_be_deleted(
    any_engine: Engine, registry: Registry, *, pulled: bool
) -> None:
    with making(any_engine) as images:
        image = images.make({"a": "b"})
        digest = registry.push(any_engine, image, "team/thing:1")
        images.remove(image)
        name = f"{registry.address}/team/thing@{digest}"
        if pulled:
            assert images.keep(any_engine.client.images.pull(name).id or "") == image
            images.remove(image)
        registry.delete("team/thing", digest)
        assert "unknown" in _refusal(any_engine, name)
    with pytest.raises(urllib.error.HTTPError) as gone:
        registry.digest("team/thing:1")
    gone.value.close()


def test_a_tag_that_moves_and_a_registry_that_comes_back(
    engine: Engine, images: Images, registry: Registry
) -> None:
    before = registry.push(engine, images.make({"a": "1"}), "thing:latest")
    after = registry.push(engine, images.make({"a": "2"}), "thing:latest")
    address = registry.address
    registry.stop()
    with pytest.raises(urllib.error.URLError):
        registry.digest("thing:latest")
    registry.start()
    assert registry.address == address
    assert registry.digest("thing:latest") == after != before


def test_a_private_registry_refuses_whoever_is_not_logged_in(
    any_engine: Engine, tmp_path: Path
) -> None:
    with making(any_engine) as images, registries.serve(tmp_path / "r", login=True) as private:
        image = images.make({"a": "b"})
        digest = private.push(any_engine, image, "thing:1")
        images.remove(image)
        name = f"{private.address}/thing@{digest}"
        assert re.search("no basic auth|unauthorized|authentication", _refusal(any_engine, name))
        wrong = {"username": USER, "password": "other"}
        refusal = _refusal(any_engine, name, wrong)
        assert re.search("unauthorized|authentication|invalid username", refusal)
        login = {"username": USER, "password": PASSWORD}
        pulled = any_engine.client.images.pull(name, auth_config=login)
        assert images.keep(pulled.id or "") == image


def test_a_login_is_written_as_docker_reads_it(
    engine: Engine, images: Images, tmp_path: Path
) -> None:
    from docker import DockerClient

    with registries.serve(tmp_path / "r", login=True) as private:
        image = images.make({"a": "b"})
        private.push(engine, image, "thing:1")
        images.remove(image)
        client = DockerClient(base_url=engine.address)
        try:
            client.api.reload_config(str(private.log_in(tmp_path / "login") / "config.json"))
            pulled = client.images.pull(f"{private.address}/thing", "1")
            assert images.keep(pulled.id or "") == image
        finally:
            client.close()
