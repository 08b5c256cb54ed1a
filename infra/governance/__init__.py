"""Pages and packs of governance: what is printed, published or sent, made from the records."""
