"""Who is one person among those whom no certain step joined? Weighed by an approved model, doubtful ones by people."""
