"""``completion``: what a shell needs to complete our verbs, options and their values.

The scripts are static, made from the parser by shtab when the package is built, so that neither a dependency
nor a start of Python stands behind the Tab key; ``scripts/gen_completion.py`` writes them, a test compares.
"""

from __future__ import annotations

import argparse
from importlib import resources

from litellm_tiering.cli.common import Exit, print_json
from litellm_tiering.cli.options import add_json

SHELLS = ("bash", "zsh", "fish")
"""Those that there are scripts for."""

_WHERE = """put it where the shell looks for such files:
  bash  litellm-tiering completion bash > ~/.local/share/bash-completion/completions/litellm-tiering
  zsh   litellm-tiering completion zsh > "${fpath[1]}/_litellm-tiering"
  fish  litellm-tiering completion fish > ~/.config/fish/completions/litellm-tiering.fish
or, for this shell alone: source <(litellm-tiering completion bash)
"""


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "completion",
        help="complete verbs and options with the Tab key",
        description="Prints the script that has a shell complete this command.",
        epilog=_WHERE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", metavar="SHELL", choices=SHELLS, help=", ".join(SHELLS))
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Exit:
    """Print the script."""
    script = script_of(options.shell)
    if options.json:
        print_json({"shell": options.shell, "script": script})
    else:
        print(script, end="")
    return Exit.DONE


def script_of(shell: str) -> str:
    """The script for a shell."""
    folder = resources.files("litellm_tiering.cli") / "completions"
    return (folder / f"litellm-tiering.{shell}").read_text(encoding="utf-8")
