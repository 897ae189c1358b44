"""One module a stage, named as its MLproject entry point."""

import os

# TensorFlow reads these when it is imported. Of itself it uses oneDNN's kernels only where AVX-512
# is; where AVX2 is all, a network trains up to twice as fast with them.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
