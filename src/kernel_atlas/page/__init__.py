"""The atlas page: one HTML file to look around in, without a network or a server."""
