"""ChatTTS, conversational text to speech in Chinese and English, in the program's own process.

    import chattts_rs

    with chattts_rs.TTS("demo") as tts:
        samples, rate = tts.synthesize("Hello.", seed=42)
        for chunk in tts.stream("你好，世界。"):
            ...

Samples are numpy arrays of 32-bit floats from -1 to 1, of one channel. Any thread may call anything at any time: calls
share the engine's slots and are computed together, without the interpreter's lock, and what one sounds like does not
depend on the others. After os.fork() a child must not use the engines of its parent.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from ctypes import byref, c_size_t, create_string_buffer, pointer, sizeof
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, TypedDict

import numpy as np

from . import _library as c
from ._library import LIBRARY as _lib

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Literal, Required, Unpack

    Samples = NDArray[np.float32]

__all__ = ["TTS", "Error", "Request", "Result", "Settings", "Status", "Voice", "normalize", "version"]

# Samples that are read at once, a second at the model's own rate.
_READ = 24000
# Milliseconds for which a call waits before it looks for signals and for a batch that was left.
_LOOK_MS = 100
# A batch's requests for each slot: one is spoken, the others wait for it to be free.
_PER_SLOT = 2


class Status(IntEnum):
    """The kinds of failures, by the library's numbers."""

    OK = 0
    INVALID_PARAMETER = 1
    INVALID_TEXT = 2
    INVALID_VOICE = 3
    MODEL_NOT_FOUND = 4
    MODEL_INVALID = 5
    DOWNLOAD = 6
    IO = 7
    DEVICE = 8
    ENDED_AT_ONCE = 9
    AUDIO = 10
    BUSY = 11
    CANCELLED = 12
    INTERNAL = 13
    BUFFER_TOO_SMALL = 100
    INVALID_HANDLE = 101
    PENDING = 102


class Error(Exception):
    """A failure of the library: its `status`, and in words what was wrong."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        # A number that only a newer library knows stays one.
        self.status: int = Status(status) if status in list(Status) else status


class Settings(TypedDict, total=False):
    """What can be said about a text. What is left out is at its default."""

    role: str
    """A voice by any of its names: a registered role, a seed ("2222", "torch-f16:2222"), a speaker string, a file, a
    spoken sample, a mix ("mix:anna*0.7+4099*0.3") or "none"."""
    role_text: str
    """What a spoken sample given as `role` says, word for word."""
    prompt: str
    """Control tags: "oral_2 laugh_0 break_6 speed_4"."""
    settings: dict[str, Any]
    """More settings, by the names that a manifest's line has."""
    sample_rate: int
    """Samples per second; the model's own rate if it is left out."""
    seed: int
    """The same seed gives the same samples, whatever is spoken beside it. Without it one is drawn."""
    speed: float
    """How fast it is spoken, 0.25 to 4: 1.25 takes four fifths of the time; the pitch stays. The model's own pace is a
    control tag, "speed_0" to "speed_9"."""
    loudness: float
    """The loudness to which the speech is brought, in LUFS, -70 to 0."""
    temperature: float
    """How lively the speech is, above 0."""
    repetition_penalty: float
    """Above 1, what was drawn in the last 16 steps becomes less likely."""
    top_p: float
    """Draw from the likeliest tokens that together reach this probability."""
    top_k: int
    """Draw from at most so many tokens."""
    max_tokens: int
    """Stop after so many tokens, of which 46.875 are a second."""
    min_tokens: int
    """Do not end before so many tokens."""
    lang: Literal["auto", "zh", "en"]
    """The language in which the text is read."""
    split: bool
    """Speak the text sentence by sentence (True) or in one piece (False); its length decides if it is left out."""
    refine: bool
    """Rewrite the text with pauses, laughs and fillers first."""
    verbatim: bool
    """Do not read numbers, dates and signs as they are spoken."""
    strict: bool
    """Fail a text of which a character would not be spoken."""
    name_emoji: bool
    """Speak emoji by their names."""
    ssml: bool
    """The text is SSML."""
    markdown: bool
    """The text is Markdown."""
    trim: bool
    """Cut what is quiet at both ends."""


