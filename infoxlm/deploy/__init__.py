"""From a checkpoint to an answer: static models, and predictions with them.

Importing this imports no paddle; loading a model does, unless it is ONNX.
"""

from infoxlm.deploy.predictor import Prediction, Predictor
from infoxlm.deploy.zero_shot import ZeroShotClassifier

__all__ = ["Prediction", "Predictor", "ZeroShotClassifier"]
