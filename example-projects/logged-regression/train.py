"""Ridge regression on scikit-learn's diabetes data; logs each fold's error, and the model."""

import os
import sys

import mlflow
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import KFold

alpha, folds = float(sys.argv[1]), int(sys.argv[2])
patients, progression = load_diabetes(return_X_y=True, as_frame=False)
mlflow.set_experiment("ridge")  # whatever it is called, what is logged is in this run's record

with mlflow.start_run():
    mlflow.log_params({"alpha": alpha, "folds": folds})
    errors = []
    parts = KFold(folds, shuffle=True, random_state=42).split(patients)
    for fold, (train, test) in enumerate(parts, 1):
        model = Ridge(alpha).fit(patients[train], progression[train])
        predicted = model.predict(patients[test])
        errors.append(root_mean_squared_error(progression[test], predicted))
        mlflow.log_metric("rmse", errors[-1], step=fold)
        print(f"fold {fold}: rmse {errors[-1]:.2f}")
    mlflow.log_metric("mean_rmse", float(np.mean(errors)))
    whole = Ridge(alpha).fit(patients, progression)
    mlflow.log_dict({"coefficients": whole.coef_.tolist()}, "model/ridge.json")
    mlflow.set_tag("processor", os.uname().machine)
print(f"mean rmse {np.mean(errors):.2f}")
