"""The model's own top probability: who reaches the threshold gets the label that it stands for.

Source: D.-H. Lee, Pseudo-Label (ICML workshop 2013), with the threshold of FixMatch (K. Sohn et al., NeurIPS 2020).
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def accept(scores: DataFrame, threshold: float) -> DataFrame:
    return scores.where(F.col("confidence") >= threshold).select(
        "fold",
        "image_id",
        F.col("prediction").alias("label"),
        "confidence",
        F.lit("pseudo").alias("source"),
        F.lit(1.0).alias("weight"),
        F.lit(1).alias("round"),
        F.col("confidence").alias("score"),
    )
