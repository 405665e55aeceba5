"""Preparing what was measured for comparison; every step is recorded as a finding."""
