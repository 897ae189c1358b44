"""The YAML files: written from the options, valid for Azure's own loaders, and whole as graphs."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from azure.ai.ml import load_component, load_compute, load_environment, load_job, load_workspace
from azure.ai.ml._utils._asset_utils import get_ignore_file, get_upload_files_from_folder
from local_runner import copy_snapshot

from azure_ml import components, graph
from azure_ml import run as running
from steps.shared import options, recipes

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "azure_ml"
PIPELINES = ("pipeline.yaml", "sweep.yaml", "distill.yaml")


def problems(path: Path) -> list[str]:
    return graph.problems(yaml.safe_load(path.read_text()), path.parent)


@pytest.mark.parametrize("path", components.texts(), ids=lambda path: path.name)
def test_a_component_is_what_the_options_say(path):
    assert path.read_text() == components.texts()[path]


def test_a_stale_component_is_named_by_the_check(tmp_path, monkeypatch):
    monkeypatch.setattr(components, "FOLDER", tmp_path)
    monkeypatch.setattr(sys, "argv", ["components", "--check"])

    with pytest.raises(SystemExit) as end:
        components.main()

    assert "out of date: ingest.yaml" in end.value.code
    assert "make components" in end.value.code


def test_writing_the_components_makes_the_check_pass(tmp_path, monkeypatch):
    monkeypatch.setattr(components, "FOLDER", tmp_path)
    for arguments in ([], ["--check"]):
        monkeypatch.setattr(sys, "argv", ["components", *arguments])
        components.main()

    assert len(list(tmp_path.glob("*.yaml"))) == len(components.texts())


@pytest.mark.parametrize("stage", components.STAGES)
def test_every_flag_of_a_component_is_one_of_the_stage(stage):
    command = yaml.safe_load((FOLDER / "components" / f"{stage}.yaml").read_text())["command"]

    flags = set(re.findall(r"--[a-z-]+", command))

    assert flags <= {option.flag for option in options.of(stage)}


@pytest.mark.parametrize("path", components.texts(), ids=lambda path: path.name)
def test_azure_accepts_every_component(path):
    outcome = load_component(path)._validate()

    assert outcome.passed, outcome.error_messages


@pytest.mark.parametrize("name", PIPELINES)
def test_azure_accepts_every_pipeline(name):
    outcome = load_job(FOLDER / name)._validate()

    assert outcome.passed, outcome.error_messages


def test_azure_accepts_computes_environments_and_workspace():
    cluster = load_compute(FOLDER / "compute.yaml")
    assert (cluster.min_instances, cluster.idle_time_before_scale_down) == (0, 120)
    for name in ("cpu", "gpu"):
        assert load_environment(FOLDER / "environments" / f"{name}.yaml").name
    assert load_workspace(FOLDER / "workspace.yaml").name


@pytest.mark.parametrize("name", PIPELINES)
def test_our_own_check_finds_nothing(name):
    assert problems(FOLDER / name) == []


PLANTED = {
    "a reference to no step": ("jobs.split.outputs.out", "jobs.splitt.outputs.out", "there is no"),
    "a reference to no output": ("jobs.train.outputs.out", "jobs.train.outputs.model", "is no"),
    "a reference to no input": ("parent.inputs.size", "parent.inputs.sizes", "there is no"),
    "an input that the component lacks": ("      prepared:", "      unprepared:", "no such input"),
    "an input left out": ("      verdict: ${{parent.jobs.evaluate.outputs.out}}\n", "", "missing"),
    "an input of the pipeline nobody reads": ("  seed: 1", "  seed: 1\n  more: 1", "nobody reads"),
    "an output nobody reads": (
        "    outputs:\n      out: ${{parent.outputs.registered}}\n",
        "",
        "register.outputs.out: nobody",
    ),
    "a word where a number is wanted": ("  size: 80", "  size: large", "string where integer"),
    "a folder where a word is wanted": (
        "network: ${{parent.inputs.network}}",
        "network: ${{parent.inputs.photographs}}",
        "uri_folder where string",
    ),
    "a number out of bounds": ("size: ${{parent.inputs.size}}", "size: 0", "not from 1"),
    "an output that the component lacks": (
        "      out: ${{parent.outputs.registered}}",
        "      model: ${{parent.outputs.registered}}",
        "no such output",
    ),
    "steps that wait for each other": (
        "photos: ${{parent.jobs.ingest.outputs.out}}\n      size",
        "photos: ${{parent.jobs.split.outputs.out}}\n      size",
        "wait for each other",
    ),
}


@pytest.fixture
def copy(tmp_path):
    """A copy of the files, to be spoilt."""
    return Path(shutil.copytree(FOLDER, tmp_path / "azure_ml"))


@pytest.mark.parametrize(("right", "wrong", "says"), PLANTED.values(), ids=PLANTED)
def test_a_planted_fault_is_found(copy, right, wrong, says):
    path = copy / "pipeline.yaml"
    assert right in path.read_text()
    path.write_text(path.read_text().replace(right, wrong))

    found = problems(path)

    assert found
    assert any(says in sentence for sentence in found), found


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ("${{inputs.size}}", "${{inputs.sizes}}", "not declared"),
        ("  --size ${{inputs.size}}\n", "", "does not use it"),
    ],
)
def test_a_command_that_does_not_fit_its_component_is_found(copy, right, wrong, says):
    path = copy / "components" / "dataprep.yaml"
    path.write_text(path.read_text().replace(right, wrong))

    assert any(says in sentence for sentence in problems(copy / "pipeline.yaml"))


@pytest.mark.parametrize("name", ["pipeline.yaml", "sweep.yaml"])
def test_defaults_of_a_pipeline_are_those_of_main(name):
    inputs = graph.read(FOLDER / name).inputs
    defaults = {option.name: option.default for option in options.of("main")}
    defaults["size"] = str(recipes.find(defaults["network"]).size)  # main's "auto"

    given = {key: str(value) for key, value in inputs.items() if key != "photographs"}

    assert given == {key: defaults[key] for key in given}


def test_the_sweep_by_hand_tries_what_suits_its_network():
    sweep = graph.read(FOLDER / "sweep.yaml")
    space = sweep.steps["sweep"].searched

    assert space == running.search_space(sweep.inputs["network"], space)


def test_distillation_is_that_of_the_students_recipe():
    inputs = graph.read(FOLDER / "distill.yaml").inputs
    recipe = recipes.find(inputs["network"])

    assert recipe.teacher == inputs["teacher"]
    assert recipe.size == inputs["size"]
    assert recipes.find(recipe.teacher).size == inputs["teacher_size"]


def test_the_snapshot_holds_what_runs_and_nothing_else(tmp_path):
    snapshot = copy_snapshot(tmp_path / "snapshot")

    files = [path for path in snapshot.rglob("*") if path.is_file()]
    names = {path.relative_to(snapshot).as_posix() for path in files}
    assert {"steps/train.py", "steps/shared/report.html.j2"} <= names
    assert {name.split("/")[0] for name in names} == {"steps"}
    assert {path.suffix for path in files} == {".py", ".j2"}
    assert sum(path.stat().st_size for path in files) < 1_000_000


def pins(name: str) -> dict[str, str]:
    """Package → version in a locked requirements file."""
    text = (ROOT / "requirements" / name).read_text()
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[[^]]*\])?==(\S+)", text, re.MULTILINE))


@pytest.mark.parametrize("name", ["cpu", "gpu"])
def test_an_environment_is_what_conda_yaml_describes(name):
    """Both install the same Python and the same locked file, hashes and all."""
    about = yaml.safe_load((FOLDER / "environments" / f"{name}.yaml").read_text())["build"]
    context = (FOLDER / "environments" / about["path"]).resolve()
    dockerfile = (context / about["dockerfile_path"]).read_text()
    python, _, pip = yaml.safe_load((ROOT / "conda.yaml").read_text())["dependencies"]

    assert python in dockerfile
    (locked,) = [line.removeprefix("-r ") for line in pip["pip"]]
    assert ROOT / locked == context / "pipeline.txt"
    assert "--require-hashes --requirement /build/pipeline.txt" in dockerfile


@pytest.mark.parametrize("name", ["cpu", "gpu"])
def test_an_image_is_built_from_what_its_dockerfile_copies(name):
    context = Path(load_environment(FOLDER / "environments" / f"{name}.yaml").path)

    files = get_upload_files_from_folder(context, ignore_file=get_ignore_file(context))

    sent = {target for _, target in files}
    assert sent == {"pipeline.txt", "gpu.txt", "cpu.Dockerfile", "gpu.Dockerfile"}
    copied = re.search("^COPY (.*) /build/$", (context / f"{name}.Dockerfile").read_text(), re.M)
    assert copied and set(copied[1].split()) <= sent


def test_the_gpu_environment_differs_in_tensorflows_build_alone():
    cpu, gpu = pins("pipeline.txt"), pins("gpu.txt")

    assert gpu["tensorflow"] == cpu["tensorflow-cpu"]
    more = {name for name in gpu if name not in cpu}
    assert {name for name in more if not name.startswith("nvidia-")} <= {"tensorflow"}
    assert {name: gpu[name] for name in gpu if name in cpu} == {
        name: cpu[name] for name in gpu if name in cpu
    }


def test_no_lock_names_a_registry():
    assert "://" not in (ROOT / "requirements" / "gpu.txt").read_text()


def test_the_check_is_a_command():
    command = [sys.executable, "-m", "azure_ml.components", "--check"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