class Request(Settings, total=False):
    """A text of a batch, with settings of its own."""

    text: Required[str]


@dataclass(frozen=True)
class Result:
    """One text's outcome of a batch."""

    index: int
    """The text's index in the batch."""
    samples: Samples | None
    """The samples; None if it failed."""
    sample_rate: int
    """Samples per second; 0 if it failed."""
    seed: int | None
    """The seed of the speech; None if it failed."""
    error: Error | None
    """What was wrong, or None."""


class Voice(NamedTuple):
    """A registered voice."""

    name: str
    voice: str
    note: str


class TTS:
    """A model on its devices, with all requests that share them.

    `model` is a folder, a file of packed weights, a repository of Hugging Face ("2Noise/ChatTTS"), or "demo", a small
    voice that the library carries. `device` is "cpu", "cuda", "cuda:1", "cuda:all" or "auto", `dtype` "f32", "q8",
    "f16", "bf16", "f16-kv8" or "auto", `roles` a file of roles, `cache` a folder in which large models are kept packed,
    `memory_fraction` the share of a card's free memory that may be taken, `batch_size` the number of texts that are
    worked on together, and `threads` the number of threads that compute. `offline` never uses the network.
    """

    # For one whose opening fails.
    _engine = 0

    def __init__(
        self,
        model: str | os.PathLike[str] = "2Noise/ChatTTS",
        *,
        device: str | None = None,
        dtype: str | None = None,
        roles: str | os.PathLike[str] | None = None,
        cache: str | os.PathLike[str] | None = None,
        memory_fraction: float = 0.0,
        batch_size: int = 0,
        threads: int = 0,
        offline: bool = False,
    ) -> None:
        options = c.Options(
            size=sizeof(c.Options),
            device=_word("device", device),
            dtype=_word("dtype", dtype),
            roles=_word("roles", None if roles is None else os.fspath(roles)),
            cache=_word("cache", None if cache is None else os.fspath(cache)),
            memory_fraction=memory_fraction,
            batch_size=_whole("batch_size", batch_size, 32),
            threads=_whole("threads", threads, 32),
            flags=c.OFFLINE if offline else 0,
        )
        self._engine = _lib.chattts_create(_word("model", os.fspath(model)), byref(options), None, 0)
        if self._engine == 0:
            raise _failure(_lib.chattts_error_status())

    def close(self) -> None:
        """Cancel what is being spoken, and free the model's memory. It may be called more than once."""
        engine, self._engine = self._engine, 0
        if engine != 0:
            _lib.chattts_destroy_with(engine, 0)

    def __enter__(self) -> TTS:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    @property
    def sample_rate(self) -> int:
        """Samples per second that the model itself makes; 0 once it is closed."""
        return int(_lib.chattts_sample_rate(self._engine))

    def synthesize(self, text: str, **settings: Unpack[Settings]) -> tuple[Samples, int]:
        """Speak a text, and return its samples and how many of them are a second."""
        samples, summary = self._speak(text, settings, 0)
        return samples, summary.sample_rate

    def stream(self, text: str, **settings: Unpack[Settings]) -> Iterator[Samples]:
        """Speak a text and yield its samples as they are made; together they are what `synthesize` returns.

        A loop that is left early cancels the speech. Of a long one 20 seconds are made ahead of the loop.
        """
        # Not a generator itself, so that what is wrong is told here and now.
        return self._read(_Speech(self._engine, text, settings, c.STREAM))

    def batch(self, texts: Iterable[str | Request], **settings: Unpack[Settings]) -> Iterator[Result]:
        """Speak texts, as many at once as the engine has slots, and yield each one's outcome as it ends.

        A text is a string, or a dict with "text" and settings of its own, which count before those of all. They are
        taken one by one, so that there may be any number. One that fails does not stop the others. They go after
        requests that somebody waits for; a loop that is left early cancels them.
        """
        left = threading.Event()
        together = max(1, _PER_SLOT * self.stats()["slots"])
        pending: dict[Future[tuple[Samples, c.Summary]], int] = {}

        def ended(at_most: int) -> Iterator[Result]:
            while len(pending) > at_most:
                for future in wait(pending, return_when=FIRST_COMPLETED).done:
                    yield _outcome(pending.pop(future), future)

        with ThreadPoolExecutor(together, "chattts") as pool:
            try:
                for index, asked in enumerate(texts):
                    own: dict[str, Any] = {"text": asked} if isinstance(asked, str) else dict(asked)
                    text = own.pop("text")
                    every: Any = {**settings, **own}
                    pending[pool.submit(self._speak, text, every, c.BULK, left)] = index
                    yield from ended(together - 1)
                yield from ended(0)
            finally:
                left.set()

    def voices(self) -> list[Voice]:
        """List the registered voices."""
        lines = _written(lambda out, length: _lib.chattts_voices(self._engine, out, length))
        return [Voice(*line.split("\t", 2)) for line in lines.splitlines()]

    def register_voice(self, name: str, voice: str, words: str | None = None) -> None:
        """Register a voice by a name or a number until the engine is closed; one of that name is replaced.

        `voice` is a voice by any of its names, and `words` what it says if it is a spoken sample.
        """
        _check(
            _lib.chattts_voice_register(
                self._engine, _word("name", name), _word("voice", voice), _word("words", words)
            )
        )

    def normalize(self, text: str, **settings: Unpack[Settings]) -> str:
        """Read a text as `chattts_rs.normalize` does."""
        return normalize(text, **settings)

    def stats(self) -> dict[str, Any]:
        """Return the counters of the engine since it was opened, and its current work."""
        stats = c.Stats(size=sizeof(c.Stats))
        _check(_lib.chattts_stats(self._engine, byref(stats)))
        return {field[0]: getattr(stats, field[0]) for field in c.Stats._fields_[1:]}

    def _speak(
        self, text: str, settings: Settings, flags: int, left: threading.Event | None = None
    ) -> tuple[Samples, c.Summary]:
        speech = _Speech(self._engine, text, settings, flags)
        chunks = list(self._read(speech, left))
        samples = np.concatenate(chunks) if chunks else np.empty(0, np.float32)
        return samples, speech.summary

    @staticmethod
    def _read(speech: _Speech, left: threading.Event | None = None) -> Iterator[Samples]:
        try:
            while True:
                chunk = speech.read()
                if left is not None and left.is_set():
                    raise Error(Status.CANCELLED, "the batch was left")
                if chunk is None:
                    continue
                if not len(chunk):
                    return
                yield chunk
        finally:
            speech.free()


