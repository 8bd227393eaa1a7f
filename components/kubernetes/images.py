"""Images the steps run in.

The light one carries no torch, nor what reads and draws rows (Arrow, altair): half a gigabyte for the steps that every
run begins and ends with, also one that finds nothing to do. prepare needs no torch either, but runs only when there is
something to train on: it takes the training image rather than a third one.
"""

LIGHT = "stillhouse/python-light:0.1.0"
TRAINING = "stillhouse/python-training:0.1.0"
