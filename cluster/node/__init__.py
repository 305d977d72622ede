"""The node image: chosen from a registry, or built from Debian packages and Go modules."""
