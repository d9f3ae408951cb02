"""The processor: its cores that this process may use, and its instructions for 8-bit integers."""

import os
from pathlib import Path

INT8_FLAGS = {"avx512_vnni": "AVX512-VNNI", "avx_vnni": "AVX-VNNI", "amx_int8": "AMX", "asimddp": "dot products (ARM)"}


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def int8_instructions(file: Path = Path("/proc/cpuinfo")) -> list[str]:
    """The processor's instructions for 8-bit integers; none where it has none, or the system does not say."""
    flags = set(file.read_text().split()) if file.is_file() else set()
    return [name for flag, name in INT8_FLAGS.items() if flag in flags]
