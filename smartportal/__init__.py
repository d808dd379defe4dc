"""The project: only wiring."""
