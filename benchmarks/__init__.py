"""Measurements, run by hand; tests never time anything."""
