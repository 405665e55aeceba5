"""The register of substances: the table that ships, its checks, and the principal ions that stand beside it."""
