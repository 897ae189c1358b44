# The history service. Build it from the repository's root, or both images at once: make images
ARG PYTHON_IMAGE=docker.io/library/python:3.11.17-slim-trixie@sha256:45037981b62b34b44602584fccbc4d884d5f7dc92c7ee86bb38a698a79fe1e51
ARG BASE_IMAGE=gcr.io/distroless/cc-debian13:nonroot@sha256:e792ab3d241a468a4fd7519ddbbebe66b49b5f365771716ea688ad40b6c6f1c2

FROM ${BASE_IMAGE} AS base

FROM ${PYTHON_IMAGE} AS build
# `tracing` adds OpenTelemetry.
ARG REQUIREMENTS=history
WORKDIR /build
COPY requirements/${REQUIREMENTS}.txt requirements.txt
# A pip.conf (a private index, say) may be given as the secret `pip`; it stays out of the image.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    python3 -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --no-compile --require-hashes -r requirements.txt \
    && /opt/venv/bin/pip uninstall --yes pip setuptools
COPY history_service /app/history_service
COPY docker/healthcheck.py /app/
COPY docker/runtime_root.py docker/sbom.py ./
COPY --from=base / /base
ARG VERSION=0
WORKDIR /app
RUN mkdir /runtime && cp -r /app /runtime/app \
    && PYTHONPATH=/app /opt/venv/bin/python -B /build/runtime_root.py --base /base --out /runtime \
        gunicorn.app.wsgiapp history_service.worker history_service.app psycopg sqlite3 flask.cli \
    && /opt/venv/bin/python -B /build/sbom.py history "${VERSION}" /base /runtime

FROM base
ARG VERSION=0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="sports-ball history service" \
      org.opencontainers.image.description="Classifies pictures with a served model and keeps every answer." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /runtime /
# Blocks of 1 MB go back to the system when they are freed: glibc would keep those of each thread's
# largest picture, and a few such threads fill what the container may have.
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    LD_LIBRARY_PATH=/usr/local/lib \
    LANG=C.UTF-8 \
    MALLOC_MMAP_THRESHOLD_=1048576 \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    PORT=8000
WORKDIR /app
USER 65532:65532
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=4s --start-period=30s --retries=3 \
    CMD ["python", "healthcheck.py", "/health/live"]
# So that `docker run IMAGE flask --app history_service COMMAND` works too.
ENTRYPOINT ["python", "-m"]
CMD ["gunicorn", "-c", "history_service/gunicorn.conf.py"]
