"""Reads the values of options from text, and says what is wrong with them."""

import argparse
from collections.abc import Callable


def share(text: str) -> float:
    """A number from 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def positive(text: str) -> int:
    """A whole number from 1 on; "20.0" counts, since MLproject has no type for whole numbers."""
    value = float(text)
    if not value.is_integer() or value < 1:  # neither is infinity a whole number
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 on")
    return int(value)


def whole(text: str) -> int:
    """A whole number from 0 on."""
    return 0 if float(text) == 0 else positive(text)


def amount(text: str) -> float:
    """A finite number from 0 on."""
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 on")
    return value


def port(text: str) -> int:
    """A TCP port that can be listened on."""
    value = positive(text)
    if value > 65_535:
        raise argparse.ArgumentTypeError(f"{text} is not a port: they end at 65535")
    return value


def yes_no(text: str) -> bool:
    """true or false, in the words that people use."""
    if text.lower() in ("true", "yes", "1", "on"):
        return True
    if text.lower() in ("false", "no", "0", "off"):
        return False
    raise argparse.ArgumentTypeError(f"{text} is neither true nor false")


def one_of(*words: str) -> Callable[[str], str]:
    """One of some words."""

    def word(text: str) -> str:
        if text not in words:
            raise argparse.ArgumentTypeError(f"{text} is unknown; there are: {', '.join(words)}")
        return text

    return word


def auto(parse: Callable[[str], object]) -> Callable[[str], object]:
    """Also take "auto": whatever the network's own recipe says."""

    def parse_or_none(text: str) -> object:
        return None if text == "auto" else parse(text)

    parse_or_none.__name__ = parse.__name__
    return parse_or_none
