"""The writer of the documentation, which is a script beside it and no part of the package."""

from __future__ import annotations

import sys
from importlib import util
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def make() -> Any:
    spec = util.spec_from_file_location("docs_make", Path(__file__).resolve().parents[2] / "docs" / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
