"""`python -m infra.cli` is `haven`."""

from infra.cli.main import main

main()
