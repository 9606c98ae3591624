"""From kernels to codebooks: autoencoder, k-means, baselines."""
