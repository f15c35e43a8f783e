"""Values every room shares: errors, canonical JSON, digests, times, names, documents, resources."""
