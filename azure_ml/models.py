"""`models`: the versions in the registry, with their figures."""

from argparse import ArgumentParser, Namespace

from azure_ml import registry
from azure_ml.cloud import Cloud
from azure_ml.settings import Settings

FIGURES = ("accuracy", "macro_f1", "calibration_error")
ROLES = ("champion", "challenger")


def arguments(parser: ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--tags", action="store_true", help="print every tag of each version")


def run(args: Namespace, settings: Settings) -> int:
    """Print a line a version, the newest first."""
    cloud = Cloud(settings)
    print(f"{'version':>7}  {'role':21}  {'network':12}" + "".join(f"{f:>19}" for f in FIGURES))
    for model in registry.versions(cloud):
        tags = model.tags or {}
        role = ", ".join(name for name in ROLES if tags.get(name) == "true")
        figures = "".join(f"{tags.get(name, '–'):>19}" for name in FIGURES)
        print(f"{model.version:>7}  {role:21}  {tags.get('network', '–'):12}{figures}")
        if args.tags:
            print(*(f"         {name}: {value}" for name, value in sorted(tags.items())), sep="\n")
    print(f"models: {registry.studio_url(cloud)}")
    return 0
