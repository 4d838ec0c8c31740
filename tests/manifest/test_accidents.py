"""Every accident that happens to manifests gets a message of its own, with a place and a fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.errors import ManifestError
from runner.manifest.load import examine, load
from tests.support.folder import project

if TYPE_CHECKING:
    from pathlib import Path

Case = tuple[str | bytes, str, str]

# What stands in the file, the message with its place, the fix.
ERRORS: dict[str, Case] = {
    "empty file": (
        "",
        "MLproject:1:1: is empty",
        "begin with `name:` and `entry_points:`, or delete the file",
    ),
    "only comments": (
        "# nothing yet\n",
        "MLproject:1:1: holds nothing but comments",
        "begin with `name:` and `entry_points:`, or delete the file",
    ),
    "a list": (
        "- main\n",
        "MLproject:1:1: must be a mapping of keys such as `entry_points:`, not a list",
        "begin with `name:` and `entry_points:`",
    ),
    "prose": (
        "this is my project",
        (
            "MLproject:1:1: must be a mapping of keys such as `entry_points:`, not `this is"
            " my project`"
        ),
        "begin with `name:` and `entry_points:`",
    ),
    "prose after the YAML": (
        "name: a\nentry_points:\n  main:\n    command: x\n\nRun this with mlflow\n",
        "MLproject:6:1: `Run this with mlflow` is neither `key: value` nor part of a value",
        "put `#` before it if it is a remark, a space after its colon if it is a key",
    ),
    "a tab": (
        "name: a\nentry_points:\n\tmain:\n\t\tcommand: x\n",
        "MLproject:3:1: a tab indents this line",
        "indent with spaces",
    ),
    "no space after a colon": (
        'name:"a"\nentry_points:\n  main:\n    command: x\n',
        "MLproject:1:6: no space after `name:`",
        'write `name: "a"`',
    ),
    "git-lfs pointer": (
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n",
        "MLproject:1:1: is a git-lfs pointer, not the file itself",
        "run `git lfs pull` in it",
    ),
    "merge conflict": (
        "name: a\n<<<<<<< HEAD\nconda_env: a.yaml\n=======\nconda_env: b.yaml\n>>>>>>> main\n",
        "MLproject:2:1: holds a merge conflict: `<<<<<<< HEAD`",
        "resolve the conflict and commit",
    ),
    "cookiecutter template": (
        "name: {{cookiecutter.slug}}\nentry_points: {}\n",
        "MLproject:1:7: is a template that was never filled in: `{{cookiecutter.slug}}`",
        "make a project from it first (`cookiecutter`, `copier`), or quote the value",
    ),
    "jinja template": (
        "name: a\n{% if docker %}\ndocker_env: {image: x}\n{% endif %}\n",
        "MLproject:2:1: is a template that was never filled in: `{% if docker %}`",
        "make a project from it first (`cookiecutter`, `copier`), or quote the value",
    ),
    "a link that became text": (
        "src/mlproject",
        (
            "MLproject:1:1: holds nothing but the path `src/mlproject`: a symbolic link that became"
            " text"
        ),
        "run the project in `src` instead",
    ),
    "a web page": (
        "<!DOCTYPE html>\n<html><body>404: not found</body></html>\n",
        "MLproject:1:1: is a web page, not YAML",
        "download the raw file",
    ),
    "UTF-16": (
        "name: a".encode("utf-16"),
        "MLproject:1:1: is UTF-16 text",
        "save the file as UTF-8",
    ),
    "Latin-1": (
        "name: a\n# Modell für alle\n".encode("latin-1"),
        "MLproject:2:11: byte 0xfc is not UTF-8",
        "save the file as UTF-8",
    ),
    "control character": (
        "name: a\nentry_points: \x07\n",
        "MLproject:2:15: a control character that YAML doesn't allow",
        "remove it",
    ),
    "unclosed quote": (
        'name: a\nentry_points:\n  main:\n    command: "python train.py\n',
        "MLproject:4:14: the quote that opens here is never closed",
        "close it, and write quotes inside it doubled or as the other kind",
    ),
    "unclosed brace": (
        (
            "entry_points:\n  main:\n    parameters:\n      a: {type: int, default: 1\n"
            "    command: x\n"
        ),
        (
            "MLproject:4:10: the `{` that opens here is not closed, or its entries are not"
            " set apart"
            " by commas"
        ),
        "write it as `{type: float, default: 0.5}`",
    ),
    "unclosed bracket": (
        "docker_env:\n  image: a\n  volumes: [a, b\n",
        (
            "MLproject:3:12: the `[` that opens here is not closed, or its items are not set"
            " apart by"
            " commas"
        ),
        "write it as `[a, b]`",
    ),
    "no comma": (
        "entry_points: {main: {command: x parameters: {}}}\n",
        (
            "MLproject:1:22: the `{` that opens here is not closed, or its entries are not"
            " set apart"
            " by commas"
        ),
        "write it as `{type: float, default: 0.5}`",
    ),
    "colon in a command": (
        "entry_points:\n  main:\n    command: python train.py key: value\n",
        (
            "MLproject:3:33: a second `: ` in `command: python train.py key: value`, or a"
            " line that is"
            " indented too far"
        ),
        "quote the whole value, or indent the line as its neighbours are",
    ),
    "uneven indentation": (
        "entry_points:\n    main:\n      command: x\n  other:\n    command: y\n",
        (
            "MLproject:4:3: `other:` is not indented as the lines it belongs with, or what"
            " follows a"
            " quote is left over"
        ),
        "indent keys of one mapping alike, and quote a value as a whole",
    ),
    "uneven list": (
        "docker_env:\n  image: a\n  volumes:\n    - a\n     b: c\n    - d\n",
        "MLproject:5:7: a second `: ` in `b: c`, or a line that is indented too far",
        "quote the whole value, or indent the line as its neighbours are",
    ),
    "list with a stray item": (
        "docker_env:\n  volumes:\n    - a\n    b: c\n",
        "MLproject:4:5: `b: c` is not indented as the other items of its list",
        "indent the items of one list alike",
    ),
    "backslash": (
        'entry_points:\n  main:\n    command: "python C:\\projects\\train.py"\n',
        "MLproject:3:25: a backslash in double quotes begins an escape that YAML doesn't know",
        "use single quotes, or double the backslash",
    ),
    "percent sign": (
        "name: %name\n",
        "MLproject:1:7: `name: %name` begins a value with a character that YAML keeps for itself",
        "quote the value",
    ),
    "two documents": (
        "name: a\n---\nname: b\n",
        "MLproject:2:1: a second document begins here",
        "keep one document: remove the `---`",
    ),
    "key that is a list": (
        "name: a\n[a, b]: c\n",
        "MLproject:2:1: a key must be a word, not a list or a mapping",
        "quote it if it begins with a bracket",
    ),
    "asterisk": (
        "name: a\nentry_points:\n  main:\n    command: *.py\n",
        (
            "MLproject:4:15: `command: *.py` has a value that begins with an asterisk, which"
            " makes it"
            " an alias"
        ),
        "quote the value",
    ),
    "undefined alias": (
        "name: a\nconda_env: *file\n",
        "MLproject:2:12: `conda_env: *file` uses an alias (`*`) that nothing above defines",
        "quote the value if the asterisk belongs to it",
    ),
    "ampersand": (
        "name: &\n",
        "MLproject:1:8: `name: &` has a value that begins with `&`, which makes it an anchor",
        "quote the value",
    ),
    "anchor twice": (
        "name: &a x\nconda_env: &a y\n",
        "MLproject:2:12: `conda_env: &a y` defines an anchor again",
        "give it another name",
    ),
    "alias of itself": (
        "name: &a [*a]\n",
        "MLproject:1:11: `name: &a [*a]` has an alias for what it is part of",
        "write it out",
    ),
    "merge of a text": (
        "<<: text\nname: a\n",
        "MLproject:1:1: a merge key (`<<`) takes a mapping or a list of mappings",
        "write the keys out",
    ),
    "Python tag": (
        "name: !!python/object/apply:os.system ['touch owned']\n",
        (
            "MLproject:1:7: `name: !!python/object/apply:os.system ['touch owned']` has a tag (`!`)"
            " that a manifest can't have"
        ),
        "remove the tag, or quote the value if the exclamation mark belongs to it",
    ),
    "tag on a word": (
        "name: !important\n",
        "MLproject:1:7: `name: !important` has a tag (`!`) that a manifest can't have",
        "remove the tag, or quote the value if the exclamation mark belongs to it",
    ),
    "impossible date": (
        "name: 2021-13-45\n",
        "MLproject:1:7: `name: 2021-13-45` holds a value that YAML can't read",
        "quote the value",
    ),
    "endless number": (
        f"name: {'9' * 5000}\n",
        f"MLproject:1:7: `name: {'9' * 53}…` holds a value that YAML can't read",
        "quote the value",
    ),
    "hexadecimal that can't be printed": (
        f"name: 0x{'f' * 990}\nentry_points: !x {{}}\n",
        "MLproject:2:15: `entry_points: !x {}` has a tag (`!`) that a manifest can't have",
        "remove the tag, or quote the value if the exclamation mark belongs to it",
    ),
    "too deep": (
        f"name: {'[' * 200}{']' * 200}\n",
        "MLproject:1:56: nested too deeply",
        "is this the right file?",
    ),
    "too long": (
        "# " + "x" * 600_000,
        "MLproject:1:1: is 585 KiB long, the limit is 512",
        "is this the right file?",
    ),
    "too many values": (
        f"name: [{'1,' * 30_000}]\n",
        "MLproject:1:7: holds more than 20000 values, aliases counted as what they stand for",
        "is this the right file?",
    ),
    "alias bomb": (
        "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"{two}: &{two} [{', '.join([f'*{one}'] * 10)}]\n"
            for one, two in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        "MLproject:5:4: holds more than 20000 values, aliases counted as what they stand for",
        "is this the right file?",
    ),
}


@pytest.mark.parametrize("case", ERRORS.values(), ids=list(ERRORS))
def test_an_unreadable_file_says_what_has_happened(case: Case, tmp_path: Path) -> None:
    content, message, hint = case
    files = project(tmp_path, content)
    with pytest.raises(ManifestError) as caught:
        load(files)
    assert (caught.value.message, caught.value.hint) == (message, hint)
    assert [problem.severity for problem in examine(files).problems] == ["error"]
    assert not (tmp_path / "owned").exists()
