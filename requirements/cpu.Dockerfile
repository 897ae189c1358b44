# What conda.yaml describes, as an image that Azure ML builds; this folder is all that it gets.
FROM mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest
RUN conda create --yes --quiet --prefix /opt/pipeline --override-channels --channel conda-forge \
        python=3.11 pip && conda clean --all --yes
ENV PATH=/opt/pipeline/bin:$PATH
COPY pipeline.txt /build/
RUN pip install --no-cache-dir --require-hashes --requirement /build/pipeline.txt
