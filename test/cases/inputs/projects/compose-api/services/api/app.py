import os
import mlflow
from flask import Flask, jsonify, request

def create_app():
    app = Flask(__name__)
    key = os.getenv("API_KEY")
    region = os.environ["REGION"]
    model = mlflow.pyfunc.load_model(f"models:/{os.environ['MODEL_NAME']}/{os.getenv('MODEL_STAGE', 'Production')}")

    @app.get("/healthz")
    def health():
        return jsonify(ok=True)

    @app.post("/v1/predict")
    def predict():
        return jsonify(pred=model.predict(request.json).tolist())
    return app
