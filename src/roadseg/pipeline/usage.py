"""What a script says to --help when it takes no options."""

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path


def take_no_options(example: str) -> None:
    """Answer --help with the docstring of the script that runs and an example, and refuse any other argument.

    `{name}` in the example is the script's.
    """
    ArgumentParser(
        description=sys.modules["__main__"].__doc__,
        epilog=f"example: {example.format(name=Path(sys.argv[0]).stem)}",
        formatter_class=RawDescriptionHelpFormatter,
    ).parse_args()
