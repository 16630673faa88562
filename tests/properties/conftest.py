"""Properties are about results, not about how busy the machine is: no time limit per example."""

from hypothesis import settings

settings.register_profile("mtnas", deadline=None)
settings.load_profile("mtnas")
