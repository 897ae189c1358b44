# Built by Azure ML from the repository's root, of which .amlignore leaves what is copied here.
FROM mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest
COPY conda.yaml /build/conda.yaml
COPY requirements /build/requirements
RUN conda env create --quiet --prefix /opt/pipeline --file /build/conda.yaml && conda clean --all --yes
ENV PATH=/opt/pipeline/bin:$PATH
