"""What the processor can do."""

from pathlib import Path

from kindred.runtime import cpu


def test_instructions_for_8_bit_integers_are_those_that_the_system_lists(tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text("flags\t: fpu avx512f avx512_vnni amx_int8\n")
    none = tmp_path / "none"
    none.write_text("flags\t: fpu avx2\n")

    assert cpu.int8_instructions(file) == ["AVX512-VNNI", "AMX"]
    assert cpu.int8_instructions(none) == cpu.int8_instructions(tmp_path / "gone") == []
