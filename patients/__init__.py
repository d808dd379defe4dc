"""The chart: shows a patient's data and keeps none of it."""
