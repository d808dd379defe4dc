"""Rich invented resources in five FHIR versions, each with the words that must be read on the chart because of it."""
