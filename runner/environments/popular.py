"""Names that people mean when they misspell a package, or name it as it is imported."""

from __future__ import annotations

from typing import Final

IMPORTED_AS: Final = {
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "cv2": "opencv-python",
    "opencv": "opencv-python",
    "pil": "pillow",
    "yaml": "pyyaml",
    "pytorch": "torch",
    "torchlightning": "pytorch-lightning",
    "tensorflow-gpu": "tensorflow",
    "bs4": "beautifulsoup4",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "git": "gitpython",
    "mysqldb": "mysqlclient",
    "umap": "umap-learn",
    "faiss": "faiss-cpu",
    "psycopg2-bin": "psycopg2-binary",
}
# Part of every Python: a requirement of that name is always a mistake.
STANDARD: Final = frozenset(
    """
    argparse collections csv datetime functools glob itertools json logging math
    multiprocessing os pathlib pickle random re shutil sqlite3 statistics subprocess sys
    tempfile time unittest urllib uuid warnings zipfile
    """.split()  # noqa: SIM905 a list would be a line per name
)
PACKAGES: Final = tuple(
    """
    absl-py accelerate aiohttp altair apache-airflow azure-storage-blob beautifulsoup4 bokeh
    boto3 botocore catboost click cloudpickle cvxpy dask databricks-cli datasets deepspeed
    dill distributed docker dvc evaluate faiss-cpu fastai fastapi fastparquet flask gensim
    gitpython google-cloud-storage great-expectations gunicorn gymnasium h5py hydra-core
    hyperopt imageio imbalanced-learn ipykernel ipython jax jaxlib jinja2 joblib jsonschema
    jupyter jupyterlab kaggle keras lightgbm lightning llvmlite loguru lxml matplotlib mlflow
    mlflow-skinny mypy networkx nltk notebook numba numpy omegaconf onnx onnxruntime openai
    opencv-python openpyxl optuna pandas pandas-profiling pillow plotly polars prophet
    protobuf psutil psycopg2-binary pyarrow pydantic pymysql pyspark pytest pytest-cov
    python-dateutil python-dotenv pytorch-lightning pytz pyyaml ray regex requests rich
    scikit-image scikit-learn scikit-optimize scikit-plot scipy seaborn sentence-transformers
    sentencepiece setuptools shap six spacy sqlalchemy statsmodels streamlit sympy tabulate
    tensorboard tensorboardx tensorflow textblob tokenizers torch torchaudio torchmetrics
    torchvision tqdm transformers typer typing-extensions umap-learn urllib3 uvicorn wandb
    wheel wordcloud xarray xgboost xlrd yellowbrick zarr
    """.split()  # noqa: SIM905 a list would be a line per name
)


def meant_by(name: str, others: tuple[str, ...] = ()) -> str | None:
    """The package that `name` was likely meant to be, from `others` too; None for no idea."""
    import difflib

    if name in IMPORTED_AS:
        return IMPORTED_AS[name]
    # Of so many names one is always near by edits: the share that agrees is the stricter measure.
    near = difflib.get_close_matches(name, (*others, *PACKAGES), n=1, cutoff=0.8)
    return near[0] if near and near[0] != name else None
