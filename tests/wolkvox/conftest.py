from __future__ import annotations

from pathlib import Path

import pytest

from tests.wolkvox.files import CONTENT


@pytest.fixture
def quick(sandbox, set_connection, no_waiting):
    set_connection("wolkvox_default", extra={"timeout": 5})


@pytest.fixture
def invoice(tmp_path: Path) -> Path:
    path = tmp_path / "invoice.pdf"
    path.write_bytes(CONTENT)
    return path
