"""The last stages: a planned step gets what it needs, is carried out and recorded."""
