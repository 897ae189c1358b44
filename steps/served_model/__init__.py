"""What is logged with a model and runs wherever it is served.

Imports inside this package are relative: in the repository it is `steps.served_model`, in a
model's own folder it is the top-level package `served_model`, so that an old model keeps its
own code even when a newer checkout loads it.
"""
