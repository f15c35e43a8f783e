"""Muniment: a static compliance-pipeline toolkit for machine-learning models in CI."""

__version__ = "0.1.0"
