"""A set of classes in a YAML file of its own, beside the data."""

from pathlib import Path

from roadseg.data.class_rows import problems_of_row
from roadseg.pipeline.errors import UserError, printable
from roadseg.pipeline.schema import read_yaml, validate
from roadseg.pipeline.sections import ClassRow


def read_class_file(path: Path) -> ClassRow:
    """Read a row of `class_sets` from a file; UserError, a line for each problem, where it is none."""
    row, problems = validate(ClassRow, read_yaml(path))
    if row:
        problems = list(problems_of_row("the file", row))
    if row is None or problems:
        raise UserError("\n".join(f"{printable(path)}: {line}" for line in problems))
    return row
