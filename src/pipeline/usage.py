"""What a script says to --help when it takes no options of its own."""

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable
from pathlib import Path


def take_no_options(main: Callable[[], None], example: str) -> None:
    """Answer --help with the docstring of the script and an example, and refuse any other argument.

    `{name}` in the example is the script's. A script that reads options itself is left to do so, and so is a `main`
    that is called from another script.
    """
    script = sys.modules["__main__"]
    if main.__module__ != "__main__" or hasattr(script, "argparse"):
        return
    ArgumentParser(
        description=script.__doc__,
        epilog=f"example: {example.format(name=Path(sys.argv[0]).stem)}",
        formatter_class=RawDescriptionHelpFormatter,
    ).parse_args()
