"""A complete plugin as a third party would write it: one panel and one EHR preset, through the two doors."""
