"""Property tests run on busy machines: a slow example is no failure, so there is no deadline an example."""

from hypothesis import settings

settings.register_profile("muniment", deadline=None)
settings.load_profile("muniment")
