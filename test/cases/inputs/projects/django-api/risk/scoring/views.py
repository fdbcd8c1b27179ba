import mlflow
from django.http import JsonResponse
def score(request):
    return JsonResponse({})
