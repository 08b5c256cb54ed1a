"""A file's cells beside what the gateway counted behind the queries that the file was made from."""
