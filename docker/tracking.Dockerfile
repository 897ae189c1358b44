# MLflow's tracking server and registry, on SQLite and a folder: for compose's profile `tracking`.
ARG PYTHON_IMAGE=docker.io/library/python:3.11.17-slim-trixie@sha256:45037981b62b34b44602584fccbc4d884d5f7dc92c7ee86bb38a698a79fe1e51

FROM ${PYTHON_IMAGE}
COPY requirements/tracking.txt /tmp/
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    python3 -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --require-hashes -r /tmp/tracking.txt \
    && install -d -o 65532 -g 65532 /data
COPY docker/healthcheck.py /app/
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin HOME=/tmp PORT=5000 MLFLOW_DISABLE_TELEMETRY=true
WORKDIR /data
USER 65532:65532
VOLUME /data
EXPOSE 5000
HEALTHCHECK --interval=10s --timeout=4s --start-period=60s --retries=3 \
    CMD ["python", "/app/healthcheck.py", "/health"]
ENTRYPOINT ["mlflow", "server", "--host=0.0.0.0", "--port=5000", "--workers=1"]
CMD ["--backend-store-uri=sqlite:////data/mlflow.db", "--artifacts-destination=/data/artifacts", \
    "--allowed-hosts=localhost:*,127.0.0.1:*,tracking:*"]
