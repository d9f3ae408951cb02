"""Pictures, and how datasets become the tables images, truth and rejected."""
