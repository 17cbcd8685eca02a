import gzip
import hashlib
import zipfile

import pytest

from alphaforge.errors import DataError, NotFoundError
from alphaforge.marketdata.report import ReadReport
from alphaforge.marketdata.source import BLOCK_LINES, DamagedError, Source

LINES = [f"line {number} ä" for number in range(3 * BLOCK_LINES + 7)]
TEXT = "\n".join(LINES) + "\n"


def read(path):
    return [line for _, lines in Source(path).blocks() for line in lines]


def zipped(path, **files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.csv", text)
    return path


def test_plain_gzipped_and_zipped_files_give_the_same_lines(tmp_path):
    plain, packed = tmp_path / "a.csv", tmp_path / "a.csv.gz"
    plain.write_text(TEXT, encoding="utf-8")
    packed.write_bytes(gzip.compress(TEXT.encode()))
    assert read(plain) == read(packed) == read(zipped(tmp_path / "a.zip", a=TEXT)) == LINES


def test_block_numbers_are_line_numbers(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(TEXT, encoding="utf-8")
    for first, lines in Source(path).blocks():
        assert lines == LINES[first - 1 : first - 1 + len(lines)]
        assert len(lines) <= BLOCK_LINES


def test_windows_line_ends_a_byte_order_mark_and_a_missing_last_end(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("\ufeffa,b\r\n1,2\r\n3,4".encode())
    assert read(path) == ["a,b", "1,2", "3,4"]


def test_gzip_members_one_after_another_are_one_file(tmp_path):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"a\n") + gzip.compress(b"b\n") + b"\0\0\0\0")
    assert read(path) == ["a", "b"]


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.999])
def test_a_truncated_gzip_gives_its_readable_lines_and_then_says_so(tmp_path, share):
    whole = gzip.compress(TEXT.encode())
    path = tmp_path / "a.csv.gz"
    path.write_bytes(whole[: int(len(whole) * share)])
    lines: list[str] = []
    with pytest.raises(DamagedError, match="truncated"):
        lines.extend(line for _, block in Source(path).blocks() for line in block)
    assert lines == LINES[: len(lines)]


def test_a_truncated_gzip_is_one_bad_row_of_the_report(tmp_path):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(TEXT.encode())[:-9])
    report = ReadReport(path)
    count = sum(len(lines) for _, lines in Source(path).reported_blocks(report))
    assert report.truncated
    assert [row.line for row in report.bad] == [count + 1]


def test_a_damaged_gzip_keeps_what_came_before(tmp_path):
    whole = bytearray(gzip.compress(bytes(range(256)).hex().encode() + b"\n" + b"x\n" * 9, 1))
    whole[-12] ^= 0xFF
    path = tmp_path / "a.csv.gz"
    path.write_bytes(bytes(whole))
    with pytest.raises(DamagedError, match="damaged"):
        list(Source(path).blocks())


def test_a_missing_file_names_its_nearest_neighbours(tmp_path):
    (tmp_path / "btcusdt_20240808.csv").write_text("x")
    with pytest.raises(NotFoundError) as caught:
        Source(tmp_path / "btcusdt_20240809.csv")
    assert "btcusdt_20240808.csv" in caught.value.remedy


def test_empty_files_and_folders_are_refused(tmp_path):
    (tmp_path / "empty.csv").touch()
    with pytest.raises(DataError, match="empty"):
        Source(tmp_path / "empty.csv")
    with pytest.raises(DataError, match="folder"):
        Source(tmp_path)


def test_a_zip_of_several_files_and_a_truncated_zip_are_refused(tmp_path):
    with pytest.raises(DataError, match="2 files"):
        Source(zipped(tmp_path / "two.zip", a="1", b="2"))
    path = zipped(tmp_path / "one.zip", a=TEXT)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match="truncated or damaged"):
        Source(path)


def test_the_fingerprint_is_that_of_the_bytes_on_the_disk(tmp_path):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"a\n"))
    assert Source(path).fingerprint == hashlib.sha256(path.read_bytes()).hexdigest()


def test_progress_grows_to_one(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(TEXT, encoding="utf-8")
    source = Source(path)
    seen = [source.fraction_read for _ in source.blocks()]
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
