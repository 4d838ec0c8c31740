"""An image's tar stream that is broken, cut off or made to harm is refused, or does no harm."""

from __future__ import annotations

import itertools
import json
import tarfile
import tracemalloc
from typing import TYPE_CHECKING

import hypothesis
import pytest
from hypothesis import strategies as st

from runner.containers.inside import contents, distributions, tar_stream
from runner.environments.base import Package
from runner.errors import EnvironmentFailure
from tests.support.archives import Archive

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runner.containers.inside.contents import Contents

METADATA = "Metadata-Version: 2.1\nName: {}\nVersion: 1.0\n"
MEGABYTE = bytes(1 << 20)
SITE = "usr/lib/python3/site-packages"


def look(chunks: Iterable[bytes]) -> Contents:
    return contents.read(chunks, path=["/bin"], where="image `x`")


def sample(format: int = tarfile.PAX_FORMAT) -> bytes:  # noqa: A002  tarfile's own word
    archive = Archive(format).file("./etc/passwd", "root").program("bin/sh")
    long = "deep/" * 40
    archive.file(f"{long}{SITE}/six-1.dist-info/METADATA", METADATA.format("six"))
    archive.file("big", bytes(2000)).link(f"bin/{'x' * 120}", "y" * 120)
    archive.file("opt/conda-meta/a.json", json.dumps({"name": "a", "version": "1"}))
    return archive.file("var/lib/dpkg/status", "Package: dpkg\nVersion: 1\n").content()


def header(name: bytes, size: int, kind: bytes = b"0", size_field: bytes | None = None) -> bytes:
    fields = name.ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2
    fields += (b"%011o\0" % size if size_field is None else size_field) + b"00000000000\0"
    rest = kind + bytes(100) + b"ustar\x0000" + bytes(247)
    checksum = sum(fields) + sum(rest) + 8 * 32
    return fields + b"%06o\0 " % checksum + rest


def member(name: bytes, content: bytes, kind: bytes = b"0") -> bytes:
    return header(name, len(content), kind) + content + bytes(-len(content) % 512)


def refusal(content: bytes) -> str:
    with pytest.raises(EnvironmentFailure) as error:
        look([content])
    assert error.value.hint
    assert error.value.message.startswith("image `x`: its files can't be read: ")
    return error.value.message


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
@pytest.mark.parametrize("size", [1, 511, 513, 1 << 20])
def test_chunks_of_any_size_and_both_formats_give_the_same(format: int, size: int) -> None:  # noqa: A002
    content = sample(format)
    found = look(content[at : at + size] for at in range(0, len(content), size))
    assert [one.name for one in found.packages] == ["a", "dpkg", "six"]
    assert found.programs == {"sh": "/bin/sh"}
    assert found.files == {"/etc/passwd": b"root"}


def test_names_that_the_oldest_format_splits() -> None:
    archive = Archive(tarfile.USTAR_FORMAT)
    archive.file(f"{'deep/' * 20}{SITE}/six-1.dist-info/METADATA", METADATA.format("six"))
    assert [one.name for one in look(archive.chunks()).packages] == ["six"]


def test_what_is_no_archive_is_refused() -> None:
    assert "it is cut off, 0 bytes" in refusal(b"")
    assert "it is cut off" in refusal(b"<html>no such container</html>")
    assert "a header has b'l><html>' for a number, 512 bytes" in refusal(b"<html>" * 512)


def test_a_broken_header_in_the_middle_is_no_end() -> None:
    content = sample()
    at = content.index(b"var/lib/dpkg/status")
    broken = content[:at] + b"\xff" + content[at + 1 :]
    assert f"checksum is wrong, {at + 512:,} bytes" in refusal(broken)


def test_an_archive_that_is_cut_off_anywhere_is_refused() -> None:
    content = sample()
    end = content.index(b"Package: dpkg") + 512
    for length in {*range(0, end + 1, 256), end}:
        refusal(content[:length])
    assert look([content[: end + 512]]).programs == {"sh": "/bin/sh"}


def test_numbers_that_are_none_are_refused() -> None:
    for field in (b"0000000008\0\0", b"-0000000001\0", b"zzzzzzzzzzzz"):
        assert "for a number" in refusal(header(b"a", 0, size_field=field))
    # GNU's binary form: a size of all that there is in the world.
    assert "it is cut off" in refusal(header(b"a", 0, size_field=b"\xff" * 12) + bytes(1024))
    small = header(b"etc/passwd", 0, size_field=b"\x80" + bytes(10) + b"\x04") + b"root"
    assert look([small + bytes(508 + 1024)]).files == {"/etc/passwd": b"root"}


def test_extended_headers_that_lie_are_refused() -> None:
    for records in (b"999 path=a\n", b"5 path", b"0 path=a\n", b"x path=a\n", b"12 pathxaaaa\n",
                    b"12 path=aaaa "):  # fmt: skip
        message = refusal(member(b"h", records, b"x") + member(b"a", b"") + bytes(1024))
        assert "pax header" in message or "for a number" in message
    assert "for a number" in refusal(member(b"h", b"14 size=-1234\n", b"x") + member(b"a", b""))
    size = tar_stream.LONGEST_HEADER + 1
    for kind in (b"x", b"L", b"K"):
        assert "a header has 1,048,577 bytes" in refusal(header(b"h", size, kind))


