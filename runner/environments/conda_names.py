"""What conda's packages are called on the Python index, and which of them it has nothing for.

Names that agree are not listed. The pairs are facts of the conda-forge recipes, whose sources and
package metadata name the Python project; they were checked against the mapping that
prefix-dev/parselmouth derives from every conda-forge and pytorch package (`files/v0`, August 2026),
against grayskull's `strategy/config.yaml`, and, for the `defaults` channel, against
conda-incubator/conda-pypi's `docs/reference/conda-channels-naming-analysis.md`. Where the index has
several builds of a thing, ours is the one that needs no system library and no compiler.
"""

from __future__ import annotations

import re
from typing import Final

NAMES: Final = {
    # deep learning; `pyg`, `dgl-cuda…` and `ignite` are names of those projects' own channels
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "torchvision-cpu": "torchvision",
    "torchaudio-cpu": "torchaudio",
    "ignite": "pytorch-ignite",
    "pyg": "torch-geometric",
    "pytorch_geometric": "torch-geometric",
    "pytorch_cluster": "torch-cluster",
    "pytorch-cluster": "torch-cluster",
    "pytorch_scatter": "torch-scatter",
    "pytorch-scatter": "torch-scatter",
    "pytorch_sparse": "torch-sparse",
    "pytorch-sparse": "torch-sparse",
    "pytorch_spline_conv": "torch-spline-conv",
    "pytorch-spline-conv": "torch-spline-conv",
    # the index's `tensorflow` is for GPUs too since 2.1; before, it is the build without
    "tensorflow-base": "tensorflow",
    "tensorflow-cpu": "tensorflow",
    "tensorflow-eigen": "tensorflow",
    "tensorflow-gpu": "tensorflow",
    "tensorflow-gpu-base": "tensorflow",
    "tensorflow-mkl": "tensorflow",
    "keras-base": "keras",
    "keras-gpu": "keras",
    "py-mxnet": "mxnet",
    "libgpuarray": "pygpu",
    "faiss": "faiss-cpu",
    "sentencepiece-python": "sentencepiece",
    "python-flair": "flair",
    "ray-core": "ray",
    "ray-all": "ray[all]",
    "ray-air": "ray[air]",
    "ray-default": "ray[default]",
    "ray-tune": "ray[tune]",
    # machine learning
    "py-xgboost": "xgboost",
    "py-xgboost-cpu": "xgboost",
    "py-xgboost-gpu": "xgboost",
    "xgboost-cpu": "xgboost",
    "boruta_py": "boruta",
    "glmnet_py": "glmnet-python",
    "gurobi": "gurobipy",
    "h2o-py": "h2o",
    "mlflow-ui": "mlflow",
    "modin-core": "modin",
    "multicore-tsne": "multicoretsne",
    "pennylane-core": "pennylane",
    "pymc-base": "pymc",
    "pytensor-base": "pytensor",
    "aesara-base": "aesara",
    "python-annoy": "annoy",
    "river-py": "river",
    "cython-blis": "blis",
    "u8darts-all": "u8darts[all]",
    # images and sound
    "opencv": "opencv-python-headless",
    "opencv3": "opencv-python-headless",
    "py-opencv": "opencv-python-headless",
    "python-mss": "mss",
    "pysoundfile": "soundfile",
    "pysox": "sox",
    "python-sounddevice": "sounddevice",
    "soxr-python": "soxr",
    # data
    "dask": "dask[complete]",  # conda's is a bundle; its bare library is `dask-core`
    "dask-core": "dask",
    "filesystem-spec": "fsspec",
    "pandera-base": "pandera",
    "pandera-core": "pandera",
    "pyarrow-core": "pyarrow",
    "pytables": "tables",
    "geopandas-base": "geopandas",
    "geoviews-core": "geoviews",
    "h3-py": "h3",
    "ibis-framework-core": "ibis-framework",
    "parquet-python": "parquet",
    "python-avro": "avro",
    "python-blosc": "blosc",
    "python-blosc2": "blosc2",
    "python-cityhash": "cityhash",
    "python-duckdb": "duckdb",
    "python-leveldb": "leveldb",
    "python-lmdb": "lmdb",
    "python-tzdata": "tzdata",
    "python-xxhash": "xxhash",
    "python-zstd": "zstd",
    "brotli-python": "brotli",
    "msgpack-python": "msgpack",
    "quaternion": "numpy-quaternion",
    "tiledb-py": "tiledb",
    "xarray-base": "xarray",
    # pictures
    "matplotlib-base": "matplotlib",
    "seaborn-base": "seaborn",
    "cufflinks-py": "cufflinks",
    "python-cufflinks": "cufflinks",
    "python-graphviz": "graphviz",
    "python-igraph": "igraph",
    "python-kaleido": "kaleido",
    "panel-core": "panel",
    "vtk-base": "vtk",
    "pyqt": "PyQt5",
    "mpl-probscale": "probscale",
    # services
    "airflow": "apache-airflow",
    "docker-py": "docker",
    "fastapi-core": "fastapi",
    "google-cloud-bigquery-core": "google-cloud-bigquery",
    "neo4j-python-driver": "neo4j",
    "psycopg2": "psycopg2-binary",  # as conda's, it is built; the index's `psycopg2` is not
    "python-confluent-kafka": "confluent-kafka",
    "python-hdfs": "hdfs",
    "python-kubernetes": "kubernetes",
    "python-wget": "wget",
    "pywget": "wget",
    "redis-py": "redis",
    "sagemaker-python-sdk": "sagemaker",
    "sqlalchemy-utils-base": "sqlalchemy-utils",
    "starlette-base": "starlette",
    "trino-python-client": "trino",
    "uvicorn-standard": "uvicorn[standard]",
    # tools
    "bs4": "beautifulsoup4",
    "delegator": "delegator.py",
    "dvc-base": "dvc",
    "jupyterhub-base": "jupyterhub",
    "nbconvert-core": "nbconvert",
    "nvidia-ml": "nvidia-ml-py3",
    "libnacl-python-bindings": "libnacl",
    "libopenvino-python": "openvino",
    "libsvm-python": "libsvm",
    "libvalkey-py": "libvalkey",
    "ortools-python": "ortools",
    "osmnx-base": "osmnx",
    "astropy-base": "astropy",
    "mne-base": "mne",
    "python-build": "build",
    "python-fastjsonschema": "fastjsonschema",
    "python-flatbuffers": "flatbuffers",
    "python-installer": "installer",
    "python-libarchive-c": "libarchive-c",
    "python-neo": "neo",
    "python-pdfkit": "pdfkit",
    "python-symengine": "symengine",
    "qtconsole-base": "qtconsole",
    "quantlib-python": "QuantLib",
    "ruamel_yaml": "ruamel.yaml",
    "snakemake-minimal": "snakemake",
    "spyder-base": "spyder",
    "uritemplate.py": "uritemplate",
}
# Index versions that have one number more than conda's (`4.5.1` is `4.5.1.48`).
LONGER_VERSIONS: Final = frozenset({"opencv-python-headless"})
# Parts of newer Pythons: conda has an empty package there, the index one that breaks or refuses.
MARKERS: Final = {
    "contextvars": "python_version < '3.7'",
    "dataclasses": "python_version < '3.7'",
    "enum34": "python_version < '3.4'",
    "futures": "python_version < '3'",
    "typing": "python_version < '3.5'",
}
# Where conda looks for what the Python index has, too.
USUAL_CHANNELS: Final = frozenset({"defaults", "conda-forge", "anaconda", "main", "nodefaults"})
# What nobody wishes for: the environment gets its own.
TOOLS: Final = frozenset({"pip", "wheel"})

