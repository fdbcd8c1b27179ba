"""Routes and views of the API."""

import json
import os

from django.http import JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from api import model


def health(request):
    try:
        _, version, _ = model.load()
    except Exception as error:
        return JsonResponse({"status": "unavailable", "reason": str(error)}, status=503)
    return JsonResponse({"status": "ok", "model_name": model.NAME, "model_version": version})


def schema(request):
    _, _, example = model.load()
    return JsonResponse({"features": list(example[0]), "example": {"records": example}})


@csrf_exempt
def predict(request):
    records = json.loads(request.body)["records"]
    version, predictions = model.predict(records)
    if "X-Mediwatch-Verify" not in request.headers:
        model.log_predictions(records, version, predictions)
    return JsonResponse({"predictions": predictions, "model_version": version, "threshold": model.THRESHOLD})


urlpatterns = [path("health", health), path("schema", schema), path("predict", predict)]

if os.environ.get("WARM", "1") == "1":
    try:
        model.load()
    except Exception as error:
        print(f"no model yet: {error}")
