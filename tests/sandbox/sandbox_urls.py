"""The sandbox alone, mounted where the product mounts it."""

from django.urls import include, path

urlpatterns = [path("sandbox/", include("sandbox.urls"))]
