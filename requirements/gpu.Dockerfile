# The same for an NVIDIA GPU: TensorFlow's build for it takes the place of the one for processors.
FROM mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest
RUN conda create --yes --quiet --prefix /opt/pipeline --override-channels --channel conda-forge \
        python=3.11 pip && conda clean --all --yes
ENV PATH=/opt/pipeline/bin:$PATH
COPY pipeline.txt gpu.txt /build/
RUN pip install --no-cache-dir --require-hashes --requirement /build/pipeline.txt
# The two builds own the same files: the one must be gone before the other comes.
RUN pip uninstall --yes tensorflow-cpu && \
    pip install --no-cache-dir --require-hashes --requirement /build/gpu.txt
