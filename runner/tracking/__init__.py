"""MLflow's calls: while a step runs, an endpoint on loopback writes them into the run's record."""
