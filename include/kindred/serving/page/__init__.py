"""The search as a page and over HTTP: alone (`make search`) and inside Airflow (a plugin)."""
