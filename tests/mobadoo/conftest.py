from __future__ import annotations

import pytest

from tests.support.mobadoo import Mobadoo, matches, mobadoo_serving


@pytest.fixture
def vendor(set_connection):
    """A small Mobadoo with the matches of two video games."""
    with mobadoo_serving(Mobadoo(lol=matches(60), dota2=matches(5, 1000)), set_connection) as found:
        yield found
