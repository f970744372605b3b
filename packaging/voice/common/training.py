"""What the training scripts share: time, learning rate, logging."""

import time

CHECKPOINT_MINUTES = 2.0  # of processor time


def log(*words):
    """Prints a line with the time of day."""
    print(time.strftime("%F %T"), *words, flush=True)


def processor_minutes():
    """Returns the processor time that this process has used."""
    return time.process_time() / 60


class Progress:
    """Tells how much of a training is done: by steps where a number of steps is given, else by processor time.

    Steps make a run that can be repeated to the bit on one machine; processor time lets a slow machine train no longer.
    """

    def __init__(self, minutes, steps=None, done=0.0):
        self.minutes, self.steps = minutes, steps
        self.start = processor_minutes() - done

    def spent(self):
        """Returns the minutes of processor time so far, those of earlier runs too."""
        return processor_minutes() - self.start

    def fraction(self, step):
        """Returns the share that is done, 1 or more at the end."""
        return step / self.steps if self.steps else self.spent() / self.minutes


def learning_rate(peak, step, fraction, warmup=50, fall=2.0, floor=0.02):
    """Returns a rate that rises over `warmup` steps and falls to almost nothing over the last 1/fall of the run."""
    return peak * min(1, (step + 1) / warmup, (1 - fraction) * fall + floor)


def add_arguments(parser, minutes):
    """Adds the arguments that every training has."""
    parser.add_argument(
        "--minutes", type=float, default=minutes, help="processor time in all, in minutes (default: %(default)g)"
    )
    parser.add_argument("--steps", type=int, help="number of steps in all, in place of --minutes")
    parser.add_argument("--threads", type=int, default=1, help="threads of computing (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and draws (default: %(default)s)")
    parser.add_argument(
        "--bf16", action="store_true", help="compute in bfloat16; only where the processor has instructions for it"
    )


def check_arguments(parser, a):
    """Ends with a message about arguments that make no sense."""
    if a.minutes <= 0 or (a.steps is not None and a.steps < 1):
        parser.error("--minutes and --steps must be above 0")
    if a.threads < 1:
        parser.error("--threads must be 1 or more")
