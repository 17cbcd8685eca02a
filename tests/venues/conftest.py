"""The certificate that every built-in exchange of these tests shows."""

import pytest

from alphaforge.sandbox.tls import Certificates
from tests.venues.local import make_certificates


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Made once: keys cost time."""
    return make_certificates(tmp_path_factory.mktemp("tls"))
