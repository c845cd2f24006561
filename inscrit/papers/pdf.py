"""A receipt as a PDF: A4, its fonts embedded, as many pages as it takes."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import Any
from unicodedata import category

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from reportlab.graphics.shapes import Drawing, Rect
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    KeepTogether,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)

from inscrit.money import money
from inscrit.registrations.models import PaymentMethod, Registration

from . import entry, receipts
from .models import Receipt
from .receipts import Return
from .statement import Issuer, Line, Statement
from .when import day, period

INK, SOFT, LINE, ACCENT = map(HexColor, ("#1f2421", "#5a625e", "#dcd8ce", "#0f5c55"))
WASH, WARM = HexColor("#f2f6f4"), HexColor("#fbf0d9")
SANS, STRONG, SERIF = "Source Sans", "Source Sans strong", "Source Serif strong"
FONTS = {
    SANS: "SourceSans3_400Regular.ttf",
    STRONG: "SourceSans3_600SemiBold.ttf",
    SERIF: "SourceSerif4_600SemiBold.ttf",
}
SIDE, WIDTH = 20 * mm, A4[0] - 40 * mm
AMOUNTS = 38 * mm
UNPRINTABLE = ("Cc", "Cf", "Co", "Cs", "Sk", "So")
# The fonts have no narrow one.
NARROW, NO_BREAK = "\u202f", "\u00a0"

TEXT = ParagraphStyle("text", fontName=SANS, fontSize=10, leading=14, textColor=INK)
SMALL = ParagraphStyle("small", TEXT, fontSize=8.5, leading=12, textColor=SOFT)
BOLD = ParagraphStyle("bold", TEXT, fontName=STRONG)
NAME = ParagraphStyle("name", TEXT, fontName=SERIF, fontSize=15, leading=19, textColor=ACCENT)
TITLE = ParagraphStyle("title", TEXT, fontName=SERIF, fontSize=24, leading=30)
RIGHT = ParagraphStyle("right", TEXT, alignment=TA_RIGHT)
SMALL_RIGHT = ParagraphStyle("small right", SMALL, alignment=TA_RIGHT)
BOLD_RIGHT = ParagraphStyle("bold right", BOLD, alignment=TA_RIGHT)
TOTAL = ParagraphStyle("total", BOLD, fontSize=12, leading=16)
TOTAL_RIGHT = ParagraphStyle("total right", TOTAL, alignment=TA_RIGHT)
PLAIN = [("LEFTPADDING", (0, 0), (-1, -1), 0), ("RIGHTPADDING", (0, 0), (-1, -1), 0)]


@dataclass(frozen=True, slots=True)
class Paper:
    """What is printed: the receipt as it was given, and what has happened to its money since."""

    receipt: Receipt
    statement: Statement
    returns: Sequence[Return]
    registration: Registration

    @property
    def name(self) -> str:
        """A file's name without accents or spaces."""
        return f"{'recu' if self.registration.locale == 'fr' else 'receipt'}-{self.receipt}.pdf"

    @property
    def returned(self) -> int:
        return sum(one.amount for one in self.returns)

    def render(self) -> bytes:
        """In the registrant's language."""
        with translation.override(self.registration.locale):
            return _printed(self)


def paper(receipt: Receipt) -> Paper:
    """Raises nothing: what was given can be printed again for ever."""
    registration = receipt.registration
    return Paper(receipt, receipts.statement(receipt), receipts.returns(registration), registration)


@cache
def _register_fonts() -> None:
    folder = Path(__file__).parent / "fonts"
    for name, file in FONTS.items():
        pdfmetrics.registerFont(TTFont(name, f"{folder}/{file}"))


@cache
def _letters() -> frozenset[int]:
    font = pdfmetrics.getFont(SANS)
    assert isinstance(font, TTFont)  # noqa: S101 - registered above
    return frozenset(font.face.charToGlyph)


def _printed(paper: Paper) -> bytes:
    _register_fonts()
    file = io.BytesIO()
    title = _("Receipt %(number)s") % {"number": paper.receipt}
    document = BaseDocTemplate(
        file,
        pagesize=A4,
        title=title,
        author=paper.statement.issuer.name,
        lang=paper.registration.locale,
        invariant=True,
    )
    frame = Frame(SIDE, 24 * mm, WIDTH, A4[1] - 42 * mm, 0, 0, 0, 0)
    document.addPageTemplates(PageTemplate(frames=[frame], onPage=_foot(paper, title)))
    document.build(list(_content(paper)))
    return file.getvalue()


