"""SMART App Launch and FHIR as plain Python: knows neither Django nor any vendor."""
