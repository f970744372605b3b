"""Finds and declares the library for C, as its header does. Nothing here is public."""

import ctypes
import os
import sys
from ctypes import (
    POINTER,
    c_char_p,
    c_double,
    c_float,
    c_int,
    c_int16,
    c_int64,
    c_size_t,
    c_uint8,
    c_uint32,
    c_uint64,
)
from pathlib import Path

ABI_VERSION = 1

OFFLINE = 1
ROLE_DEFAULT = -1
LANGS = {"auto": 0, "zh": 1, "en": 2}
# The flags of a request, by the names of settings that are given or true.
SEED, SPEED, LOUDNESS = 1, 2, 4
SPLIT, NO_SPLIT = 16, 32
FLAGS = {
    "refine": 8,
    "verbatim": 64,
    "strict": 128,
    "name_emoji": 256,
    "ssml": 512,
    "markdown": 1024,
    "trim": 2048,
}
BULK = 4096
STREAM = 8192


class Options(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t),
        ("device", c_char_p),
        ("dtype", c_char_p),
        ("roles", c_char_p),
        ("cache", c_char_p),
        ("memory_fraction", c_double),
        ("batch_size", c_uint32),
        ("threads", c_uint32),
        ("flags", c_uint32),
        ("reserved", c_uint32),
    ]


class VoiceParams(ctypes.Structure):
    _fields_ = [
        ("sample_rate", c_uint32),
        ("role_id", c_int16),
        ("pad", c_uint8 * 2),
        ("prompt_len", c_uint32),
        ("prompt", c_char_p),
    ]


class Request(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t),
        ("text", c_char_p),
        ("text_len", c_size_t),
        ("voice", POINTER(VoiceParams)),
        ("role", c_char_p),
        ("role_text", c_char_p),
        ("settings", c_char_p),
        ("seed", c_uint64),
        ("top_p", c_double),
        ("loudness", c_double),
        ("temperature", c_float),
        ("repetition_penalty", c_float),
        ("top_k", c_uint32),
        ("max_tokens", c_uint32),
        ("min_tokens", c_uint32),
        ("speed", c_float),
        ("lang", c_uint32),
        ("flags", c_uint32),
    ]


class Summary(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t),
        ("samples", c_uint64),
        ("seed", c_uint64),
        ("tokens", c_uint64),
        ("queued", c_double),
        ("first_sound", c_double),
        ("total", c_double),
        ("sample_rate", c_uint32),
        ("finish", c_uint32),
    ]


class Stats(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t),
        ("queued", c_uint64),
        ("running", c_uint64),
        ("completed", c_uint64),
        ("failed", c_uint64),
        ("cancelled", c_uint64),
        ("steps", c_uint64),
        ("tokens", c_uint64),
        ("audio_seconds", c_double),
        ("slots", c_uint64),
        ("slots_held", c_uint64),
    ]


# Handles are numbers. A buffer is the address of what numpy holds.
_HANDLE = c_size_t
_BUFFER = c_size_t
_FUNCTIONS = {
    "chattts_version": (c_char_p, []),
    "chattts_abi_version": (c_uint32, []),
    "chattts_error_message": (c_char_p, []),
    "chattts_error_status": (c_int, []),
    "chattts_create": (_HANDLE, [c_char_p, POINTER(Options), c_char_p, c_size_t]),
    "chattts_destroy_with": (c_int, [_HANDLE, c_uint32]),
    "chattts_sample_rate": (c_uint32, [_HANDLE]),
    "chattts_speech_start": (c_int, [_HANDLE, POINTER(Request), POINTER(_HANDLE)]),
    "chattts_speech_read": (c_int, [_HANDLE, _BUFFER, POINTER(c_size_t), c_int64]),
    "chattts_speech_summary": (c_int, [_HANDLE, POINTER(Summary)]),
    "chattts_speech_free": (c_int, [_HANDLE]),
    "chattts_voice_register": (c_int, [_HANDLE, c_char_p, c_char_p, c_char_p]),
    "chattts_voices": (c_int, [_HANDLE, c_char_p, POINTER(c_size_t)]),
    "chattts_normalize": (c_int, [POINTER(Request), c_char_p, POINTER(c_size_t)]),
    "chattts_stats": (c_int, [_HANDLE, POINTER(Stats)]),
}


def _load() -> ctypes.CDLL:
    name = {"darwin": "libchattts.dylib", "win32": "chattts.dll"}.get(sys.platform, "libchattts.so")
    path = os.environ.get("CHATTTS_RS_LIBRARY") or str(Path(__file__).with_name(name))
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise ImportError(
            f"{path}: {error}; install the wheel, or let CHATTTS_RS_LIBRARY name the library"
        ) from error
    for function, (result, arguments) in _FUNCTIONS.items():
        declared = getattr(library, function)
        declared.restype, declared.argtypes = result, arguments
    found = library.chattts_abi_version()
    if found != ABI_VERSION:
        raise ImportError(f"{path}: it has interface {found}, and this package needs {ABI_VERSION}")
    return library


LIBRARY = _load()