# What conda brings along and the index does not: (conda's package, below this version, what).
COMPANIONS: Final = (
    ("xgboost", None, ("scikit-learn",)),  # py-xgboost's recipe; the index's declares it an extra
    ("lightgbm", None, ("scikit-learn",)),  # its recipe until 4, then the index's declares an extra
    # The `defaults` recipe up to 2.4. Keras 2.2 does not run on TensorFlow 2.
    ("keras", "2.3", ("tensorflow<2",)),
    ("keras", "2.4", ("tensorflow<2.3",)),
    ("keras", None, ("tensorflow",)),
)
# Any of these is company enough.
INSTEAD: Final = {"tensorflow": ("theano", "cntk", "jax", "torch", "tensorflow-cpu", "mxnet")}

# CUDA's libraries. Torch's wheels of the index bring those that they need, so beside it they are
# nothing but libraries that serve a package; nothing else on the index does without them.
CUDA: Final = re.compile(
    r"cudatoolkit(-dev)?|cudnn|nccl2?|cutensor|cusparselt|cuda\d+|cuda-(?!python$|bindings$|core$|"
    r"pathfinder$).+"
)
BRINGS_CUDA: Final = frozenset(
    {"torch", "torchvision", "torchaudio", "pytorch-lightning", "lightning", "fastai"}
)
# Programs that an exported file lists since a package of it depended on them, which does without
# where it comes from the index: nbconvert prints without, the others' wheels bring the library.
EXPORTED_WITH: Final = {
    "pandoc": frozenset({"nbconvert", "notebook", "jupyter", "jupyterlab"}),
    "nodejs": frozenset({"jupyterlab"}),
    "ffmpeg": frozenset({"opencv-python-headless", "torchvision"}),
}

