"""The chart's addresses; each answers directly with and without a trailing slash.

The launch id takes any text: an id that could not be one gets the same page as one that never was.
"""

from django.urls import path

from patients import documents, picker, views

app_name = "patients"

# Django reverses a name to its last pattern first: the form with the slash is the one that links use.
urlpatterns = [
    path("chart/<str:launch_id>", views.chart),
    path("chart/<str:launch_id>/", views.chart, name="chart"),
    path("chart/<str:launch_id>/patient", picker.picker),
    path("chart/<str:launch_id>/patient/", picker.picker, name="picker"),
    path("chart/<str:launch_id>/panels/<str:panel>", views.panel),
    path("chart/<str:launch_id>/panels/<str:panel>/", views.panel, name="panel"),
    path("chart/<str:launch_id>/documents/<str:document>", documents.document),
    path("chart/<str:launch_id>/documents/<str:document>/", documents.document, name="document"),
    path("chart/<str:launch_id>/print", views.print_view),
    path("chart/<str:launch_id>/print/", views.print_view, name="print"),
    path("chart/<str:launch_id>/end", views.end),
    path("chart/<str:launch_id>/end/", views.end, name="end"),
]
