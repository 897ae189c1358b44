"""What a setting is: its line in the table, a file that it names, and the parsers of its text.

The parsers raise ValueError.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class SettingError(ValueError):
    """A setting has a value that it cannot have; the message names it and says what it takes."""


@dataclass(frozen=True)
class Setting:
    """One line of the table. `parse` turns the environment's text into the value."""

    name: str
    parse: Callable[[str], Any]
    default: Any
    unit: str
    description: str

    def read(self, text: str) -> Any:
        try:
            return self.parse(text.strip())
        except ValueError as error:
            raise SettingError(f"{self.name}={text!r}: {error}") from error


def read_file(setting: str, file: str) -> str:
    """The text of a file that a setting names. Raises SettingError where it cannot be read."""
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise SettingError(f"{setting}={file}: {reason}") from error


def whole(low: int, high: int = 2**31) -> Callable[[str], int]:
    """A parser of whole numbers from low to high, both included."""

    def integer(text: str) -> int:
        number = int(text)
        if not low <= number <= high:
            raise ValueError(f"expected a whole number from {low} to {high}")
        return number

    return integer


def number(low: float, high: float = 86_400.0) -> Callable[[str], float]:
    """A parser of numbers from low to high, both included."""

    def real(text: str) -> float:
        value = float(text)
        if not low <= value <= high:
            raise ValueError(f"expected a number from {low} to {high}")
        return value

    return real


def one_of(*choices: str) -> Callable[[str], str]:
    """A parser that takes one of a few words."""

    def choice(text: str) -> str:
        if text not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}")
        return text

    return choice


def switch(text: str) -> bool:
    """1/true/yes/on or 0/false/no/off, in any case."""
    words = {"1": True, "true": True, "yes": True, "on": True}
    words |= {"0": False, "false": False, "no": False, "off": False, "": False}
    if text.lower() not in words:
        raise ValueError("expected 1 or 0")
    return words[text.lower()]


def words(text: str) -> tuple[str, ...]:
    """Words separated by commas or white space."""
    return tuple(text.replace(",", " ").split())


def host(text: str) -> str:
    """An address or the name of one, in lower case; IPv6 may stand in brackets."""
    return text.lower().strip("[]")


def host_names(text: str) -> tuple[str, ...]:
    """Names of hosts, in lower case, separated by commas or white space."""
    names = words(text.lower())
    if not all(re.fullmatch(r"[a-z0-9_.-]+", name) for name in names):
        raise ValueError("expected names such as balls.example, without scheme and port")
    return names


def twentieth(text: str) -> float:
    """A share that lies on an edge of the confidence histogram, whose bins are 0.05 wide."""
    value = number(0.0, 1.0)(text)
    if abs(value * 20 - round(value * 20)) > 1e-9:
        raise ValueError("expected a multiple of 0.05 from 0 to 1")
    return round(value * 20) / 20


def database_url(text: str) -> str:
    """A SQLAlchemy URL: postgresql:// means psycopg 3, a relative path the current folder."""
    for prefix in ("postgres://", "postgresql://"):
        if text.startswith(prefix):
            return "postgresql+psycopg://" + text.removeprefix(prefix)
    if text.startswith("postgresql+psycopg://"):
        return text
    path = text.removeprefix("sqlite:///")
    if path == text or path in ("", ":memory:"):
        raise ValueError("expected sqlite:///path/to/file.db or postgresql://user:password@host/db")
    return f"sqlite:///{Path(path).absolute()}"
