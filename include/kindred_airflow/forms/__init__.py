"""The trigger forms: types, limits, choices and defaults, each once. Nothing heavy is imported here.

An optional field is null by default: Airflow's form treats an empty text as a required field that is not filled in.
"""
