"""The simulated EHRs' addresses: discovery, authorization, tokens, FHIR, and the desktop a provider sees."""
