"""A table as an Excel workbook, with dates that are dates and numbers that are numbers."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from django.utils.translation import gettext
from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from .table import Cell

# Row by row through a temporary file; no text ever becomes a formula or a link.
OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
PIECE = 64 * 1024


def pieces(
    titles: Sequence[str], widths: Sequence[int], rows: Iterable[Sequence[Cell]]
) -> Iterator[bytes]:
    """The file, piece by piece, once it is complete on the disk."""
    with tempfile.TemporaryFile() as file:
        book = Workbook(file, OPTIONS)
        _fill(book, titles, widths, rows)
        book.close()
        file.seek(0)
        while piece := file.read(PIECE):
            yield piece


def _fill(
    book: Workbook, titles: Sequence[str], widths: Sequence[int], rows: Iterable[Sequence[Cell]]
) -> None:
    sheet = book.add_worksheet(gettext("Registrations")[:31])
    head = book.add_format({"bold": True, "bottom": 1})
    moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    for place, width in enumerate(widths):
        sheet.set_column(place, place, width)
    sheet.freeze_panes(1, 0)
    for place, title in enumerate(titles):
        sheet.write_string(0, place, title, head)
    formats: dict[int, Format] = {}
    number = 0
    for number, row in enumerate(rows, start=1):
        for place, cell in enumerate(row):
            _write(book, sheet, (number, place), cell, moment, formats)
    sheet.autofilter(0, 0, number, len(titles) - 1)


def _write(
    book: Workbook,
    sheet: Worksheet,
    at: tuple[int, int],
    cell: Cell,
    moment: Format,
    formats: dict[int, Format],
) -> None:
    if isinstance(cell, datetime):
        sheet.write_datetime(*at, cell, moment)
    elif isinstance(cell, Decimal):
        digits = -int(cell.as_tuple().exponent)
        if digits not in formats:
            pattern = f"#,##0.{'0' * digits}" if digits else "#,##0"
            formats[digits] = book.add_format({"num_format": pattern})
        sheet.write_number(*at, cell, formats[digits])
    elif isinstance(cell, int):
        sheet.write_number(*at, cell)
    elif cell:
        sheet.write_string(*at, cell)
