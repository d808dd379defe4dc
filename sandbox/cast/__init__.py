"""The invented patients themselves, a module for each simulated EHR where their demo buttons open."""
