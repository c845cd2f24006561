"""Pictures for the samples, drawn here: four small scenes in flat colours."""

from io import BytesIO
from random import Random

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 1200, 800
SHOWN = (960, 640)
FINER = 1.6  # drawn larger and made smaller: smooth edges
Colour = str


class Canvas:
    """A sheet of 1200 by 800."""

    def __init__(self, paper: Colour) -> None:
        self._image = Image.new("RGB", (int(WIDTH * FINER), int(HEIGHT * FINER)), paper)
        self._pen = ImageDraw.Draw(self._image)

    def box(self, x: float, y: float, w: float, h: float, colour: Colour, round_: int = 0) -> None:
        corners = [x * FINER, y * FINER, (x + w) * FINER - 1, (y + h) * FINER - 1]
        self._pen.rounded_rectangle(corners, round_ * FINER, fill=colour)

    def disc(self, x: float, y: float, r: float, colour: Colour, flat: float = 1) -> None:
        corners = [(x - r), (y - r * flat), (x + r), (y + r * flat)]
        self._pen.ellipse([each * FINER for each in corners], fill=colour)

    def shape(self, points: list[tuple[float, float]], colour: Colour) -> None:
        self._pen.polygon([(x * FINER, y * FINER) for x, y in points], fill=colour)

    def jpeg(self) -> bytes:
        written = BytesIO()
        shown = self._image.resize(SHOWN, Image.Resampling.BILINEAR)
        shown.save(written, "JPEG", quality=92)
        return written.getvalue()


def theatre() -> bytes:
    """A stage with its curtains open, and children in a spotlight."""
    sheet = Canvas("#2b1b3d")
    sheet.shape([(600, -40), (180, 690), (1020, 690)], "#5a3f6e")
    sheet.shape([(600, -40), (330, 690), (870, 690)], "#8a6a86")
    sheet.disc(600, 690, 430, "#e9c98f", 0.16)
    for x, size, colour in ((430, 1.0, "#2f8f83"), (600, 1.25, "#d9583f"), (770, 0.95, "#e0a63a")):
        _child(sheet, x, 690, size, colour)
    sheet.box(0, 740, WIDTH, 60, "#6e4630")
    sheet.box(0, 732, WIDTH, 14, "#8d5c3f")
    for n in range(6):
        left = n * 52
        colour = "#a8243a" if n % 2 else "#c2314a"
        foot = 745 - n * 16
        for side in (0, 1):
            xs = (left, left + 54, left + 38 - n * 6, left - n * 10)
            x1, x2, x3, x4 = (WIDTH - x if side else x for x in xs)
            sheet.shape([(x1, 0), (x2, 0), (x3, foot), (x4, foot)], colour)
    for n in range(9):
        sheet.disc(n * 150, 0, 92, "#a8243a" if n % 2 else "#c2314a", 0.9)
    sheet.box(0, 0, WIDTH, 26, "#7e1a2c")
    return sheet.jpeg()


def farm() -> bytes:
    """Hills, a barn, sheep, and a sun."""
    sheet = Canvas("#bfe3ea")
    sheet.disc(960, 190, 92, "#f7c75b")
    for x, y, r in ((210, 170, 52), (280, 150, 68), (355, 175, 50), (620, 110, 36), (670, 100, 46)):
        sheet.disc(x, y, r, "#f4fbfb", 0.7)
    sheet.disc(300, 900, 620, "#8fbf7a", 0.72)
    sheet.disc(1020, 960, 680, "#7bb06d", 0.74)
    sheet.disc(560, 1220, 900, "#5f9a57", 0.72)
    sheet.box(690, 400, 210, 170, "#b5402f")
    sheet.shape([(664, 410), (720, 322), (870, 322), (926, 410)], "#7a2b23")
    sheet.box(752, 462, 86, 108, "#f4e6d4")
    sheet.shape([(758, 470), (766, 462), (838, 562), (830, 570)], "#b5402f")
    sheet.shape([(832, 470), (824, 462), (752, 562), (760, 570)], "#b5402f")
    sheet.disc(795, 372, 24, "#f4e6d4")
    for x in range(30, 620, 84):
        sheet.box(x, 590 + (x - 300) ** 2 / 9000, 14, 84, "#f2e3c4", 4)
    for x, y, size in ((250, 690, 1.2), (480, 660, 0.85), (980, 690, 1.1)):
        _sheep(sheet, x, y, size)
    return sheet.jpeg()


