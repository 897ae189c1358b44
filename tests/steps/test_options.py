"""Options: one table makes command lines and MLproject, and bad values are usage errors."""

import runpy
import sys
import warnings
from argparse import ArgumentTypeError, Namespace
from pathlib import Path

import pytest
import yaml

from steps.main import Chain
from steps.shared import options, values
from steps.shared.mlproject import mlproject

ROOT = Path(__file__).parents[2]
CHAINED = ("ingest", "dataprep", "split", "train", "evaluate", "register")


def test_mlproject_is_what_the_table_says():
    assert (ROOT / "MLproject").read_text() == mlproject()


def test_every_parameter_has_a_type_and_a_default():
    entry_points = yaml.safe_load(mlproject())["entry_points"]

    assert set(entry_points) == set(options.STAGES)
    for point in entry_points.values():
        for parameter in point["parameters"].values():
            assert parameter["type"] in ("string", "float")
            assert "default" in parameter


@pytest.mark.parametrize("stage", options.STAGES)
def test_help_describes_every_option(stage, capsys):
    with pytest.raises(SystemExit) as end:
        options.parse(stage, ["--help"])

    assert end.value.code == 0
    text = capsys.readouterr().out
    assert all(option.flag in text for option in options.of(stage))


@pytest.mark.parametrize("stage", options.STAGES)
def test_every_entry_point_answers_help(stage, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [stage, "--help"])

    with pytest.raises(SystemExit) as end, warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a module that is imported already
        runpy.run_module(f"steps.{stage}", run_name="__main__", alter_sys=True)

    assert end.value.code == 0
    assert f"usage: python -m steps.{stage}" in capsys.readouterr().out


@pytest.mark.parametrize("stage", options.STAGES)
def test_defaults_are_valid(stage):
    assert options.parse(stage, []) is not None


def test_every_option_of_main_reaches_a_stage():
    args = options.parse("main", [])
    chain = Chain(Namespace(**vars(args)))

    forwarded = {name for stage in CHAINED for name in chain._parameters(stage)}

    assert set(vars(args)) - forwarded == {"fresh", "work"}


def test_main_hands_on_values_as_text_that_stages_read_again():
    args = options.parse("main", ["--epochs", "7.0", "--learning-rate", "0.02"])

    handed_on = Chain(args)._parameters("train")

    flags = [f"--{name.replace('_', '-')}={value}" for name, value in handed_on.items()]
    assert options.parse("train", flags).epochs == 7
    assert options.parse("train", flags).learning_rate == 0.02
    assert options.parse("train", flags).head is None


BAD = [
    ("ingest", "--per-category", "0"),
    ("ingest", "--seed", "-1"),
    ("dataprep", "--size", "inf"),
    ("dataprep", "--size", "2.5"),
    ("dataprep", "--max-bad-share", "1.1"),
    ("dataprep", "--workers", "-1"),
    ("split", "--test-share", "nan"),
    ("train", "--epochs", "many"),
    ("train", "--learning-rate", "-0.1"),
    ("train", "--learning-rate", "nan"),
    ("train", "--weight-decay", "inf"),
    ("audit", "--apply-above", "2"),
    ("tune", "--trials", "0"),
    ("tune", "--timeout", "-1"),
    ("evaluate", "--min-accuracy", "80"),
    ("main", "--fresh", "perhaps"),
    ("serve", "--port", "70000"),
    ("serve", "--scoring-port", "0"),
    ("serve", "--no-such-flag", "1"),
]


@pytest.mark.parametrize(("stage", "flag", "value"), BAD)
def test_a_bad_value_is_a_usage_error(stage, flag, value, capsys):
    with pytest.raises(SystemExit) as end:
        options.parse(stage, [f"{flag}={value}"])

    assert end.value.code == 2
    assert flag in capsys.readouterr().err


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (values.share, "0.25", 0.25),
        (values.share, "1", 1),
        (values.positive, "20.0", 20),
        (values.whole, "0.0", 0),
        (values.amount, "0", 0),
        (values.port, "8000", 8000),
        (values.yes_no, "True", True),
        (values.yes_no, "off", False),
        (values.auto(values.positive), "auto", None),
        (values.auto(values.positive), "3", 3),
    ],
)
def test_text_becomes_a_value(parse, text, value):
    assert parse(text) == value


def test_an_automatic_option_is_named_for_what_it_reads():
    assert values.auto(values.share).__name__ == "share"


def test_words_that_mean_nothing_are_refused():
    with pytest.raises(ArgumentTypeError, match="neither true nor false"):
        values.yes_no("perhaps")
