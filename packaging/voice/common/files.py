"""Files that appear whole or not at all."""

import contextlib
import os
import pickle


@contextlib.contextmanager
def replacing(path):
    """Yields a temporary name beside `path`, and renames that file to `path` if nothing was raised."""
    folder = os.path.dirname(path)
    if folder:
        os.makedirs(folder, exist_ok=True)
    temporary = f"{path}.tmp{os.getpid()}"
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)  # some writers make files for one's own eyes
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(temporary)


def write_text(path, text):
    """Writes UTF-8 text, with the line ends that it has."""
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as f:
        f.write(text)


def write_pickle(path, value):
    """Writes a list of utterances or the like."""
    with replacing(path) as temporary, open(temporary, "wb") as f:
        pickle.dump(value, f)


def read_pickle(path):
    """Reads what `write_pickle` wrote. Only for files of one's own making: a pickle can run code."""
    with open(path, "rb") as f:
        return pickle.load(f)


def save_torch(path, value):
    """Writes a state of PyTorch."""
    import torch

    with replacing(path) as temporary:
        torch.save(value, temporary)


def read_lines(path):
    """Reads the lines of a text file that are not blank, without the space around them."""
    with open(path, encoding="utf-8") as f:
        return [line.strip() for line in f if line.strip()]
