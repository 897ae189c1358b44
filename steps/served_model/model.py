"""The script that MLflow runs to load a served model (models from code)."""

import mlflow
from served_model.classifier import Classifier

mlflow.models.set_model(Classifier())
