"""Values every room shares: errors, canonical JSON, digests, times, names, addresses, documents, letters, resources."""
