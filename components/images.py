"""Images the steps run in; the light one carries no torch."""

LIGHT = "stillhouse/python-light:0.1.0"
TRAINING = "stillhouse/python-training:0.1.0"