class _Speech:
    """A request that was started, with the memory that its samples are read into."""

    handle = 0

    def __init__(self, engine: int, text: str, settings: Settings, flags: int) -> None:
        started = c_size_t()
        request = _request(text, settings, flags)
        _check(_lib.chattts_speech_start(engine, byref(request), byref(started)))
        self.handle = started.value
        self.buffer = np.empty(_READ, np.float32)
        self.summary = c.Summary(size=sizeof(c.Summary))

    def read(self) -> Samples | None:
        """Return samples that have come, none of them at the end; None if none came while it waited."""
        length = c_size_t(len(self.buffer))
        # A short wait, after which Python sees its signals.
        status = _lib.chattts_speech_read(self.handle, self.buffer.ctypes.data, byref(length), _LOOK_MS)
        if status == Status.PENDING:
            return None
        _check(status)
        if length.value == 0:
            _check(_lib.chattts_speech_summary(self.handle, byref(self.summary)))
        return self.buffer[: length.value].copy()

    def free(self) -> None:
        """Free the speech, and cancel it if it is not over."""
        handle, self.handle = self.handle, 0
        if handle != 0:
            _lib.chattts_speech_free(handle)

    def __del__(self) -> None:
        # For a stream whose loop never began.
        self.free()


def normalize(text: str, **settings: Unpack[Settings]) -> str:
    """Read a text as it would be spoken, with numbers, dates and signs in words. No model is needed."""
    request = _request(text, settings, 0)
    return _written(lambda out, length: _lib.chattts_normalize(byref(request), out, length))


