"""The command `python -m steps.sample`: look at the sample data, or write it."""

import argparse
from pathlib import Path

from steps.sample.kinds import CATEGORIES
from steps.sample.sheet import contact_sheet
from steps.sample.writer import write_sample


def parser() -> argparse.ArgumentParser:
    """The command's flags."""
    flags = argparse.ArgumentParser(
        prog="python -m steps.sample",
        description=f"Render pictures of {len(CATEGORIES)} kinds of sports ball on the spot.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    flags.add_argument("--sheet", type=Path, help="write a contact sheet to this image file")
    flags.add_argument("--columns", type=int, default=8, help="pictures a category on the sheet")
    flags.add_argument("--out", type=Path, help="write CATEGORY/CATEGORY-SEED-0001.jpg under here")
    flags.add_argument("--per-category", type=int, default=80, help="pictures a category in --out")
    flags.add_argument("--size", type=int, default=192, help="pixels along a picture's side")
    flags.add_argument("--seed", type=int, default=0, help="the same seed, the same pictures")
    flags.add_argument("--workers", type=int, help="processes; by default one a core")
    return flags


def main(arguments: list[str] | None = None) -> None:
    """Run the command; arguments: those of the process by default."""
    flags = parser()
    options = flags.parse_args(arguments)
    if not (options.sheet or options.out):
        flags.error("nothing to do: give --sheet FILE to look at pictures, or --out FOLDER")
    try:
        if options.sheet:
            contact_sheet(options.columns, options.seed, options.size).save(options.sheet)
        if options.out:
            count = write_sample(
                options.out, options.per_category, options.seed, options.size, options.workers
            )
            print(f"{count} pictures under {options.out}")
    except (ValueError, OSError) as error:
        flags.error(str(error))


if __name__ == "__main__":
    main()
