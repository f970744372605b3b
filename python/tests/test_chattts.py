"""Run against an installed wheel: python -m unittest discover -s python/tests"""

import ctypes
import gc
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path

import numpy as np

import chattts_rs
from chattts_rs import Error, Status
from chattts_rs import _library as c

SHORT = {"min_tokens": 8, "max_tokens": 8}
LONG = {"text": "Hello, all of you. " * 200, "seed": 1, "min_tokens": 2000, "max_tokens": 2000, "split": True}


class Speaking(unittest.TestCase):
    def setUp(self):
        # Random weights, which speak at once.
        self.tts = chattts_rs.TTS("noise", batch_size=2)
        self.addCleanup(self.tts.close)

    def fails(self, status, call, *args, **settings):
        with self.assertRaises(Error) as caught:
            call(*args, **settings)
        self.assertEqual(caught.exception.status, status, caught.exception)
        self.assertTrue(str(caught.exception))
        return str(caught.exception)

    def wait_for_free_slots(self):
        deadline = time.monotonic() + 20
        while True:
            stats = self.tts.stats()
            if not (stats["slots_held"] or stats["queued"] or stats["running"]):
                return
            self.assertLess(time.monotonic(), deadline, stats)
            time.sleep(0.005)

    def test_same_seed_gives_same_bytes(self):
        samples, rate = self.tts.synthesize("Hello, 你好.", seed=42, **SHORT)
        self.assertEqual((rate, samples.dtype, samples.ndim), (24000, np.float32, 1))
        self.assertGreater(len(samples), 0)
        again, _ = self.tts.synthesize("Hello, 你好.", seed=42, **SHORT)
        other, _ = self.tts.synthesize("Hello, 你好.", seed=43, **SHORT)
        self.assertEqual(samples.tobytes(), again.tobytes())
        self.assertNotEqual(samples.tobytes(), other.tobytes())

    def test_stream_equals_whole(self):
        settings = {"seed": 7, "min_tokens": 120, "max_tokens": 120}
        whole, _ = self.tts.synthesize("Hello.", **settings)
        chunks = list(self.tts.stream("Hello.", **settings))
        self.assertGreater(len(chunks), 1)
        self.assertEqual(np.concatenate(chunks).tobytes(), whole.tobytes())

    def test_leaving_a_stream_frees_the_slot(self):
        settings = dict(LONG)
        for chunk in self.tts.stream(settings.pop("text"), **settings):
            self.assertGreater(len(chunk), 0)
            break
        gc.collect()
        self.wait_for_free_slots()
        self.tts.stream(LONG["text"])
        gc.collect()
        self.wait_for_free_slots()

    def test_sample_rate_and_other_settings_count(self):
        samples, rate = self.tts.synthesize("Hello.", seed=1, sample_rate=8000, **SHORT)
        whole, _ = self.tts.synthesize("Hello.", seed=1, settings={"sample_rate": 8000}, **SHORT)
        self.assertEqual(rate, 8000)
        self.assertEqual(samples.tobytes(), whole.tobytes())
        lively, _ = self.tts.synthesize("Hello.", seed=1, temperature=2.0, top_p=1.0, **SHORT)
        usual, _ = self.tts.synthesize("Hello.", seed=1, **SHORT)
        self.assertNotEqual(lively.tobytes(), usual.tobytes())

    def test_threads_hear_what_one_hears(self):
        def speak(seed):
            return self.tts.synthesize("Hello.", seed=seed, **SHORT)[0].tobytes()

        alone = [speak(seed) for seed in range(4)]
        with ThreadPoolExecutor(16) as pool:
            together = list(pool.map(speak, [index % 4 for index in range(64)]))
        self.assertEqual(together, alone * 16)

    def test_batch_yields_each_outcome_once(self):
        texts = [{"text": "Hello.", "seed": seed} for seed in range(12)]
        texts[5]["role"] = "nobody"
        results = {result.index: result for result in self.tts.batch(iter(texts), **SHORT)}
        self.assertEqual(sorted(results), list(range(12)))
        for index, result in results.items():
            if index == 5:
                self.assertEqual((result.samples, result.error.status), (None, Status.INVALID_VOICE))
                continue
            samples, rate = self.tts.synthesize("Hello.", seed=index, **SHORT)
            self.assertEqual((result.sample_rate, result.seed, result.error), (rate, index, None))
            self.assertEqual(result.samples.tobytes(), samples.tobytes())
        self.assertEqual(len(list(self.tts.batch(["One.", "Two."], seed=1, **SHORT))), 2)

    def test_leaving_a_batch_cancels_the_rest(self):
        begin = time.monotonic()
        for _ in self.tts.batch([{"text": "Hello.", **SHORT}] + [LONG] * 20):
            break
        gc.collect()
        self.wait_for_free_slots()
        self.assertLess(time.monotonic() - begin, 20)

    def test_errors_tell_what_was_wrong(self):
        speak = self.tts.synthesize
        self.fails(Status.INVALID_TEXT, speak, "")
        self.fails(Status.INVALID_TEXT, speak, "<speak>", ssml=True)
        self.assertIn("nobody", self.fails(Status.INVALID_VOICE, speak, "Hello.", role="nobody"))
        for settings in [
            {"top_p": 2},
            {"speed": 10},
            {"speed": -1},
            {"seed": 1 << 64},
            {"max_tokens": 1 << 32},
            {"loudness": 1},
            {"role": "a\0b"},
            {"lang": "fr"},
            {"settings": {"no_such": 1}},
        ]:
            with self.subTest(settings):
                self.fails(Status.INVALID_PARAMETER, speak, "Hello.", **settings)
                self.fails(Status.INVALID_PARAMETER, self.tts.stream, "Hello.", **settings)
        with self.assertRaises(TypeError):
            speak("Hello.", sed=1)
        self.fails(Status.MODEL_NOT_FOUND, chattts_rs.TTS, "/nowhere", offline=True)
        self.fails(Status.INVALID_PARAMETER, chattts_rs.TTS, "noise", device="abacus")

    def test_messages_are_each_threads_own(self):
        def fail(index):
            message = self.fails(Status.INVALID_VOICE, self.tts.synthesize, "Hello.", role=f"nobody-{index}-")
            self.assertIn(f"nobody-{index}-", message)

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(fail, range(200)))

    def test_closing_cancels_and_may_be_repeated(self):
        settings = dict(LONG)
        stream = self.tts.stream(settings.pop("text"), **settings)
        next(stream)
        threading.Timer(0.1, self.tts.close).start()
        self.fails(Status.CANCELLED, list, stream)
        self.tts.close()
        self.fails(Status.INVALID_HANDLE, self.tts.synthesize, "Hello.")
        self.fails(Status.INVALID_HANDLE, self.tts.voices)
        self.assertEqual(self.tts.sample_rate, 0)
        with chattts_rs.TTS("noise") as tts:
            engine = tts._engine
        self.assertEqual(c.LIBRARY.chattts_sample_rate(engine), 0)

    def test_voices_are_registered_and_listed(self):
        self.tts.register_voice("anna", "2222")
        self.assertIn("anna", [voice.name for voice in self.tts.voices()])
        anna, _ = self.tts.synthesize("Hello.", role="anna", seed=1, **SHORT)
        seed, _ = self.tts.synthesize("Hello.", role="2222", seed=1, **SHORT)
        self.assertEqual(anna.tobytes(), seed.tobytes())

    def test_normalize_reads_numbers(self):
        self.assertIn("five dollars", chattts_rs.normalize("Dr. Smith paid $5."))
        self.assertEqual(self.tts.normalize("2024.", lang="zh"), chattts_rs.normalize("2024.", lang="zh"))
        self.assertGreater(len(chattts_rs.normalize("2024. " * 1000)), 10000)

    @unittest.skipUnless(hasattr(signal, "SIGALRM"), "no alarms")
    def test_a_signal_ends_a_waiting_call(self):
        def ring(*_):
            raise KeyboardInterrupt

        self.addCleanup(signal.signal, signal.SIGALRM, signal.signal(signal.SIGALRM, ring))
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        settings = dict(LONG)
        with self.assertRaises(KeyboardInterrupt):
            self.tts.synthesize(settings.pop("text"), **settings)
        self.wait_for_free_slots()


