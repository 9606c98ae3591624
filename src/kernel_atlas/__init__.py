"""Kernel Atlas: extract, cluster and draw trained depthwise convolution kernels."""

__version__ = "0.1.0"
