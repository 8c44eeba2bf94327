from __future__ import annotations

import pytest


@pytest.fixture
def quick(sandbox, set_connection, no_waiting):
    set_connection("imbee_default", extra={"timeout": 5})