def game() -> bytes:
    """A screen with a first game on it."""
    sheet = Canvas("#e8e2f4")
    sheet.box(0, 620, WIDTH, 180, "#c9bfe2")
    sheet.box(250, 110, 700, 470, "#2c2a4a", 28)
    sheet.box(280, 140, 640, 410, "#1b2340", 10)
    sheet.box(530, 580, 140, 60, "#4b4870")
    sheet.box(440, 630, 320, 22, "#4b4870", 10)
    chance = Random(7)  # noqa: S311 - stars
    for _ in range(40):
        sheet.disc(chance.uniform(290, 910), chance.uniform(150, 400), 2.5, "#7f8fd0")
    for row, colour in enumerate(("#f06a6a", "#f5b74f", "#7fd0a3")):
        for column in range(6):
            _pixels(sheet, 330 + column * 90, 180 + row * 68, colour)
    sheet.box(595, 420, 10, 30, "#fff3b0")
    sheet.shape([(560, 520), (600, 470), (640, 520)], "#8fd3f4")
    sheet.box(548, 512, 104, 18, "#8fd3f4")
    sheet.box(300, 672, 480, 74, "#f7f5fb", 14)
    for n in range(14):
        sheet.box(316 + n * 32.5, 688, 24, 18, "#cfc7e6", 4)
        sheet.box(316 + n * 32.5, 714, 24, 18, "#cfc7e6", 4)
    sheet.disc(880, 712, 42, "#f7f5fb", 1.2)
    return sheet.jpeg()


def open_day() -> bytes:
    """A school with its doors open and garlands over the yard."""
    sheet = Canvas("#fbe8cf")
    sheet.disc(600, 1330, 1000, "#e3c79a", 0.66)
    sheet.box(240, 330, 720, 360, "#d98858")
    sheet.shape([(205, 340), (330, 240), (870, 240), (995, 340)], "#6b4a4a")
    sheet.box(500, 190, 200, 500, "#c9744a")
    sheet.shape([(480, 200), (600, 96), (720, 200)], "#6b4a4a")
    sheet.disc(600, 262, 44, "#fdf6ea")
    sheet.box(597, 234, 6, 30, "#6b4a4a")
    sheet.box(597, 259, 24, 6, "#6b4a4a")
    for x in (285, 390, 735, 840):
        for y in (390, 530):
            sheet.box(x, y, 76, 96, "#fdf6ea", 6)
            sheet.box(x + 6, y + 6, 64, 84, "#9fcad0", 4)
            sheet.box(x + 35, y + 6, 6, 84, "#fdf6ea")
    sheet.box(540, 520, 120, 170, "#fff6dc")
    sheet.shape([(540, 520), (496, 545), (496, 715), (540, 690)], "#2f7d74")
    sheet.shape([(660, 520), (704, 545), (704, 715), (660, 690)], "#2f7d74")
    for x, size, colour in ((330, 0.72, "#d9583f"), (420, 0.6, "#2f8f83"), (850, 0.75, "#5c6fb1")):
        _child(sheet, x, 735, size, colour)
    _garland(sheet)
    return sheet.jpeg()


def _child(sheet: Canvas, x: float, ground: float, size: float, colour: Colour) -> None:
    def at(dx: float, dy: float) -> tuple[float, float]:
        return x + dx * size, ground + dy * size

    sheet.shape([at(-46, 0), at(46, 0), at(24, -130), at(-24, -130)], colour)
    sheet.shape([at(-20, -120), at(-92, -190), at(-78, -204), at(0, -140)], colour)
    sheet.shape([at(20, -120), at(92, -190), at(78, -204), at(0, -140)], colour)
    sheet.disc(*at(0, -168), 40 * size, "#f0c9a4")
    sheet.shape([at(-41, -172), at(-30, -206), at(30, -206), at(41, -172)], "#4a2f2a")


def _sheep(sheet: Canvas, x: float, y: float, size: float) -> None:
    for dx in (-34, -14, 16, 36):
        sheet.box(x + dx * size, y + 20 * size, 9 * size, 48 * size, "#3d3a3a")
    for dx, dy in ((-34, 0), (0, -16), (34, 0), (-18, 14), (18, 14)):
        sheet.disc(x + dx * size, y + dy * size, 34 * size, "#fbf8f1")
    sheet.disc(x + 66 * size, y - 12 * size, 22 * size, "#3d3a3a", 1.2)


def _pixels(sheet: Canvas, x: float, y: float, colour: Colour) -> None:
    """A small invader."""
    for row, line in enumerate(("..#..#..", ".######.", "##.##.##", "########", "#.#..#.#")):
        for column, sign in enumerate(line):
            if sign == "#":
                sheet.box(x + column * 7, y + row * 8, 7, 8, colour)


def _garland(sheet: Canvas) -> None:
    colours = ("#d9583f", "#e0a63a", "#2f8f83", "#5c6fb1")
    for row, top in enumerate((40, 10)):
        for n in range(21):
            x = n * 60 + row * 20
            y = top + 90 - 90 * (2 * (x % 600) / 600 - 1) ** 2
            sheet.shape([(x - 24, y), (x + 24, y), (x, y + 54)], colours[(n + row) % 4])
