"""The artifacts that flow between steps: what is in a dataset folder and in a model folder."""
