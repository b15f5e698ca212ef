"""For pytest: the fixture ``hobnob``, one server for the session, as it was at the beginning before each test."""

import pytest

from . import Hobnob


@pytest.fixture(scope="session")
def hobnob_options():
    """Arguments of :class:`Hobnob`. A project says its own in its ``conftest.py``."""
    return {}


@pytest.fixture(scope="session")
def hobnob_server(hobnob_options):
    with Hobnob(**hobnob_options) as chat:
        yield chat


@pytest.fixture
def hobnob(hobnob_server):
    hobnob_server.reset()
    return hobnob_server
