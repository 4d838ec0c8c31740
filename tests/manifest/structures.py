"""Documents for the property tests: nearly manifests, right and wrong in every place."""

from __future__ import annotations

from hypothesis import strategies as st

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 100),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.sampled_from(["", "a", "x {a}", "1e-4", "15m", "0s", "A=b", "=b", "../a", "/a", "a/../b"]),
    st.sampled_from(["float", "list[int]", "conda.yaml", "https://x/y", "ab" * 32, "a\nb", "a\n"]),
    st.text(max_size=5),
)
NAMES = st.sampled_from(["a", "main", "command", "A", "1A", "parameters", "on"])
ANY = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=5,
)


def mostly(right: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """What belongs there, or one time in eight anything."""
    return st.integers(0, 7).flatmap(lambda die: right if die else ANY)


def mapping(
    required: dict[str, st.SearchStrategy[object]], optional: dict[str, st.SearchStrategy[object]]
) -> st.SearchStrategy[object]:
    """A mapping of these keys, sometimes with one that nobody knows."""
    known = {name: mostly(value) for name, value in optional.items()}
    return st.fixed_dictionaries(
        {name: mostly(value) for name, value in required.items()},
        optional={**known, "unknown": ANY},
    )


def of(*values: object) -> st.SearchStrategy[object]:
    """One of these values."""
    return st.sampled_from(values)


FLAGS = st.booleans() | st.none()
GLOBS = of(None, "a", ["a", "b/*"], [], {"path": "a"}, [{"path": "a", "compare": {"as": "x"}}])
DOWNLOAD = mapping(
    {"url": of("https://x/y", "file:///z"), "sha256": of("ab" * 32)}, {"path": of("d")}
)
PARAMETER = mapping(
    {},
    {
        "type": of("int", "float", "string", "strange", None),
        "default": ANY,
        "choices": of([1, 2], ["a"], None),
        "min": of(1, 0.5, "1e-4", None),
        "max": of(10, None),
        "pattern": of("[a-z]+", None),
        "optional": FLAGS,
        "secret": FLAGS,
        "description": SCALARS,
    },
)
ENTRY_POINT = mapping(
    {"command": of("x", "x {a}")},
    {
        "parameters": st.dictionaries(NAMES, mostly(of("float", "") | PARAMETER), max_size=3),
        "inputs": GLOBS | DOWNLOAD | st.lists(DOWNLOAD, max_size=2),
        "outputs": GLOBS,
        "metrics": GLOBS,
        "env": of(None, "A", ["A", "B=c"]) | st.dictionaries(NAMES, SCALARS, max_size=2),
        "timeout": of(1, 0.5, "90s", None),
        "resources": st.none() | st.dictionaries(NAMES, ANY, max_size=2),
        "description": SCALARS,
    },
)
DOCKER = mapping(
    {"image": of("x", "", None)},
    {
        "dockerfile": of("Dockerfile", "", None),
        "context": of(".", None),
        "target": of("t", None),
        "args": st.none() | st.dictionaries(NAMES, SCALARS, max_size=2),
        "volumes": of(["a:b"], [], None),
        "environment": of(["A", ["B", "c"], ["D"], "E=f"], [], None),
    },
)


def documents() -> st.SearchStrategy[object]:
    """Whole documents."""
    return mapping(
        {},
        {
            "name": SCALARS,
            "python_env": of("python_env.yaml", "", None),
            "conda_env": of("conda.yaml", "", None),
            "docker_env": DOCKER | of("", None),
            "entry_points": st.dictionaries(NAMES, mostly(ENTRY_POINT), max_size=3),
            "databricks_spark_job": of(None),
        },
    )
