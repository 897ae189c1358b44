"""Benchmarks: what was measured in part takes the place of nothing, and a line says what lacks."""

import json
from argparse import ArgumentParser, ArgumentTypeError

import pytest

from benchmarks import results


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        ([], "speed.json"),
        (["--verbose"], "speed.json"),
        (["--only", "cnn"], "speed-partial.json"),
        (["--seconds", "1"], "speed-partial.json"),
    ],
)
def test_only_what_was_asked_for_by_default_is_published(flags, name, tmp_path, monkeypatch):
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    parser = ArgumentParser()
    parser.add_argument("--only", action="append")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args(flags)

    results.write("speed", {"cnn": 1}, results.whole(parser, args, "only", "seconds"))

    (written,) = tmp_path.iterdir()
    assert written.name == name
    assert json.loads(written.read_text())["cnn"] == 1


def test_a_folder_without_photographs_is_named(tmp_path):
    with pytest.raises(ArgumentTypeError, match=f"no photographs under {tmp_path}"):
        results.photographs(str(tmp_path))
    (tmp_path / "football").mkdir()
    (tmp_path / "football" / "1.jpg").touch()

    assert results.photographs(str(tmp_path)) == tmp_path
