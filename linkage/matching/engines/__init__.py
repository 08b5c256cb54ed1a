"""Where does the ladder run? One definition in SELECTs; DuckDB in the zone's process, or Apache Spark beside it."""