def _text(text: object, style: ParagraphStyle = TEXT) -> Paragraph:
    """Anybody's text: it is no markup, and its lines stay lines."""
    lines = str(text).replace(NARROW, NO_BREAK).splitlines()
    return Paragraph("<br/>".join(escape(_printable(line)) for line in lines), style)


def _printable(line: str) -> str:
    """Without pictures that the fonts lack. A letter they lack stays, as an empty box."""
    known = _letters()
    kept = (one for one in line if ord(one) in known or category(one) not in UNPRINTABLE)
    return "".join(kept).strip()


def _foot(paper: Paper, title: str) -> Any:
    """What stands at the foot of every page."""
    issuer = paper.statement.issuer
    left = _cut(" · ".join(filter(None, [issuer.name, issuer.registration_number])))

    def draw(canvas: Canvas, _document: object) -> None:
        canvas.setStrokeColor(LINE)
        canvas.line(SIDE, 17 * mm, A4[0] - SIDE, 17 * mm)
        canvas.setFont(SANS, 8)
        canvas.setFillColor(SOFT)
        canvas.drawString(SIDE, 12 * mm, left)
        page = _("%(title)s, page %(n)d") % {"title": title, "n": canvas.getPageNumber()}
        canvas.drawRightString(A4[0] - SIDE, 12 * mm, page)

    return draw


def _cut(text: str, most: int = 85) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _content(paper: Paper) -> Iterator[Flowable]:
    yield _head(paper)
    yield Spacer(0, 9 * mm)
    if paper.statement.amount and paper.returned >= paper.statement.amount:
        yield _banner(_("All of it has been returned: nothing remains paid."))
        yield Spacer(0, 5 * mm)
    yield _parties(paper)
    yield Spacer(0, 7 * mm)
    yield _lines(paper)
    yield KeepTogether([_sums(paper)])
    if paper.statement.issuer.tax_note:
        yield Spacer(0, 3 * mm)
        yield _text(paper.statement.issuer.tax_note, SMALL_RIGHT)
    if entry.is_given(paper.registration):
        yield Spacer(0, 10 * mm)
        yield KeepTogether([_ticket(paper)])


def _head(paper: Paper) -> Table:
    given = day(paper.receipt.issued_at, paper.statement.time_zone)
    issuer = paper.statement.issuer
    left = [_text(issuer.name, NAME), Spacer(0, 1.5 * mm), *_address(issuer)]
    number = _("No. %(number)s") % {"number": paper.receipt}
    right = [
        _text(_("Receipt"), ParagraphStyle("", TITLE, alignment=TA_RIGHT)),
        _text(number, BOLD_RIGHT),
        _text(_("Given on %(date)s") % {"date": given}, SMALL_RIGHT),
    ]
    return _columns([[left, right]], (0.58, 0.42), [("VALIGN", (0, 0), (-1, -1), "TOP")])


def _address(issuer: Issuer) -> Iterator[Paragraph]:
    for text in (issuer.address, issuer.registration_number, issuer.contact_email):
        if text:
            yield _text(text, SMALL)


def _columns(rows: list[list[Any]], shares: Sequence[float], style: list[Any]) -> Table:
    table = Table(rows, colWidths=[WIDTH * share for share in shares])
    table.setStyle(TableStyle([*PLAIN, *style]))
    return table


def _banner(text: str) -> Table:
    return _columns(
        [[_text(text, BOLD)]],
        (1,),
        [
            ("BACKGROUND", (0, 0), (-1, -1), WARM),
            ("LEFTPADDING", (0, 0), (-1, -1), 12),
            ("TOPPADDING", (0, 0), (-1, -1), 7),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 11),
        ],
    )


def _parties(paper: Paper) -> Table:
    """From whom, and what for."""
    statement = paper.statement
    when = period(statement.starts_at, statement.ends_at, statement.time_zone)
    payer = [_text(_("Received from"), SMALL), _text(statement.payer, BOLD)]
    about = [_text(_("For"), SMALL)]
    about += [_text(statement.title or statement.lines[0].title, BOLD)]
    about += [_text(when), *([_text(statement.location)] if statement.location else [])]
    return _columns(
        [[payer, about]],
        (0.36, 0.64),
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("BACKGROUND", (0, 0), (-1, -1), WASH),
            ("LEFTPADDING", (0, 0), (-1, -1), 12),
            ("RIGHTPADDING", (0, 0), (-1, -1), 12),
            ("TOPPADDING", (0, 0), (-1, -1), 9),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 12),
        ],
    )


