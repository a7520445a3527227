"""Running a batch: tasks, worker processes, Dask clusters."""