def test_names_that_lead_out_of_the_image_or_are_no_text() -> None:
    archive = Archive().file("../etc/passwd", "out").file("a/../../etc/group", "out")
    archive.file(f"{SITE}/\udcff\udcfe.dist-info/METADATA", METADATA.format("odd"))
    archive.file("//etc//./os-release", "ID=x").link("bin/sh", "../" * 30 + "bin/\udcff")
    archive.program("bin/\udcff")
    found = look(archive.chunks())
    assert found.files == {"/etc/os-release": b"ID=x"}
    assert [one.name for one in found.packages] == ["odd"]
    assert found.programs == {"sh": "/bin/sh"}


def gigabytes(count: int) -> Iterator[bytes]:
    return itertools.repeat(MEGABYTE, count * 1024)


def test_huge_files_take_no_memory() -> None:
    beginning = METADATA.format("huge").encode() + b"\n"
    tracemalloc.start()
    try:
        found = look(
            itertools.chain(
                [header(f"{SITE}/huge-1.dist-info/METADATA".encode(), 5 << 30), beginning],
                [MEGABYTE[len(beginning) :]], itertools.islice(gigabytes(5), 5 * 1024 - 1),
                [header(b"var/lib/dpkg/status", 1 << 30)], gigabytes(1),
                [header(b"opt/conda-meta/a.json", 1 << 30)], gigabytes(1),
                [header(b"etc/passwd", 1 << 30)], gigabytes(1),
                [header(b"home/passwd", 1 << 30)], gigabytes(1),
                [bytes(1024)],
            )
        )  # fmt: skip
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.packages == (Package("huge", "1.0"),)
    assert found.unread == (
        "/var/lib/dpkg/status: it has 1,073,741,824 bytes",
        "/opt/conda-meta/a.json: it has 1,073,741,824 bytes",
        "/etc/passwd: it has 1,073,741,824 bytes",
    )
    assert peak < 4 << 20


def test_more_packages_than_anybody_has_are_said_to_be_unread() -> None:
    most = distributions.MOST
    members = (
        member(f"p/p{number}.dist-info/METADATA".encode(), METADATA.format(number).encode())
        for number in range(most + 10)
    )
    found = look(itertools.chain(members, [bytes(1024)]))
    assert len(found.packages) == most
    assert found.unread == (f"Python packages beyond the first {most:,}",)


def test_metadata_that_says_nothing_or_nonsense_names_no_package() -> None:
    archive = Archive()
    nonsense = ("", "Name: \x1b[31m\nVersion: 1\n", f"Name: {'a' * 300}\nVersion: 1\n",
                "Name: ü\nVersion: 1\n")  # fmt: skip
    for number, text in enumerate(nonsense):
        archive.file(f"s/{number}.dist-info/METADATA", text)
    archive.file("var/lib/dpkg/status", "Package\n\n\n\n: \nVersion: 1\nStatus: \n\nPackage: a\n")
    archive.file("lib/apk/db/installed", b"\xff\xfe:\0\nP:\nV:1\n\nP:a b\nV:1\n")
    for number, text in enumerate(("[" * 500_000, '{"x":' * 100_000, "{}", "\0", '{"name": 1}')):
        archive.file(f"conda-meta/{number}.json", text)
        archive.file(f"s/o{number}.dist-info/direct_url.json", text)
    nested = '{"name": "a", "version": "1", "x": ' + "[" * 500_000
    archive.file("conda-meta/nested.json", nested)
    found = look(archive.chunks())
    assert found.packages == ()
    assert found.unread == tuple(
        f"/conda-meta/{name}.json: it is no record of conda's" for name in (*range(5), "nested")
    )


def test_endless_names_take_no_memory() -> None:
    long = b"x/" * 500_000
    tracemalloc.start()
    try:
        ends = (
            b"a.dist-info/METADATA",
            b"conda-meta/a.json",
            b"passwd",
            b"bin/sh",
            b"patchlevel.h",
        )
        names = (b"path=" + long + b"%d" % number + ends[number % 5] for number in range(200))
        records = (b"%d %s\n" % (len(name) + 9, name) for name in names)
        members = (member(b"h", one, b"x") + member(b"a", b"Name: a\nVersion: 1\n")
                   for one in records)  # fmt: skip
        found = look(itertools.chain(members, [bytes(1024)]))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.packages == ()
    assert peak < 40 << 20


@hypothesis.given(
    st.lists(st.tuples(st.integers(0, 8000), st.binary(min_size=1, max_size=12)), max_size=4)
)
def test_whatever_stands_in_it_only_one_error_comes(
    changes: list[tuple[int, bytes]],
) -> None:
    content = bytearray(sample())
    for at, new in changes:
        content[at : at + len(new)] = new
    for block in range(0, 8192, 512):  # so that changed headers get past their checksum
        one = content[block : block + 512]
        if one[257:262] == b"ustar":
            content[block + 148 : block + 156] = b"%06o\0 " % (sum(one[:148] + one[156:]) + 256)
    try:
        found = look([bytes(content)])
    except EnvironmentFailure:
        return
    assert isinstance(found, contents.Contents)
