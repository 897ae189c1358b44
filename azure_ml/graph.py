"""Reads a pipeline's YAML file and finds what azure-ai-ml's own validation lets pass.

That is: references to nothing, inputs that a component does not have or lacks, outputs that nobody
reads, values and references of a wrong type, and steps that wait for each other.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import yaml

REFERENCE = re.compile(r"\$\{\{([^}]*)\}\}")
PRIMITIVE = {int: "integer", float: "number", bool: "boolean", str: "string"}
FITS = {("integer", "number"), ("integer", "string"), ("number", "string"), ("boolean", "string")}
"""What may go where besides equal types: a number is text in a command line anyway."""


@dataclass
class Step:
    """One job of a pipeline: what it is given, and the component that it runs."""

    name: str
    inputs: dict
    outputs: dict
    component: dict
    searched: dict = field(default_factory=dict)
    """Inputs that a sweep sets, by name."""

    def reads(self) -> Iterator[str]:
        """The references among its inputs, as "parent.jobs.train.outputs.out"."""
        for value in self.inputs.values():
            yield from references(value)


@dataclass
class Pipeline:
    """A pipeline with its components, as they stand in the files."""

    inputs: dict
    outputs: dict
    steps: dict[str, Step]

    def order(self) -> list[str]:
        """The steps' names, each after those that it reads from. Raises ValueError for a cycle."""
        needs = {
            step.name: {r.split(".")[2] for r in step.reads() if r.startswith("parent.jobs.")}
            for step in self.steps.values()
        }
        try:
            return [name for name in TopologicalSorter(needs).static_order() if name in self.steps]
        except CycleError as error:
            raise ValueError(f"steps wait for each other: {' → '.join(error.args[1])}") from error


def read(path: Path) -> Pipeline:
    """Read a pipeline and the components that it names, relative to it."""
    return resolve(yaml.safe_load(path.read_text()), path.parent)


def resolve(text: dict, folder: Path) -> Pipeline:
    """The pipeline that a YAML file's contents describe. folder: where the file is."""
    steps = {}
    for name, job in text["jobs"].items():
        file = folder / (job.get("component") or job["trial"])
        steps[name] = Step(
            name,
            job.get("inputs", {}),
            job.get("outputs", {}),
            yaml.safe_load(file.read_text()),
            job.get("search_space", {}),
        )
    return Pipeline(text.get("inputs", {}), text.get("outputs", {}), steps)


def problems(text: dict, folder: Path) -> list[str]:
    """What is wrong with a pipeline, a sentence each; none where it will run as it is written.

    text: the contents of its YAML file. folder: where the file is.
    """
    pipeline = resolve(text, folder)
    found = [p for step in pipeline.steps.values() for p in _of_step(pipeline, step)]
    found += [p for step in pipeline.steps.values() for p in _of_command(step)]
    found += _unread(pipeline)
    try:
        pipeline.order()
    except ValueError as error:
        found.append(f"{error}.")
    return found


def references(value: object) -> list[str]:
    """What stands between ${{ and }} in a value."""
    return [inside.strip() for inside in REFERENCE.findall(value)] if isinstance(value, str) else []


def type_of(value: object) -> str:
    """The Azure ML type of an input as it stands in the file: `64`, or `{type: …, path: …}`."""
    return value["type"] if isinstance(value, dict) else PRIMITIVE.get(type(value), "unknown")


def _of_step(pipeline: Pipeline, step: Step) -> Iterator[str]:
    declared = step.component.get("inputs", {})
    for name, value in step.inputs.items():
        where = f"{step.name}.inputs.{name}"
        if name not in declared:
            yield f"{where}: {step.component['name']} has no such input."
            continue
        wanted, given = declared[name]["type"], type_of(value)
        for reference in references(value):
            given = _resolve(pipeline, reference)
            value = pipeline.inputs.get(reference.removeprefix("parent.inputs."))
            if not given:
                yield f"{where}: there is no {reference}."
        if given and given != wanted and (given, wanted) not in FITS:
            yield f"{where}: {given} where {wanted} is wanted."
        elif given in ("integer", "number") and wanted == given:
            yield from _out_of_bounds(where, value, declared[name])
    for name, about in declared.items():
        given_at_all = name in step.inputs or name in step.searched
        if not given_at_all and "default" not in about and not about.get("optional"):
            yield f"{step.name}.inputs.{name}: missing, and it has no default."
    for name in step.searched:
        if name not in declared:
            yield f"{step.name}.search_space.{name}: {step.component['name']} has no such input."


def _resolve(pipeline: Pipeline, reference: str) -> str:
    """The type of what a reference names, or "" where it names nothing."""
    match reference.split("."):
        case ["parent", "inputs", name] if name in pipeline.inputs:
            return type_of(pipeline.inputs[name])
        case ["parent", "jobs", job, "outputs", name] if job in pipeline.steps:
            about = pipeline.steps[job].component.get("outputs", {}).get(name)
            return about["type"] if about else ""
    return ""


def _out_of_bounds(where: str, value: float, about: dict) -> Iterator[str]:
    if value < about.get("min", value) or value > about.get("max", value):
        yield f"{where}: {value} is not from {about.get('min')} to {about.get('max', 'any')}."


def _of_command(step: Step) -> Iterator[str]:
    """Between a component's command line and what it declares."""
    used = set(references(step.component["command"]))
    declared = {
        f"{kind}.{name}" for kind in ("inputs", "outputs") for name in step.component.get(kind, {})
    }
    name = step.component["name"]
    yield from (f"{name}: its command reads {r}, which is not declared." for r in used - declared)
    yield from (
        f"{name}: {r} is declared, and its command does not use it." for r in declared - used
    )


def _unread(pipeline: Pipeline) -> Iterator[str]:
    """Outputs that no step and no output of the pipeline takes, and inputs that no step takes."""
    read = {reference for step in pipeline.steps.values() for reference in step.reads()}
    bound: dict[str, str] = {}
    for step in pipeline.steps.values():
        for name in step.component.get("outputs", {}):
            kept = [r.removeprefix("parent.outputs.") for r in references(step.outputs.get(name))]
            bound |= dict.fromkeys(kept, step.name)
            if f"parent.jobs.{step.name}.outputs.{name}" not in read and not kept:
                yield f"{step.name}.outputs.{name}: nobody reads it."
        for name in set(step.outputs) - set(step.component.get("outputs", {})):
            yield f"{step.name}.outputs.{name}: {step.component['name']} has no such output."
    for name in pipeline.inputs:
        if f"parent.inputs.{name}" not in read:
            yield f"inputs.{name}: nobody reads it."
    for name in set(pipeline.outputs) - set(bound):
        yield f"outputs.{name}: no step writes it."
    for name, writer in bound.items():
        if name not in pipeline.outputs:
            yield f"{writer}.outputs: there is no parent.outputs.{name}."
