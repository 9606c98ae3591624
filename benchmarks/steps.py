"""How long will the trainings of a configuration take on this machine?

Usage: python benchmarks/steps.py CONFIG [--steps 20] [--arms ARM...] [--batch-size N] [--images N]

Takes some steps of each arm's own training, on made images of the right shape, and multiplies: no
images are needed, and nothing is written. Prints a table of hours, one row per arm. An arm with
several `gpus` is measured with one GPU's part of a batch on one of them.

--batch-size is for a machine that is too small for the arms' own: the time per image is then that
of small batches. --images is the number of training images of data other than all of ImageNet or
CIFAR-10. Not in it: loading the images, evaluation (about 3 % on ImageNet), and what GPUs spend on
exchanging gradients.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import yaml

from kernel_atlas.experiments.arms import Arm, Training, read_arms
from kernel_atlas.sources.timm_import import import_timm

IMAGES = {"imagenet": (1_281_167, 1000), "cifar10": (50_000, 10)}  # training images, classes
WARM_UP = 3  # steps that do not count


@dataclass
class Made:
    """What a training knows of its images, without any."""

    n_images: int
    n_classes: int
    batch_size: int

    @property
    def n_steps(self) -> int:
        return self.n_images // self.batch_size


def make_loaders(arm: Arm, images: int) -> Made:
    """As many images and classes as the arm's data has."""
    n_images, n_classes = IMAGES.get(arm.data.partition(":")[0], (0, 0))
    if images or not n_images:
        n_images, n_classes = images, arm.classes or n_classes or 1000
    elif arm.classes:
        n_images, n_classes = n_images * arm.classes // n_classes, arm.classes
    if not n_images:
        raise SystemExit(f"{arm.name}: {arm.data} may have any number of images; give --images")
    return Made(n_images, n_classes, arm.batch_size)


def measure(training: Training, made: Made, n_steps: int) -> tuple[float, str]:
    """Seconds of a step, and where it was taken."""
    from kernel_atlas.experiments.run import Run

    arm = training.arm
    run = Run(training, lambda *_: made)
    run.model.train()
    n_own = arm.batch_size // arm.gpus
    images = torch.randn(n_own, 3, arm.image_size, arm.image_size)
    labels = torch.randint(made.n_classes, (n_own,))
    images, labels = images.to(run.device), labels.to(run.device)
    # on a CPU a training has one thread, and its processor time does not depend on other work
    clock = time.process_time if run.device.type == "cpu" else time.perf_counter
    for number in range(1, WARM_UP + n_steps + 1):
        loss = run.step(images.clone(), labels, number)  # mixing changes them in place
        if number == WARM_UP:
            loss.item()  # a GPU has then done what it was asked for
            started_at = clock()
    loss.item()
    return (clock() - started_at) / n_steps, run.progress.place


def main(path: Path, n_steps: int, names: Sequence[str], batch_size: int, images: int) -> None:
    """Measure, and print the table."""
    import_timm()
    arms = read_arms(yaml.safe_load(path.read_text(encoding="utf-8"))["experiments"])
    print("| arm | trainings | batch | s per step | images per s | h per training | h in all |")
    print("|---|---|---|---|---|---|---|")
    hours, places = 0.0, set()
    for arm in arms.values():
        if names and arm.name not in names:
            continue
        if batch_size:
            arm = replace(arm, batch_size=batch_size * arm.gpus)
        made = make_loaders(arm, images)
        seconds, place = measure(arm.trainings[0], made, n_steps)
        each = seconds * made.n_steps * arm.epochs / 3600
        in_all = each * len(arm.trainings) * arm.gpus
        hours, places = hours + in_all, places | {place}
        print(
            f"| `{arm.name}` | {len(arm.trainings)} | {arm.batch_size} | {seconds:.3g} | "
            f"{arm.batch_size / seconds:.3g} | {each:.3g} | {in_all:.3g} |",
            flush=True,
        )
    print(f"| all | | | | | | {hours:.3g} |")
    print(f"\n{n_steps} steps of each on {', '.join(places)}, torch {torch.__version__}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--arms", nargs="*", default=[])
    parser.add_argument("--batch-size", type=int, default=0)
    parser.add_argument("--images", type=int, default=0)
    given = parser.parse_args()
    main(given.config, given.steps, given.arms, given.batch_size, given.images)