class Wheel(unittest.TestCase):
    def test_layouts_are_those_of_the_header(self):
        word = ctypes.sizeof(ctypes.c_void_p)
        self.assertEqual(ctypes.sizeof(c.VoiceParams), 8 + 2 * word)
        self.assertEqual(c.VoiceParams.prompt.offset, 8 + word)
        if word == 8:
            sizes = [ctypes.sizeof(struct) for struct in (c.Request, c.Options, c.Summary, c.Stats)]
            self.assertEqual((sizes, c.Request.seed.offset), ([112, 64, 64, 88], 56))

    def test_versions_agree(self):
        self.assertEqual(metadata.version("chattts-rs"), chattts_rs.version())

    def test_it_carries_types_and_the_program(self):
        package = Path(chattts_rs.__file__).parent
        self.assertTrue((package / "py.typed").exists())
        program = shutil.which("chattts-rs", path=sysconfig.get_path("scripts"))
        self.assertIsNotNone(program)
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "hello.wav")
            command = [
                program,
                "synth",
                "--model",
                "noise",
                "--text",
                "Hello.",
                "--max-tokens",
                "8",
                "--out",
                out,
            ]
            subprocess.run(command, check=True, capture_output=True, env={**os.environ, "HOME": folder})
            self.assertGreater(os.path.getsize(out), 44)

    @unittest.skipUnless(sys.platform == "linux", "a tag of Linux")
    def test_tag_is_that_of_the_files(self):
        tag = re.search(r"Tag: (\S+)", metadata.distribution("chattts-rs").read_text("WHEEL")).group(1)
        self.assertRegex(tag, r"^py3-none-manylinux_2_\d+_\w+$")
        library = Path(c.LIBRARY._name).read_bytes()
        oldest = max(int(minor) for minor in re.findall(rb"GLIBC_2\.(\d+)", library))
        self.assertGreaterEqual(int(tag.split("_")[2]), oldest)

    def test_an_engine_that_is_left_open_troubles_no_exit(self):
        code = "import chattts_rs; t = chattts_rs.TTS('noise'); s = t.stream('Hello.'); next(s)"
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
        self.assertEqual((ran.returncode, ran.stderr), (0, b""))


if __name__ == "__main__":
    unittest.main()
