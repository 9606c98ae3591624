"""``python -m kernel_atlas`` is ``kernel-atlas``."""

from kernel_atlas.cli import main

if __name__ == "__main__":
    main()
