"""Figures: from tables and kernels to PNG and SVG, one module a kind of figure."""
