from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from gvsc.bench import provenance

ROOT = Path(__file__).parents[3]


@pytest.fixture
def tree(tmp_path):
    """A copy of the code that counts."""
    for pattern in provenance.MEASURED:
        files = list(ROOT.glob(pattern))
        assert files, f"{pattern} matches nothing"
        for file in files:
            copy = tmp_path / file.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)
    return tmp_path


def test_only_code_counts(tree):
    was = provenance.sources()
    assert provenance.sources(tree) == was
    block = tree / "common/coding/block.py"
    code = block.read_text()
    block.write_text("# a comment\n" + code.replace('"""A block of bits', '"""Some bits'))
    assert provenance.sources(tree) == was
    block.write_text(code.replace("CORRELATION_SLACK = 0.25", "CORRELATION_SLACK = 0.26"))
    assert provenance.sources(tree) != was
    block.write_text(code)
    (tree / "common/coding/new.py").write_text("x = 1\n")
    assert provenance.sources(tree) != was


def test_versions_are_those_in_use():
    assert provenance.versions()["numpy"] == np.__version__
