"""The command line: `python -m azure_ml COMMAND --help`."""

import argparse
import sys
import traceback
from importlib import import_module

from azure_ml.cloud import quieten
from azure_ml.errors import explain
from azure_ml.settings import read

COMMANDS = {
    "setup": "Make resource group, workspace, cluster, environments and components; repeatable.",
    "upload": "Upload the photographs as a versioned data asset; a repetition goes on.",
    "run": "Submit the pipeline, stream its progress, end with its status.",
    "models": "List the versions in the registry with their figures.",
    "download": "Fetch the champion's folder, ready to be served.",
    "deploy": "Put the champion behind an online endpoint (blue/green) or a batch endpoint.",
    "cleanup": "Show what there is and what it costs to keep; ask; delete and purge.",
}


def main(argv: list[str] | None = None) -> int:
    """Run a command; returns its exit status: 0 done, 1 failed, 2 misused, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="python -m azure_ml", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    argv = sys.argv[1:] if argv is None else argv
    for name, about in COMMANDS.items():
        command = commands.add_parser(name, help=about, description=about)
        command.add_argument("--verbose", action="store_true", help="show where an error is from")
        if name in argv:  # the others would only be slow to import
            import_module(f"azure_ml.{name}").arguments(command)
    args = parser.parse_args(argv)
    quieten(args.verbose)
    try:
        return import_module(f"azure_ml.{args.command}").run(args, read())
    except KeyboardInterrupt:
        print(f"\n{args.command}: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    except Exception as error:
        if args.verbose:
            traceback.print_exc()
        print(f"{args.command}: {explain(error)}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
