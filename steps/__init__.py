"""One module a stage, named as its MLproject entry point."""

import os

# TensorFlow reads these when it is imported. Of itself it uses oneDNN's kernels only where AVX-512
# is; where AVX2 is all, a network trains up to twice as fast with them.
for _name, _value in (("TF_ENABLE_ONEDNN_OPTS", "1"), ("TF_CPP_MIN_LOG_LEVEL", "2")):
    os.environ.setdefault(_name, _value)
