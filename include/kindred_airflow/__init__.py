"""The only bridge to Airflow: forms, tasks that submit stages, and running it all on one machine."""
