"""Dataset contracts: what a controller has agreed to send, column by column. The shipped ones lie beside this file."""
