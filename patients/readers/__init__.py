"""FHIR JSON to records, one module a version. Pure: no network, no Django."""
