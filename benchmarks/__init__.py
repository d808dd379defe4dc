"""Measurements of the product as it is served, each against an EHR in a process of its own, on loopback alone."""
