"""Bytes of a data file as blocks of text lines: plain, gzipped, or the one file inside a zip.

A gzip that ends too early gives every whole line that can still be read and then says so. Nothing
here knows what a line means.
"""

import hashlib
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import IO, BinaryIO

from alphaforge.errors import DataError, NotFoundError
from alphaforge.marketdata.report import BadRow, ReadReport

BLOCK_LINES = 2048
_CHUNK = 1 << 18
_GZIP_CHUNK = 1 << 14
"""Small, because damage loses the whole chunk it is found in."""
_GZIP_WINDOW = 31
"""zlib's code for "a gzip header, the largest window"."""


class DamagedError(Exception):
    """The compressed stream ends too early or is damaged; the lines before were delivered."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line
        self.what = what


class Source:
    """One data file, open for as many passes as wanted.

    Attributes:
        path: The file.
        inner_name: Name of the file inside a zip, else the path's own name without `.gz`.
        size: Bytes of the file as it lies on the disk.
        fingerprint: sha256 of these bytes, hex.
    """

    def __init__(self, path: Path) -> None:
        check_file(path)
        self.path = path
        self.size = path.stat().st_size
        with path.open("rb") as stream:
            self.fingerprint = hashlib.file_digest(stream, "sha256").hexdigest()
            stream.seek(0)
            self._magic = stream.read(4)
        self._read = 0
        self._total = self.size
        self.inner_name = self._inner_name()

    @property
    def fraction_read(self) -> float:
        """How far the current pass is, 0 to 1."""
        return min(1.0, self._read / self._total) if self._total else 1.0

    def head(self, count: int = 40) -> list[str]:
        """The first lines, fewer when the file is shorter or damaged."""
        lines: list[str] = []
        try:
            for _, block in self.blocks():
                lines += islice(block, count - len(lines))
                if len(lines) >= count:
                    break
        except DamagedError:
            return lines
        return lines

    def blocks(self) -> Iterator[tuple[int, list[str]]]:
        """Lists of lines without their ends, each with the number of its first line (from 1).

        Raises:
            DamagedError: At the end of what could be read, when the file goes on unreadably.
        """
        number, first = 1, True
        with closing(self._whole_lines()) as chunks:
            while True:
                try:
                    chunk = next(chunks, None)
                except (zlib.error, zipfile.BadZipFile, EOFError) as problem:
                    raise DamagedError(number, _damage(problem)) from problem
                if chunk is None:
                    return
                text = chunk.decode("utf-8", "replace").replace("\r\n", "\n")
                if first:
                    text, first = text.removeprefix("\ufeff"), False
                lines = text.removesuffix("\n").split("\n")
                for start in range(0, len(lines), BLOCK_LINES):
                    yield number + start, lines[start : start + BLOCK_LINES]
                number += len(lines)

    def reported_blocks(self, report: ReadReport) -> Iterator[tuple[int, list[str]]]:
        """The same, with damage reported as a bad row in place of an error."""
        try:
            yield from self.blocks()
        except DamagedError as damage:
            report.truncated = True
            report.add_bad(BadRow(damage.line, "", damage.what, ""))

    def _whole_lines(self) -> Generator[bytes]:
        """Chunks that end with a line; a line cut off by damage is never delivered."""
        tail = b""
        for chunk in self._raw_chunks():
            whole = tail + chunk
            cut = whole.rfind(b"\n") + 1
            if cut:
                yield whole[:cut]
            tail = whole[cut:]
        if tail:
            yield tail

    def _raw_chunks(self) -> Iterator[bytes]:
        self._read, self._total = 0, self.size
        if self._magic.startswith(b"\x1f\x8b"):
            with self.path.open("rb") as stream:
                yield from self._unzipped(stream)
        elif self._magic == b"PK\x03\x04":
            with self._archive() as archive:
                entry = archive.getinfo(self.inner_name)
                self._total = entry.file_size
                with archive.open(entry) as stream:
                    yield from self._counted(stream)
        else:
            with self.path.open("rb") as stream:
                yield from self._counted(stream)

    def _counted(self, stream: BinaryIO | IO[bytes], size: int = _CHUNK) -> Iterator[bytes]:
        while chunk := stream.read(size):
            self._read += len(chunk)
            yield chunk

    def _unzipped(self, stream: BinaryIO) -> Iterator[bytes]:
        """Decompress member by member; the end of the file inside one is an `EOFError`."""
        machine = zlib.decompressobj(_GZIP_WINDOW)
        for chunk in self._counted(stream, _GZIP_CHUNK):
            waiting = chunk
            while waiting:
                if machine.eof:
                    machine = zlib.decompressobj(_GZIP_WINDOW)
                yield machine.decompress(waiting)
                waiting = machine.unused_data.lstrip(b"\0")
        if not machine.eof:
            raise EOFError

    def _inner_name(self) -> str:
        if self._magic != b"PK\x03\x04":
            return self.path.name.removesuffix(".gz")
        with self._archive() as archive:
            names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
        if len(names) == 1:
            return names[0]
        raise DataError(
            f"the zip holds {len(names)} files",
            path=self.path,
            expected="exactly one CSV inside",
            remedy="unpack it and name the files with --data",
        )

    @contextmanager
    def _archive(self) -> Generator[zipfile.ZipFile]:
        try:
            archive = zipfile.ZipFile(self.path)
        except zipfile.BadZipFile as problem:
            raise DataError(
                f"the zip is truncated or damaged ({problem})",
                path=self.path,
                remedy="download it again",
            ) from problem
        with archive:
            yield archive


def check_file(path: Path) -> None:
    """Refuse what cannot be read at all.

    Raises:
        NotFoundError: No such file; the remedy names the nearest ones beside it.
        DataError: A folder, an empty file, or no permission.
    """
    if path.is_dir():
        raise DataError("a folder, not a data file", path=path, expected="one file per --data")
    if not path.exists():
        folder = path.parent
        beside = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
        near = get_close_matches(path.name, beside, n=3, cutoff=0.5)
        remedy = f"did you mean {', '.join(near)}?" if near else "check the path"
        raise NotFoundError(f"data file {path} does not exist", remedy=remedy)
    try:
        with path.open("rb") as stream:
            empty = not stream.read(1)
    except OSError as problem:
        raise DataError(f"cannot be read: {problem.strerror}", path=path) from problem
    if empty:
        raise DataError("the file is empty", path=path, expected="market data")


def _damage(problem: Exception) -> str:
    if isinstance(problem, EOFError):
        return "truncated: the compressed file ends too early"
    return f"damaged: {problem}"
