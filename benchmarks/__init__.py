"""Measurements: accuracy against real spectra, speed against peers.  Nothing here is a test."""
