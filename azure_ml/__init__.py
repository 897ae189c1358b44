"""The stages of `steps` on Azure Machine Learning: set up, upload, run, fetch, deploy, clean up."""