_WHY: Final = {
    "a compiler": """
        gcc gxx gfortran clang clangxx llvm clangdev compilers c-compiler cxx-compiler
        fortran-compiler toolchain toolchain3 go rust dmd ghc nvcc cuda-compiler
    """,
    "a program for building": "cmake make swig bazel autoconf automake bison flex m4 doxygen",
    "CUDA": """
        cudf cuml cugraph cuspatial cuxfilter cusignal dask-cudf dask-cuda rapids rmm ucx-py cupy
        cupy-core pycuda cuda
    """,
    "Java": "openjdk java-jdk java-1.8.0-openjdk jdk maven scala sbt gradle",
    "Node.js": "nodejs yarn npm",
    "Julia": "julia",
    "Octave": "octave",
    "R": "r mro-base rstudio",
    "a program": """
        ffmpeg imagemagick pandoc ghostscript tesseract poppler sox wget texlive-core tectonic
        inkscape gnuplot jq ruby parallel rclone aria2 exiftool gifsicle firefox geckodriver
        chromedriver-binary phantomjs cmdstan mecab redis-server mongodb mysql postgresql
        singularity
    """,
    "Graphviz's programs; its Python package is `python-graphviz`": "graphviz",
    "the Redis server; its client is `redis-py`": "redis",
    "the GDAL library, which its Python package is built against": "gdal",
    "a solver": "ipopt coincbc coin-or-cbc scip glpk",
    "MPI": "openmpi mpich mvapich2 impi",
    "a program of bioinformatics": """
        augustus bcftools bedtools blast bowtie bowtie2 bwa clustalo diamond fastqc
        fasttree gatk4 hisat2 hmmer iqtree kallisto mafft minimap2 muscle picard raxml salmon
        samtools seqkit seqtk sra-tools star subread trimmomatic vcftools
    """,
    "the whole Anaconda distribution: name the packages": "anaconda _anaconda_depends",
    "data": "nltk_data",
    "Caffe": "caffe caffe-gpu caffe2 caffe2-gpu caffe2-cuda9.0-cudnn7",
    "CNTK": "cntk cntk-gpu",
}
CONDA_ONLY: Final = {name: why for why, names in _WHY.items() for name in names.split()}
CONDA_ONLY_PATTERNS: Final = (
    (re.compile(r"(r|bioconductor)-.+"), "R"),
    (
        re.compile(
            r"(gcc|gxx|gfortran|clang|clangxx|binutils|rust|go)"
            r"([a-z_]*_(linux|osx|win)-.+|-\d+|-nocgo|-cgo|-std-.+)"
        ),
        "a compiler",
    ),
    (re.compile(r"spacy-model-.+"), "a spaCy model"),
    (re.compile(r"perl-.+"), "Perl"),
)


def index_name(name: str) -> str:
    """What conda's package `name` is called on the Python index, extras included."""
    if name.startswith("dgl-cuda"):
        return "dgl"
    return NAMES.get(name, name)


def reason_to_refuse(name: str) -> str | None:
    """What the package is that the index has nothing for; None where it may have something."""
    if name in CONDA_ONLY:
        return CONDA_ONLY[name]
    return next((why for rule, why in CONDA_ONLY_PATTERNS if rule.fullmatch(name)), None)
