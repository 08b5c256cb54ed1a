"""Anonymity of microdata: which rows stand too much alone, and how coarse they must become before they may leave."""
