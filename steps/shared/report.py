"""The data report: one HTML file, pictures inside, that shows what a data set holds."""

import base64
import io
from pathlib import Path

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, select_autoescape
from PIL import Image

SAMPLES, GROUPS, GROUP_PICTURES = 12, 40, 6
BAR_REM = 25.0
"""Width of the longest bar, in rem."""


def data_report(table: pd.DataFrame, rejected: pd.DataFrame, images: np.ndarray) -> str:
    """Render the report.

    table: dataprep's, row i describing images[i]; images: (n, size, size, 3) uint8;
    rejected: path, code and reason of each file that could not be read.
    """
    groups = table.groupby("group").filter(lambda g: len(g) > 1)
    sizes = groups["group"].value_counts()
    conflicts = table.loc[table["conflict"], "group"].unique()
    return page(
        "report.html.j2",
        kept=len(table),
        categories=_categories(table, images),
        rejected=rejected.to_dict("records"),
        duplicates=int(table["duplicate"].sum()),
        group_count=len(sizes),
        conflicts=[_group(table, images, g) for g in conflicts],
        groups=[_group(table, images, g) for g in sizes.index[:GROUPS]],
        sizes=_sizes(table),
    )


def page(template: str, **values: object) -> str:
    """An HTML page from a template of this folder, whatever `values` hold escaped."""
    here = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=select_autoescape(["j2"])
    )
    return here.get_template(template).render(**values)


def thumbnail(image: np.ndarray, side: int = 96) -> str:
    """A picture as a data URL. image: (size, size, 3) uint8."""
    picture = Image.fromarray(image)
    picture.thumbnail((side, side))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def _categories(table: pd.DataFrame, images: np.ndarray) -> list[dict]:
    most = table["category"].value_counts().max()
    return [
        {
            "name": name,
            "count": len(rows),
            "duplicates": int(rows["duplicate"].sum()),
            "width": BAR_REM * len(rows) / most,
            "samples": [
                thumbnail(images[i])
                for i in rows.sample(min(SAMPLES, len(rows)), random_state=0).index
            ],
        }
        for name, rows in table.groupby("category")
    ]


def _group(table: pd.DataFrame, images: np.ndarray, group: int) -> dict:
    rows = table[table["group"] == group]
    shown = rows.iloc[:GROUP_PICTURES]
    return {
        "category": ", ".join(rows["category"].unique()),
        "size": len(rows),
        "pictures": [
            {"src": thumbnail(images[i]), "path": path}
            for i, path in zip(shown.index, shown["path"], strict=True)
        ],
    }


def _sizes(table: pd.DataFrame) -> list[dict]:
    longest = table[["width", "height"]].max(axis=1)
    edges = [0, 64, 128, 256, 512, 1024, 2048, 4096, 10**6]
    counts = pd.cut(longest, edges, right=True).value_counts(sort=False)
    return [
        {
            "name": f"{edge.left:.0f} – {edge.right:.0f}" if edge.right < 10**6 else "over 4096",
            "count": int(count),
            "width": BAR_REM * count / max(counts.max(), 1),
        }
        for edge, count in counts.items()
    ]
