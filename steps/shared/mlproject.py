"""MLproject, written from the table of options.

python -m steps.shared.mlproject > MLproject
"""

from steps.shared import options
from steps.shared.values import port, positive, share, whole


def mlproject() -> str:
    """The text of MLproject: an entry point a stage, each parameter typed and with its default."""
    lines = [
        "# Written by `make mlproject` from steps/shared/options.py; change it there.",
        "name: sports-ball-classification",
        "",
        "conda_env: conda.yaml",
        "",
        "entry_points:",
    ]
    for stage in options.STAGES:
        lines += ["", f"  {stage}:", "    parameters:"]
        lines += [
            f"      {o.name}: {{type: {_type(o)}, default: {o.default}}}" for o in options.of(stage)
        ]
        flags = " ".join(f"{o.flag} {{{o.name}}}" for o in options.of(stage))
        lines.append(f"    command: python -m steps.{stage} {flags}")
    return "\n".join(lines) + "\n"


def _type(option: options.Option) -> str:
    return "float" if option.parse in (share, positive, whole, port, float) else "string"


if __name__ == "__main__":
    print(mlproject(), end="")
