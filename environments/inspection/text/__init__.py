"""Files that are text: tables in CSV, prose, code, notebooks, JSON and ACRO's results."""
