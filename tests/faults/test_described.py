"""What must hold is written beside each test."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent

pytestmark = pytest.mark.faults


def test_every_fault_says_what_must_hold() -> None:
    """Each file in its docstring and in the table of README.md, each test in a docstring of its own."""
    table = (HERE / "README.md").read_text(encoding="utf-8")
    files = [file for file in HERE.glob("test_*.py") if file.name != Path(__file__).name]
    assert len(files) == table.count("` |\n")
    for file in files:
        module = ast.parse(file.read_text(encoding="utf-8"))
        assert "\nMust hold: " in (ast.get_docstring(module) or ""), file.name
        assert f"`{file.name}`" in table, file.name
        tests = [node for node in module.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
        assert tests
        assert [test.name for test in tests if not ast.get_docstring(test)] == [], file.name
