"""The digest of a stage's code: it changes with what the stage runs, and with nothing else."""

import pytest

from steps.shared.code_digest import code_digest

FILES = {
    "requirements/pipeline.txt": "numpy==2.4\n",
    "steps/__init__.py": "",
    "steps/train.py": "import os\nfrom steps.shared import packaging, trainer as t\n",
    "steps/split.py": "from .shared.plain import thing\n",
    "steps/shared/__init__.py": "",
    "steps/shared/trainer.py": "def f():\n    from steps.shared.augment import x\n",
    "steps/shared/augment.py": "x = 1\n",
    "steps/shared/packaging.py": "SERVED = 'served_model'\n",
    "steps/shared/plain.py": "from . import cycle\nthing = 1\n",
    "steps/shared/cycle.py": "import steps.shared.plain\n",
    "steps/shared/report.html.j2": "<h1>",
    "steps/served_model/__init__.py": "",
    "steps/served_model/classifier.py": "",
}


@pytest.fixture
def tree(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def changes(tree, stage, name) -> bool:
    before = code_digest(f"steps.{stage}", tree)
    (tree / name).write_text("# changed\n" + FILES[name])
    return code_digest(f"steps.{stage}", tree) != before


@pytest.mark.parametrize(
    ("stage", "name"),
    [
        ("train", "steps/__init__.py"),
        ("train", "steps/train.py"),
        ("train", "steps/shared/trainer.py"),
        ("train", "steps/shared/augment.py"),
        ("train", "steps/served_model/classifier.py"),
        ("train", "steps/shared/report.html.j2"),
        ("train", "requirements/pipeline.txt"),
        ("split", "steps/__init__.py"),
        ("split", "steps/shared/plain.py"),
        ("split", "steps/shared/cycle.py"),
    ],
)
def test_what_a_stage_runs_changes_its_digest(tree, stage, name):
    assert changes(tree, stage, name)


@pytest.mark.parametrize(
    ("stage", "name"),
    [
        ("train", "steps/split.py"),
        ("train", "steps/shared/cycle.py"),
        ("split", "steps/shared/augment.py"),
        ("split", "steps/served_model/classifier.py"),
    ],
)
def test_what_it_does_not_run_does_not(tree, stage, name):
    assert not changes(tree, stage, name)


def test_the_same_code_elsewhere_has_the_same_digest(tree, tmp_path_factory):
    import shutil

    other = tmp_path_factory.mktemp("other") / "copy"
    shutil.copytree(tree, other)

    assert code_digest("steps.train", other) == code_digest("steps.train", tree)


def test_every_stage_of_ours_has_a_digest_of_its_own():
    digests = {code_digest(f"steps.{name}") for name in ("ingest", "dataprep", "split", "train")}

    assert len(digests) == 4
