"""What holds for all tests."""

from hypothesis import HealthCheck, settings

from fleet.control.process import calm_collector

# Laws are about values.  How long a machine under load takes says nothing of them.
settings.register_profile("laws", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("laws")


def pytest_collection_finish() -> None:
    """Spare the collector four thousand tests and all modules: they stay until the end."""
    calm_collector()
