"""Files, tables, stages, Spark and MLflow; knows no image and no model."""
