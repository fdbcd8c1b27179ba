from django.urls import include, path
urlpatterns = [path("api/", include("scoring.urls")), path("healthz", lambda r: None)]
