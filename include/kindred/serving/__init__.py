"""A finished run put to use: bundle, champion, page, publishing, prediction."""
