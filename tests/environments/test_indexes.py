"""The person's own index configuration, pip's and uv's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.environments import indexes, uv
from runner.environments.popular import meant_by
from runner.manifest.model import EnvironmentReference

if TYPE_CHECKING:
    from pathlib import Path

    from tests.environments.conftest import Workshop


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("HOME", str(tmp_path))
    return {"XDG_CONFIG_HOME": str(tmp_path / "config"), "PIP_CONFIG_FILE": str(tmp_path / "pip")}


def test_variables_of_pip_reach_uv(home: dict[str, str]) -> None:
    home["PIP_INDEX_URL"] = "https://a.example/simple"
    home["PIP_EXTRA_INDEX_URL"] = "https://b.example/simple https://c.example/simple"
    home["PIP_FIND_LINKS"] = "/one /two"
    found = indexes.variables(home)
    assert found["UV_DEFAULT_INDEX"] == "https://a.example/simple"
    assert found["UV_INDEX"] == "https://b.example/simple https://c.example/simple"
    assert found["UV_FIND_LINKS"] == "/one,/two"
    assert found["UV_INDEX_STRATEGY"] == "unsafe-best-match"


def test_files_of_pip_reach_uv(home: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "pip").write_text("[global]\nindex_url = https://a.example/simple\n")
    assert indexes.variables(home)["UV_DEFAULT_INDEX"] == "https://a.example/simple"
    home["PIP_INDEX_URL"] = "https://b.example/simple"
    assert indexes.variables(home)["UV_DEFAULT_INDEX"] == "https://b.example/simple"
    (tmp_path / "pip").write_text("no section\n")
    assert indexes.variables(home)["UV_DEFAULT_INDEX"] == "https://b.example/simple"


def test_an_index_of_uv_itself_comes_first(home: dict[str, str], tmp_path: Path) -> None:
    home["PIP_INDEX_URL"] = "https://a.example/simple"
    assert indexes.variables({**home, "UV_DEFAULT_INDEX": "https://u.example"}) == {}
    (tmp_path / "config" / "uv").mkdir(parents=True)
    (tmp_path / "config" / "uv" / "uv.toml").write_text('index-url = "https://u.example"\n')
    assert indexes.variables(home) == {}


def test_an_environment_is_locked_from_the_index_that_pip_is_told_of(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.index.wheel("alpha", "1.0")
    monkeypatch.delenv("UV_DEFAULT_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", workshop.index.url)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    workshop.project.write("requirements.txt", "alpha\n")
    _, lock = workshop.lock(EnvironmentReference(kind="requirements", path="requirements.txt"))
    assert "alpha==1.0" in lock.text


def test_what_would_steer_uv_is_kept_from_it() -> None:
    kept = {
        "UV_CACHE_DIR": "/c",
        "UV_INDEX_WORK_PASSWORD": "p",
        "UV_HTTP_TIMEOUT": "3",
        "HOME": "/h",
    }
    dropped = {
        "UV_PYTHON": "3", "UV_RESOLUTION": "lowest", "UV_EXCLUDE_NEWER": "2000", "UV_SYSTEM_PYTHON":
        "1", "UV_CONSTRAINT": "c", "VIRTUAL_ENV": "/v", "PYTHONPATH": "/p", "CONDA_PREFIX": "/c",
        "GIT_DIR": "/g", "UV_NO_VERIFY_HASHES": "1", "UV_WORKING_DIR": "/w",
    }  # fmt: skip
    told = uv.surroundings({**kept, **dropped, "UV_DEFAULT_INDEX": "https://u.example"})
    assert kept.items() <= told.items()
    assert not set(dropped) & set(told)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("sckit-learn", "scikit-learn"), ("sklearn", "scikit-learn"), ("cv2", "opencv-python"),
        ("pandsa", "pandas"), ("tensorfow", "tensorflow"), ("yaml", "pyyaml"), ("qqzzvv", None),
    ],
)  # fmt: skip
def test_what_a_misspelt_name_was_meant_to_be(name: str, meant: str | None) -> None:
    assert meant_by(name) == meant