def version() -> str:
    """Return the library's version."""
    return str(_lib.chattts_version().decode())


def _outcome(index: int, future: Future[tuple[Samples, c.Summary]]) -> Result:
    try:
        samples, summary = future.result()
    except Error as error:
        return Result(index, None, 0, None, error)
    return Result(index, samples, summary.sample_rate, summary.seed, None)


def _request(text: str, settings: Settings, flags: int) -> c.Request:
    """Lay a request out for C; it keeps what it points to alive."""
    given: dict[str, Any] = {name: value for name, value in settings.items() if value is not None}
    unknown = given.keys() - Settings.__annotations__.keys()
    if unknown:
        raise TypeError(f"unknown setting {min(unknown)!r}")
    encoded = text.encode()
    prompt = given.get("prompt", "").encode()
    voice = c.VoiceParams(
        sample_rate=_whole("sample_rate", given.get("sample_rate", 0), 32),
        role_id=c.ROLE_DEFAULT,
        prompt_len=len(prompt),
        prompt=prompt,
    )
    for name, flag in (("seed", c.SEED), ("speed", c.SPEED), ("loudness", c.LOUDNESS)):
        flags |= flag if name in given else 0
    if "split" in given:
        flags |= c.SPLIT if given["split"] else c.NO_SPLIT
    for name, flag in c.FLAGS.items():
        flags |= flag if given.get(name) else 0
    lang = given.get("lang", "auto")
    if lang not in c.LANGS:
        raise Error(Status.INVALID_PARAMETER, f"lang: {lang!r}; auto, zh and en are known")
    return c.Request(
        size=sizeof(c.Request),
        text=encoded,
        text_len=len(encoded),
        voice=pointer(voice),
        role=_word("role", given.get("role")),
        role_text=_word("role_text", given.get("role_text")),
        settings=_word("settings", json.dumps(given["settings"]) if "settings" in given else None),
        seed=_whole("seed", given.get("seed", 0), 64),
        top_p=given.get("top_p", 0),
        loudness=given.get("loudness", 0),
        temperature=given.get("temperature", 0),
        repetition_penalty=given.get("repetition_penalty", 0),
        top_k=_whole("top_k", given.get("top_k", 0), 32),
        max_tokens=_whole("max_tokens", given.get("max_tokens", 0), 32),
        min_tokens=_whole("min_tokens", given.get("min_tokens", 0), 32),
        speed=given.get("speed", 0),
        lang=c.LANGS[lang],
        flags=flags,
    )


def _word(name: str, text: str | None) -> bytes | None:
    """Encode a text that ends with a NUL for C, which ctypes would cut at one in it."""
    if text is not None and "\0" in text:
        raise Error(Status.INVALID_PARAMETER, f"{name}: has a NUL in it")
    return None if text is None else text.encode()


def _whole(name: str, number: int, bits: int) -> int:
    """Check a number that ctypes would otherwise cut."""
    if not 0 <= number < 1 << bits:
        raise Error(Status.INVALID_PARAMETER, f"{name}: {number} is out of range")
    return number


def _failure(status: int) -> Error:
    return Error(status, _lib.chattts_error_message().decode(errors="replace"))


def _check(status: int) -> None:
    if status != Status.OK:
        raise _failure(status)


def _written(write: Callable[[Any, Any], int]) -> str:
    """Return the text that a call writes, which is given a buffer that is large enough in the end."""
    length = c_size_t(1024)
    while True:
        out = create_string_buffer(length.value)
        status = write(out, byref(length))
        if status != Status.BUFFER_TOO_SMALL:
            _check(status)
            return out.raw[: length.value].decode()
