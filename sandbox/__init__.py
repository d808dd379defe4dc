"""EHRs in a box: simulated SMART on FHIR servers that speak with the app over HTTP alone, as real ones do."""
