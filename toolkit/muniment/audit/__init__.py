"""Reports for people who answer for a registry: controls mapped to evidence, with what is missing said first."""
