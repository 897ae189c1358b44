"""A contact sheet: every category in a row, so that a person can judge the pictures at a glance."""

from PIL import Image, ImageDraw

from steps.sample.decals import font
from steps.sample.kinds import CATEGORIES
from steps.sample.scene import render
from steps.sample.writer import picture_rng

CAPTION = 150
"""Width of the column of names, in pixels."""


def contact_sheet(
    columns: int, seed: int, size: int = 192, categories: tuple[str, ...] = CATEGORIES
) -> Image.Image:
    """An RGB picture with one row of `columns` pictures, each `size` pixels wide, a category."""
    gap = 4
    pitch = size + gap
    extent = (CAPTION + columns * pitch, len(categories) * pitch + gap)
    sheet = Image.new("RGB", extent, "white")
    draw = ImageDraw.Draw(sheet)
    for row, category in enumerate(categories):
        top = gap + row * pitch
        draw.text((8, top + size // 2 - 8), category.replace("_", " "), "black", font(15))
        for column in range(columns):
            picture = render(category, picture_rng(seed, category, column + 1), size)
            sheet.paste(picture, (CAPTION + column * pitch, top))
    return sheet
