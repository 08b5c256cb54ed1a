"""To which uses do opt-outs apply? Decisions for each flow of data, objections, and what each disclosure certifies."""
