"""The sheet of doubtful labels: audit writes it, a person decides in it, and ingest obeys."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from steps.shared.stage import StageError

COLUMNS = ["path", "sha256", "category", "suggested", "confidence", "reason", "action"]
READ = ("path", "sha256", "suggested", "action")
"""The columns that count; a person may change or remove the others."""
KEEP, DROP, RELABEL = "keep", "drop", "relabel"
ACTIONS = ("", KEEP, DROP, RELABEL)


@dataclass(frozen=True)
class Corrections:
    """What to do with photographs, one row a file.

    rows: path, sha256, suggested and action, all str; the index is the row as a spreadsheet
    numbers it (the header is row 1).
    """

    source: str
    rows: pd.DataFrame

    def check(self, table: pd.DataFrame) -> None:
        """Raise StageError, naming the row, where the sheet does not fit the photographs.

        table: ingest's, columns path, category and sha256.
        """
        known = table.set_index("path")["sha256"]
        for row in self.rows.itertuples():
            if row.path not in known.index:
                self._refuse(
                    row.Index,
                    f"names {row.path}, which --source does not hold: remove the row, or name the "
                    "source that was audited.",
                )
            if row.sha256 != known[row.path]:
                self._refuse(
                    row.Index,
                    f"was written for another picture than {row.path} now is (their sha256 "
                    "differ): remove the row, or audit again.",
                )
        self._check_categories(sorted(table["category"].unique()))

    def apply(self, table: pd.DataFrame) -> pd.DataFrame:
        """The table without what is dropped, and with the new category of what is relabelled.

        Paths stay: a sheet of a later audit still names the file that --source holds. Raises
        StageError as `check` does, and where a category would lose its last picture.
        """
        self.check(table)
        wanted = self.rows.set_index("path")
        relabelled = wanted.loc[wanted["action"] == RELABEL, "suggested"]
        kept = table[~table["path"].isin(wanted.index[wanted["action"] == DROP])]
        category = kept["path"].map(relabelled).fillna(kept["category"])
        for name in sorted(set(table["category"]) - set(category)):
            raise StageError(
                f"--corrections {self.source} leaves no picture in category {name}: keep some, or "
                "remove its folder from the source."
            )
        return kept.assign(category=category).reset_index(drop=True)

    def count(self, action: str) -> int:
        """How many rows ask for an action."""
        return int((self.rows["action"] == action).sum())

    def _check_categories(self, categories: list[str]) -> None:
        relabelled = self.rows[self.rows["action"] == RELABEL]
        for row in relabelled[~relabelled["suggested"].isin(categories)].itertuples():
            self._refuse(
                row.Index,
                f"relabels {row.path} as {row.suggested or 'nothing'}, which is no category: write "
                f"one of them under `suggested`: {', '.join(categories)}.",
            )

    def _refuse(self, row: object, what: str) -> None:
        raise StageError(f"--corrections {self.source}: row {row} {what}")


def read(path: str) -> Corrections:
    """Read a sheet. Raises StageError, naming the row, where it is none or contradicts itself."""
    if not Path(path).is_file():
        raise StageError(f"--corrections {path} does not exist: name a sheet that audit wrote.")
    try:
        # Spreadsheets write a byte-order mark; what looks like NA or a number is a name.
        rows = pd.read_csv(
            path, dtype=str, keep_default_na=False, encoding="utf-8-sig", skip_blank_lines=False
        ).fillna("")
    except (ValueError, OSError) as error:  # UnicodeDecodeError and pandas' errors are ValueErrors
        raise StageError(f"--corrections {path} is no table: {error}.") from error
    missing = [name for name in READ if name not in rows]
    if missing:
        raise StageError(
            f"--corrections {path} lacks the column {missing[0]}: save it as UTF-8 text with "
            "commas between the columns, as audit wrote it."
        )
    rows.index = rows.index + 2
    stripped = rows[list(READ)].apply(lambda column: column.str.strip())
    # Of a path, a space may be a part.
    kept = stripped.assign(path=rows["path"], action=stripped["action"].str.lower())
    sheet = Corrections(path, kept[(stripped != "").any(axis=1)])
    _check_actions(sheet)
    return sheet


def _check_actions(sheet: Corrections) -> None:
    for row in sheet.rows.itertuples():
        if row.action not in ACTIONS:
            sheet._refuse(
                row.Index, f"has the action {row.action}; there are: keep, drop, relabel."
            )
    again = sheet.rows[sheet.rows["path"].duplicated()]
    for row in again.itertuples():
        first = sheet.rows.index[sheet.rows["path"] == row.path][0]
        sheet._refuse(row.Index, f"names {row.path} again, after row {first}: remove one of them.")
