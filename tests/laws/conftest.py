"""Hypothesis profiles: a quick one for every run, and a nightly one chosen by MAGISTRATE_LAWS=nightly."""

import os

from hypothesis import HealthCheck, settings

_PATIENT = (HealthCheck.too_slow, HealthCheck.data_too_large)

settings.register_profile("quick", max_examples=100, deadline=None, suppress_health_check=_PATIENT)
settings.register_profile("nightly", max_examples=5000, deadline=None, suppress_health_check=_PATIENT)
settings.load_profile(os.environ.get("MAGISTRATE_LAWS", "quick"))
