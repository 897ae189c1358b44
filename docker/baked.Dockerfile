# The model server with a model inside; the build context is the model's folder: make baked
ARG MODEL_IMAGE
# hadolint ignore=DL3006
FROM ${MODEL_IMAGE}
COPY . /model
