"""Tries penalties, each in a run of its own, by MLflow's own `mlflow.run`; says which is best."""

import sys

import mlflow

client = mlflow.MlflowClient()
errors = {}
for alpha in sys.argv[1].split():
    submitted = mlflow.run(".", "main", parameters={"alpha": alpha})
    errors[alpha] = client.get_run(submitted.run_id).data.metrics["mean_rmse"]

best = min(errors, key=errors.get)
with mlflow.start_run():
    mlflow.log_param("best_alpha", best)
    mlflow.log_metric("mean_rmse", errors[best])
print(f"best of {len(errors)}: alpha {best}, mean rmse {errors[best]:.2f}")
