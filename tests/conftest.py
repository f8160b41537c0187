"""What holds for all tests."""

from hypothesis import HealthCheck, settings

# Laws are about values.  How long a machine under load takes says nothing of them.
settings.register_profile("laws", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("laws")