def _lines(paper: Paper) -> Table:
    """What was paid, then who takes part: a row each, so that long lists go on to the next page."""
    statement = paper.statement
    rows: list[list[Any]] = [[_text(_("Description"), SMALL), _text(_("Amount"), SMALL_RIGHT)]]
    for line in statement.lines:
        amount = money(line.amount, statement.currency)
        rows.append([_text(_counted(line, statement), BOLD), _text(amount, RIGHT)])
    first = len(rows)
    rows += [[_text(name), ""] for name in statement.participants]
    table = Table(rows, colWidths=[WIDTH - AMOUNTS, AMOUNTS], repeatRows=1)
    table.setStyle(
        TableStyle(
            [
                *PLAIN,
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LINEBELOW", (0, 0), (-1, 0), 0.8, INK),
                ("TOPPADDING", (0, 1), (-1, first - 1), 6),
                ("LEFTPADDING", (0, first), (0, -1), 10),
                ("TOPPADDING", (0, first), (-1, -1), 1),
                ("BOTTOMPADDING", (0, first), (-1, -1), 1),
                ("BOTTOMPADDING", (0, -1), (-1, -1), 8),
            ]
        )
    )
    return table


def _counted(line: Line, statement: Statement) -> str:
    persons = ngettext("%(n)d person", "%(n)d people", line.quantity) % {"n": line.quantity}
    if line.price is None or line.quantity == 1 or len(statement.lines) == 1:
        return f"{line.title}, {persons}"
    each = _("%(price)s each") % {"price": money(line.price, statement.currency)}
    return f"{line.title}, {persons}, {each}"


def _sums(paper: Paper) -> Table:
    statement = paper.statement
    total = money(statement.amount, statement.currency)
    rows = [[_text(_("Total"), TOTAL), _text(total, TOTAL_RIGHT)]]
    rows.append([_text(_paid(statement)), _text(total, RIGHT)])
    rows += [
        [_text(_returned(one, statement)), _text(money(-one.amount, statement.currency), RIGHT)]
        for one in paper.returns
    ]
    if paper.returns:
        remains = money(statement.amount - paper.returned, statement.currency)
        rows.append([_text(_("Remains paid"), BOLD), _text(remains, BOLD_RIGHT)])
    table = Table(rows, colWidths=[WIDTH - AMOUNTS, AMOUNTS])
    table.setStyle(TableStyle([*PLAIN, ("LINEABOVE", (0, 0), (-1, 0), 0.8, INK), *_rule(paper)]))
    return table


def _rule(paper: Paper) -> list[Any]:
    return [("LINEABOVE", (0, -1), (-1, -1), 0.5, LINE)] if paper.returns else []


def _paid(statement: Statement) -> str:
    date = {"date": day(statement.paid_at, statement.time_zone)}
    match statement.method:
        case PaymentMethod.CHEQUE:
            return _("Paid by cheque, received on %(date)s") % date
        case PaymentMethod.CASH:
            return _("Paid in cash, received on %(date)s") % date
        case PaymentMethod.TRANSFER:
            return _("Paid by bank transfer, received on %(date)s") % date
    return _("Paid online, on %(date)s") % date


def _returned(one: Return, statement: Statement) -> str:
    if one.at is None:
        return _("Returned")
    return _("Returned on %(date)s") % {"date": day(one.at, statement.time_zone)}


def _ticket(paper: Paper) -> Table:
    """The code for the entrance."""
    words = [
        _text(_("At the entrance"), ParagraphStyle("", BOLD, fontName=SERIF, fontSize=13)),
        Spacer(0, 2 * mm),
        _text(_("Show this code, on paper or on your phone. One code is good for everybody.")),
        Spacer(0, 2 * mm),
        _text(f"{_('Reference')} {paper.registration.pk}", SMALL),
    ]
    return _columns(
        [[_code(paper.registration.pk), words]],
        (0.24, 0.76),
        [
            ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ("BOX", (0, 0), (-1, -1), 0.8, LINE),
            ("LEFTPADDING", (0, 0), (-1, -1), 12),
            ("RIGHTPADDING", (0, 0), (-1, -1), 12),
            ("TOPPADDING", (0, 0), (-1, -1), 12),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 12),
        ],
    )


def _code(registration_id: str, size: float = 32 * mm) -> Drawing:
    rows = entry.qr(registration_id).matrix
    module = size / len(rows)
    drawing = Drawing(size, size)
    for y, row in enumerate(rows):
        for x in (x for x, dark in enumerate(row) if dark):
            # A hair larger than its field: else printers show white lines between them.
            corner = (x * module, size - (y + 1) * module)
            square = Rect(*corner, module * 1.02, module * 1.02)
            square.fillColor, square.strokeWidth = INK, 0
            drawing.add(square)
    return drawing
