"""An EHR launch, from registration to an authorised FHIR client."""
