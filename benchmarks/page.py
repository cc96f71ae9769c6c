"""The measured tables in README.md, with the date and the machine."""

import os
import platform
import re
import time
from collections.abc import Sequence
from pathlib import Path

import torch

README = Path(__file__).parent / "README.md"


def machine() -> str:
    """Processor, cores, memory, torch, date."""
    cpu = (
        re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()) if Path("/proc/cpuinfo").exists() else None
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    half = torch.cpu.get_capabilities().get("avx512_bf16") or torch.cpu.get_capabilities().get("amx_bf16")
    return (
        f"{time.strftime('%Y-%m-%d')}, {cpu[1] if cpu else platform.processor()}, {len(os.sched_getaffinity(0))} cores "
        f"{'with' if half else 'without'} bfloat16, {memory:.0f} GB, Python {platform.python_version()}, torch "
        f"{torch.__version__.split('+')[0]}, no GPU used"
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def replace_section(name: str, text: str) -> None:
    """Put `text` between the two comments of that name in README.md."""
    begin, end = f"<!-- {name}: measured -->", f"<!-- {name}: end -->"
    page = README.read_text()
    before, rest = page.split(begin)
    README.write_text(f"{before}{begin}\n{text}\n{end}{rest.split(end)[1]}")
