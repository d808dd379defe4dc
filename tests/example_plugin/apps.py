"""The plugin as a Django app."""

from django.apps import AppConfig


class ExamplePluginConfig(AppConfig):
    name = "tests.example_plugin"
    label = "example_plugin"
