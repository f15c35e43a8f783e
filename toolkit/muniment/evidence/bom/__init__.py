"""CycloneDX 1.6 ML-BOMs: made, checked and read."""
