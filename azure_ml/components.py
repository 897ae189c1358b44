"""Writes azure_ml/components/*.yaml from the stages' options, so that the two cannot differ.

`python -m azure_ml.components` writes the files; with --check it says which are out of date.

Every output of a component is a folder in which a stage writes a folder of its own name, as in
`work/` on a laptop: `model: work/train/model` there is `${{inputs.model}}/train/model` here.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from steps.shared import options
from steps.shared.options import Option
from steps.shared.values import port, positive, share, whole

FOLDER = Path(__file__).parent / "components"
STAGES = ("ingest", "dataprep", "split", "train", "evaluate", "register")
WORK = "work/"
"""Where options keep the stages' folders by default: such an option is a folder on Azure."""
ONLY_FOR_KERAS_FILES = {"categories", "input_size", "pixel_scale"}
FILES = {"corrections"}
"""Options that name a file, which is an input on Azure."""
MODELS = {"teacher": "/train/model"}
"""Options that name a model, and where it stands in the folder of the step that made it."""
OPTIONAL = {"source", "teacher", "teacher_data", "corrections"}
"""What a stage can do without; Azure leaves out its flag where nothing is given."""
READS_THE_REGISTRY = {"evaluate", "register"}
"""The same inputs can give another result tomorrow, so Azure must not reuse yesterday's."""
TYPES: dict[Callable[[str], object], tuple[str, int | None, int | None]] = {
    share: ("number", 0, 1),
    positive: ("integer", 1, None),
    whole: ("integer", 0, None),
    port: ("integer", 1, 65_535),
}
"""What reads an option's text: the type, the least and the most of the input."""
VARIANTS = {
    "train_gpu": {"environment": "azureml:sports-ball-gpu@latest"},
    "train_distributed": {
        "distribution": "{type: tensorflow, worker_count: 2}",
        "resources": "{instance_count: 2}",
    },
}
"""Components that differ from their stage's in where they run: on a GPU, on several machines."""


def component(name: str) -> str:
    """The text of a component: a stage's, or one of the variants."""
    stage = name.partition("_")[0]
    runs = {"environment": "azureml:sports-ball-cpu@latest"} | VARIANTS.get(name, {})
    inputs = [o for o in options.of(stage) if o.name not in {"out", *ONLY_FOR_KERAS_FILES}]
    lines = [
        "# Written by `make components` from steps/shared/options.py; change it there.",
        "$schema: https://azuremlschemas.azureedge.net/latest/commandComponent.schema.json",
        "type: command",
        f"name: sports_ball_{name}",
        f"display_name: {name.replace('_', ' ')}",
        f"description: {options.STAGES[stage]}",
        f"is_deterministic: {str(stage not in READS_THE_REGISTRY).lower()}",
        "additional_includes: [../../steps]",
        *(f"{key}: {value}" for key, value in runs.items()),
        "inputs:",
        *(line for option in inputs for line in _input(option)),
        "outputs:",
        "  out: {type: uri_folder, mode: upload}",
        "command: >-",
        f"  python -m steps.{stage}",
        *(f"  {_flag(option)}" for option in inputs),
        f"  --out ${{{{outputs.out}}}}/{stage}",
    ]
    return "\n".join(lines) + "\n"


def texts() -> dict[Path, str]:
    """Every component file and what must stand in it."""
    return {FOLDER / f"{name}.yaml": component(name) for name in (*STAGES, *VARIANTS)}


def _input(option: Option) -> list[str]:
    about = f"    description: {_quoted(option.help)}"
    kind = "uri_file" if option.name in FILES else "uri_folder"
    given = [f"  {option.name}:", f"    type: {kind}", "    mode: download"]
    if option.name == "source":
        photographs = "photographs by category, in folders; none: the sample is rendered"
        return [*given, "    optional: true", f"    description: {_quoted(photographs)}"]
    if option.default.startswith(WORK) or option.name in FILES or option.name in MODELS:
        return [*given, *(["    optional: true"] if option.name in OPTIONAL else []), about]
    kind, bounds = _type(option)
    default = option.default if kind != "string" else _quoted(option.default)
    return [
        f"  {option.name}:",
        f"    type: {kind}",
        f"    default: {default}",
        *(f"    {name}: {value}" for name, value in bounds.items()),
        about,
    ]


def _type(option: Option) -> tuple[str, dict[str, int]]:
    kind, least, most = TYPES.get(option.parse, ("string", None, None))
    return kind, {k: v for k, v in (("min", least), ("max", most)) if v is not None}


def _flag(option: Option) -> str:
    here = option.default.removeprefix("work") if option.default.startswith(WORK) else ""
    below = MODELS.get(option.name, here)
    flag = f"{option.flag} ${{{{inputs.{option.name}}}}}{below}"
    return f"$[[{flag}]]" if option.name in OPTIONAL else flag


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def main() -> None:
    """The command."""
    wanted = texts()
    stale = [p for p, text in wanted.items() if not p.is_file() or p.read_text() != text]
    if "--check" not in sys.argv[1:]:
        for path in stale:
            path.write_text(wanted[path])
    elif stale:
        names = ", ".join(path.name for path in stale)
        sys.exit(f"azure_ml/components: out of date: {names}: make components")


if __name__ == "__main__":
    main()
