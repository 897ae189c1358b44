# The model server with a model inside; the build context is the model's folder: make model-image
ARG MODEL_IMAGE
# hadolint ignore=DL3006
FROM ${MODEL_IMAGE}
COPY . /model
