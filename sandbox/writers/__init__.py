"""The canonical patients written as FHIR JSON: one module a version, with the same functions in each."""
