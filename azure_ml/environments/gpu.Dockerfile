# Built by Azure ML from the repository's root, of which .amlignore leaves what is copied here.
FROM mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest
COPY conda.yaml /build/conda.yaml
COPY requirements /build/requirements
RUN conda env create --quiet --prefix /opt/pipeline --file /build/conda.yaml && conda clean --all --yes
ENV PATH=/opt/pipeline/bin:$PATH
# The two builds of TensorFlow own the same files: the one must be gone before the other comes.
RUN pip uninstall --yes tensorflow-cpu && \
    pip install --no-cache-dir --require-hashes --requirement /build/requirements/gpu.txt
