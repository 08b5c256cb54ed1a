"""Files that only a program reads: pictures, PDF, Parquet."""
