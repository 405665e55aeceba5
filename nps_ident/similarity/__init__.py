"""Similarity measures: one a file, named as the literature names it.  Each has a slow, obvious twin in the tests."""
