//! The library for C, and for what calls C. `chattts.h` beside this file is made of these functions and of `types.rs`;
//! what a caller must know stands there.
//!
//! This is a thin face of the crate's public API. All that is unsafe is reading what C's pointers lead to.

#![cfg(feature = "capi")]
// What must hold of a pointer stands in the functions' documentation, for those who call them from C.
#![allow(clippy::missing_safety_doc)]

mod batch;
mod border;
mod log;
mod open;
mod request;
mod speech;
mod table;
pub mod types;

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::null_mut;

use chattts_rs::speech::{Reading, check, misspelt, read};
use chattts_rs::voice::{Role, VoiceSpec};
use chattts_rs::{Engine, Error, Event, FinishReason, SpeechRequest, Summary};

use self::border::{
    Failure, Inside, Result, attempt, c_string, call_back, check_size, fill, give, giving, last, run, word,
};
use self::open::Call;
use self::types::*;

/// A text that has what most of reading needs.
const WARM_UP: &str = "2024年3月5日，总价是123.5元。Dr. Smith paid $5.20 at 8:05 pm.";

const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(version) => version,
    Err(_) => c"",
};

/// Reads the tables that the first request would wait for. It is not needed, may be called any number of times, and
/// returns 0.
#[unsafe(no_mangle)]
pub extern "C" fn chattts_init() -> c_int {
    run(|| {
        read(WARM_UP, Reading::of(&SpeechRequest::new("").overrides), None)?;
        Ok(())
    })
}

/// Returns the library's version, "0.1.0". It lives as long as the process.
#[unsafe(no_mangle)]
pub extern "C" fn chattts_version() -> *const c_char {
    VERSION.as_ptr()
}

/// Returns the CHATTTS_ABI_VERSION that the library was built with.
#[unsafe(no_mangle)]
pub extern "C" fn chattts_abi_version() -> u32 {
    CHATTTS_ABI_VERSION
}

/// Returns what was wrong with the last call of this thread that failed, in UTF-8; never NULL, and empty if none has
/// failed. It lives until the next failure of this thread, or until the thread ends. CHATTTS_PENDING is no failure.
#[unsafe(no_mangle)]
pub extern "C" fn chattts_error_message() -> *const c_char {
    last().1
}

/// Returns the status of the last call of this thread that failed, or CHATTTS_OK: for chattts_create(), which returns
/// none.
#[unsafe(no_mangle)]
pub extern "C" fn chattts_error_status() -> c_int {
    last().0
}

/// Has messages of the library given to `on_log` from now on; NULL for none. There is one for the process. When this
/// returns, the one before is not called any more.
#[unsafe(no_mangle)]
pub extern "C" fn chattts_set_log(on_log: ChatttsOnLog, user: *mut c_void) -> c_int {
    run(|| {
        log::set(on_log, user);
        Ok(())
    })
}

/// Opens a model and loads it, which takes from milliseconds to seconds, and longer if it is downloaded first.
///
/// `model_path` is a folder, a file of packed weights, a repository of Hugging Face ("2Noise/ChatTTS"; its variables,
/// such as HF_HOME, are read), or "demo", a small voice that the library carries. `options` may be NULL.
///
/// Returns an engine for chattts_destroy(), or NULL. Then up to `error_size` bytes of what was wrong are written to
/// `error`, a NUL at their end; `error` may be NULL. chattts_error_status() tells the status.
///
/// An engine serves any number of threads at once. Their requests share its slots, and what one sounds like does not
/// depend on the others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chattts_create(
    model_path: *const c_char,
    options: *const ChatttsOptions,
    error: *mut c_char,
    error_size: usize,
) -> *mut ChatttsHandle {
    let opened = attempt(|| {
        // SAFETY: as the header asks of the caller.
        let mut options = unsafe { request::options(model_path, options) }?;
        options.observer = Some(std::sync::Arc::new(log::notice));
        open::insert(Engine::open(options)?)
    });
    let message = opened.as_ref().err().map_or("", |failure| failure.message.as_str());
    if !error.is_null() && error_size > 0 {
        let message = c_string(message);
        let said = message.to_str().unwrap_or_default();
        let said = &said[..said.floor_char_boundary(error_size - 1)];
        // SAFETY: the buffer has room for so many bytes and the NUL.
        unsafe {
            said.as_ptr().copy_to_nonoverlapping(error.cast(), said.len());
            error.add(said.len()).write(0);
        }
    }
    opened.map_or(null_mut(), |handle| handle as *mut ChatttsHandle)
}

/// Destroys an engine as chattts_destroy_with() does with CHATTTS_DESTROY_CANCELS. NULL and a handle that was destroyed
/// before are left alone.
#[unsafe(no_mangle)]
pub extern "C" fn chattts_destroy(h: *mut ChatttsHandle) {
    if !h.is_null() {
        run(|| open::destroy(h.addr(), false));
    }
}

/// Destroys an engine: from now on its handle is CHATTTS_INVALID_HANDLE. `flags` say what becomes of calls that other
/// threads make at this time: CHATTTS_DESTROY_CANCELS or CHATTTS_DESTROY_WAITS. Returns when they have ended and the
/// model's memory is free. Speeches of chattts_speech_start() that are not over are cancelled; they are freed as ever.
///
/// Inside a callback of the library it is CHATTTS_BUSY, and nothing is destroyed.
#[unsafe(no_mangle)]
pub extern "C" fn chattts_destroy_with(h: *mut ChatttsHandle, flags: u32) -> c_int {
    run(|| match flags {
        CHATTTS_DESTROY_CANCELS | CHATTTS_DESTROY_WAITS => {
            open::destroy(h.addr(), flags == CHATTTS_DESTROY_WAITS)
        }
        _ => Err(Failure::parameter("flags", "a CHATTTS_DESTROY is taken")),
    })
}

/// Returns the samples per second that the model itself makes, or 0 for a handle that is none.
#[unsafe(no_mangle)]
pub extern "C" fn chattts_sample_rate(h: *mut ChatttsHandle) -> u32 {
    attempt(|| Ok(Call::of(h.addr())?.engine().sample_rate())).unwrap_or(0)
}

/// Speaks a text of `text_len` bytes of UTF-8 and waits for it. `params` may be NULL.
///
/// `len_io` holds the capacity of `wav_out` in samples, and afterwards the number of samples, -1 to 1. If they do not
/// fit, it holds the number that is needed and the call is CHATTTS_BUFFER_TOO_SMALL; `wav_out` may be NULL if the
/// capacity is 0. The speech is then kept for the next call with the same handle, the same text, and params of the same
/// rate, role and prompt, by whichever thread, and is given out once. An engine keeps the last 16 of them, of at most
/// 16777216 samples together, and always the newest one. After any other failure the length is 0.
///
/// Each call draws a seed of its own: chattts_speak() takes one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chattts_synthesize(
    h: *mut ChatttsHandle,
    text: *const c_char,
    text_len: usize,
    params: *const ChatttsVoiceParams,
    wav_out: *mut f32,
    len_io: *mut usize,
) -> c_int {
    // SAFETY: as the header asks of the caller.
    unsafe {
        giving(wav_out, len_io, |capacity| {
            let call = Call::of(h.addr())?;
            speak(&call, request::simple(text, text_len, params)?, capacity, wav_out, len_io).map(drop)
        })
    }
}

/// Speaks a request as chattts_synthesize() does, with all that it says. A speech that did not fit is kept for the next
/// call with a request that says the same. `summary` may be NULL; else its size is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chattts_speak(
    h: *mut ChatttsHandle,
    request: *const ChatttsRequest,
    wav_out: *mut f32,
    len_io: *mut usize,
    summary: *mut ChatttsSummary,
) -> c_int {
    // SAFETY: as the header asks of the caller.
    unsafe {
        giving(wav_out, len_io, |capacity| {
            let call = Call::of(h.addr())?;
            let (request, _) = request::whole(request)?;
            check_size("summary", summary)?;
            let spoken = speak(&call, request, capacity, wav_out, len_io)?;
            if !summary.is_null() {
                fill("summary", summary, summary_of(&spoken))?;
            }
            Ok(())
        })
    }
}

unsafe fn speak(
    call: &Call,
    request: SpeechRequest,
    capacity: usize,
    wav_out: *mut f32,
    len_io: *mut usize,
) -> Result<Summary> {
    let wave = call.wave(&request)?;
    // SAFETY: as the caller promises.
    let given = unsafe { give(&wave.samples, wav_out, len_io) };
    let summary = wave.summary;
    if wave.samples.len() > capacity {
        call.keep(request, wave);
    }
    given.map(|()| summary)
}

/// Speaks a text as chattts_synthesize() does, and gives its samples to `on_audio` as they are made. The samples are
/// the same, and come at any length. If `on_audio` returns another value than 0, the call is CHATTTS_CANCELLED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chattts_synthesize_stream(
    h: *mut ChatttsHandle,
    text: *const c_char,
    text_len: usize,
    params: *const ChatttsVoiceParams,
    on_audio: ChatttsOnAudio,
    user: *mut c_void,
) -> c_int {
    run(|| {
        let call = Call::of(h.addr())?;
        // SAFETY: as the header asks of the caller.
        let request = unsafe { request::simple(text, text_len, params) }?;
        // SAFETY: as above.
        unsafe { stream(&call, &request, on_audio, user) }.map(drop)
    })
}

/// Speaks a request as chattts_synthesize_stream() does, with all that it says. `summary` may be NULL; else its size is
/// set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chattts_speak_stream(
    h: *mut ChatttsHandle,
    request: *const ChatttsRequest,
    on_audio: ChatttsOnAudio,
    user: *mut c_void,
    summary: *mut ChatttsSummary,
) -> c_int {
    run(|| {
        let call = Call::of(h.addr())?;
        // SAFETY: as the header asks of the caller.
        let (request, _) = unsafe { request::whole(request) }?;
        // SAFETY: as above.
        unsafe { check_size("summary", summary) }?;
        // SAFETY: as above.
        let spoken = unsafe { stream(&call, &request, on_audio, user) }?;
        if !summary.is_null() {
            // SAFETY: as above.
            unsafe { fill("summary", summary, summary_of(&spoken)) }?;
        }
        Ok(())
    })
}

unsafe fn stream(
    call: &Call,
    request: &SpeechRequest,
    on_audio: ChatttsOnAudio,
    user: *mut c_void,
) -> Result<Summary> {
    let on_audio = on_audio.ok_or_else(|| Failure::parameter("on_audio", "is NULL"))?;
    let (speech, _watch) = call.start(request, true)?;
    for event in speech {
        match event? {
            Event::Samples(samples) => {
                // SAFETY: the caller gave a function for this; the samples live until after it.
                let stops =
                    call_back(Inside::Call, || unsafe { on_audio(user, samples.as_ptr(), samples.len()) });
                if stops != 0 {
                    return Err(Error::Interrupted.into());
                }
            }
            Event::Done(summary) => return Ok(summary),
            _ => {}
        }
    }
    Err(Error::Interrupted.into())
}

/// Speaks many requests, as many at once as the engine has slots, and calls `on_result` with each as it ends; one that
/// fails does not stop the others. `requests` are `count` pointers. They go after requests that somebody waits for.
///
/// Returns CHATTTS_OK when all have had their outcome. If `on_result` returned another value than 0, or the engine is
/// destroyed meanwhile, it is CHATTTS_CANCELLED, and the rest has none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chattts_batch(
    h: *mut ChatttsHandle,
    requests: *const *const ChatttsRequest,
    count: usize,
    on_result: ChatttsOnResult,
    user: *mut c_void,
) -> c_int {
    run(|| {
        let call = Call::of(h.addr())?;
        let is_there = !requests.is_null() && requests.is_aligned() && count <= isize::MAX as usize / 8;
        let requests = match count {
            0 => &[],
            _ if !is_there => return Err(Failure::parameter("requests", "is no place of so many pointers")),
            // SAFETY: checked as far as can be, and the header asks for it.
            _ => unsafe { std::slice::from_raw_parts(requests, count) },
        };
        // SAFETY: as the header asks of the caller.
        unsafe { batch::speak(&call, requests, on_result, user) }
    })
}

/// Starts a request and returns at once; `speech_out` gets a speech for chattts_speech_free().
///
/// At most one thread may wait for a speech or read it at a time; another one's call is CHATTTS_BUSY meanwhile. Any
/// thread may cancel or free it at any time. Of a long speech 20 seconds are made ahead: it goes on only as it is
/// polled, waited for or read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chattts_speech_start(
    h: *mut ChatttsHandle,
    request: *const ChatttsRequest,
    speech_out: *mut *mut ChatttsSpeech,
) -> c_int {
    run(|| {
        if speech_out.is_null() {
            return Err(Failure::parameter("speech_out", "is NULL"));
        }
        // SAFETY: not null.
        unsafe { speech_out.write(null_mut()) };
        let call = Call::of(h.addr())?;
        // SAFETY: as the header asks of the caller.
        let (request, streams) = unsafe { request::whole(request) }?;
        let handle = speech::start(&call, &request, streams)?;
        // SAFETY: not null.
        unsafe { speech_out.write(handle as *mut ChatttsSpeech) };
        Ok(())
    })
}

/// Returns CHATTTS_OK if a speech is over, CHATTTS_PENDING if it goes on, or the status of what failed. Does not wait.
#[unsafe(no_mangle)]
pub extern "C" fn chattts_speech_poll(s: *mut ChatttsSpeech) -> c_int {
    chattts_speech_wait(s, 0)
}

/// Waits until a speech is over, at most so many milliseconds; a negative number is without end. Returns what
/// chattts_speech_poll() does.
#[unsafe(no_mangle)]
pub extern "C" fn chattts_speech_wait(s: *mut ChatttsSpeech, timeout_ms: i64) -> c_int {
    run(|| speech::get(s.addr())?.wait(speech::until(timeout_ms)))
}

/// Reads the next samples of a speech: waits until some have come, at most so many milliseconds (a negative number is
/// without end). `len_io` holds the capacity of `wav_out` in samples, and afterwards the number that was read: as many
/// as have come and fit.
///
/// Returns CHATTTS_OK with a length of 0 when all have been read, CHATTTS_PENDING if none has come in time, or the
/// status of what failed, after the samples that came before it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chattts_speech_read(
    s: *mut ChatttsSpeech,
    wav_out: *mut f32,
    len_io: *mut usize,
    timeout_ms: i64,
) -> c_int {
    // SAFETY: as the header asks of the caller.
    unsafe {
        giving(wav_out, len_io, |capacity| {
            let speech = speech::get(s.addr())?;
            if capacity == 0 {
                return Err(Failure::parameter("len_io", "is 0, so nothing can be read"));
            }
            speech.read(capacity, speech::until(timeout_ms), |samples| give(samples, wav_out, len_io))
        })
    }
}

/// Tells how a speech ended, after chattts_speech_wait() has: its number of samples, its seed and more. The size of
/// `summary` is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chattts_speech_summary(
    s: *mut ChatttsSpeech,
    summary: *mut ChatttsSummary,
) -> c_int {
    run(|| {
        let spoken = speech::get(s.addr())?.summary()?;
        // SAFETY: as the header asks of the caller.
        unsafe { fill("summary", summary, summary_of(&spoken)) }
    })
}

/// Cancels a speech, unless it is over: whoever reads it or waits for it gets CHATTTS_CANCELLED, after the samples that
/// were made before. It is freed as ever.
#[unsafe(no_mangle)]
pub extern "C" fn chattts_speech_cancel(s: *mut ChatttsSpeech) -> c_int {
    run(|| {
        speech::get(s.addr())?.cancel();
        Ok(())
    })
}

/// Frees a speech, and cancels it if it is not over. Its handle is CHATTTS_INVALID_HANDLE from now on.
#[unsafe(no_mangle)]
pub extern "C" fn chattts_speech_free(s: *mut ChatttsSpeech) -> c_int {
    run(|| speech::free(s.addr()))
}

/// Registers a voice by a name or a number (0 to 32767), for this engine and until it is destroyed; one of that name is
/// replaced. `voice` is a voice by any of its names, as ChatttsRequest.role, and `words` what it says if it is a spoken
/// sample, else NULL. All end with a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chattts_voice_register(
    h: *mut ChatttsHandle,
    name: *const c_char,
    voice: *const c_char,
    words: *const c_char,
) -> c_int {
    run(|| {
        let call = Call::of(h.addr())?;
        // SAFETY: as the header asks of the caller.
        let [name, voice, words] =
            unsafe { [word("name", name), word("voice", voice), word("words", words)] };
        let (Some(name), Some(voice)) = (name?, voice?) else {
            return Err(Failure::parameter("name or voice", "is NULL"));
        };
        let mut warnings = Vec::new();
        let voices = &call.engine().composer().voices;
        let found = voices.find(voice, words?, &mut warnings)?;
        warnings.iter().for_each(|warning| log::say(CHATTTS_LOG_WARNING, &warning.message));
        if found.speaker.is_none() && found.sample.is_none() {
            return Err(Error::Speaker("`none` is no voice to register".into()).into());
        }
        let speaker = found.speaker.map(VoiceSpec::from_speaker).transpose()?;
        let mut role = Role::default();
        (role.voice, role.sample) = (speaker, found.sample);
        Ok(voices.register(name, role)?)
    })
}

/// Lists the registered voices, a line each: name, voice, note, with tabs between them. `len_io` holds the capacity of
/// `out` in bytes, and afterwards the length in bytes; there is no NUL. CHATTTS_BUFFER_TOO_SMALL as
/// chattts_synthesize(), but nothing is kept.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chattts_voices(
    h: *mut ChatttsHandle,
    out: *mut c_char,
    len_io: *mut usize,
) -> c_int {
    // SAFETY: as the header asks of the caller.
    unsafe {
        giving(out, len_io, |_| {
            let call = Call::of(h.addr())?;
            let plain = |text: &str| text.replace(|c: char| c.is_control(), " ");
            let mut lines = String::new();
            for registered in call.engine().composer().voices.registry().list() {
                let voice = registered.role.voice.as_ref().map(ToString::to_string).unwrap_or_default();
                let note = registered.role.note.as_deref().unwrap_or_default();
                lines += &format!("{}\t{}\t{}\n", plain(registered.name), plain(&voice), plain(note));
            }
            give(lines.as_bytes(), out.cast(), len_io)
        })
    }
}

/// Reads a request's text as it would be spoken, with numbers, dates and signs in words; no engine is needed. Its text,
/// `lang` and the flags of reading count. `out` and `len_io` as chattts_voices().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chattts_normalize(
    request: *const ChatttsRequest,
    out: *mut c_char,
    len_io: *mut usize,
) -> c_int {
    // SAFETY: as the header asks of the caller.
    unsafe {
        giving(out, len_io, |_| {
            let (request, _) = request::whole(request)?;
            request.overrides.validate()?;
            let reading = Reading::of(&request.overrides);
            let spoken = read(&request.text, reading, None)?;
            let warnings = check(&request.text, &spoken, reading.strict)?.into_iter();
            for warning in warnings.chain(misspelt(&request.text)) {
                log::say(CHATTTS_LOG_WARNING, &warning.message);
            }
            let words = spoken.iter().flat_map(|span| span.text.text.split_whitespace());
            give(words.collect::<Vec<_>>().join(" ").as_bytes(), out.cast(), len_io)
        })
    }
}

/// Fills in an engine's counters. The size of `stats` is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chattts_stats(h: *mut ChatttsHandle, stats: *mut ChatttsStats) -> c_int {
    run(|| {
        let is = Call::of(h.addr())?.engine().stats();
        let sum =
            |count: fn(&chattts_rs::DeviceStats) -> usize| is.devices.iter().map(count).sum::<usize>() as u64;
        let filled = ChatttsStats {
            size: 0,
            queued: is.queued as u64,
            running: is.running as u64,
            completed: is.completed,
            failed: is.failed,
            cancelled: is.cancelled,
            steps: is.steps,
            tokens: is.tokens,
            audio_seconds: is.audio_seconds,
            slots: sum(|device| device.slots),
            slots_held: sum(|device| device.slots_held),
        };
        // SAFETY: as the header asks of the caller.
        unsafe { fill("stats", stats, filled) }
    })
}

fn summary_of(spoken: &Summary) -> ChatttsSummary {
    ChatttsSummary {
        size: std::mem::size_of::<ChatttsSummary>(),
        samples: spoken.samples,
        seed: spoken.seed,
        tokens: spoken.tokens as u64,
        queued: spoken.queued,
        first_sound: spoken.first_sound.unwrap_or(-1.0),
        total: spoken.total,
        sample_rate: spoken.sample_rate,
        finish: match spoken.finish {
            FinishReason::End => CHATTTS_FINISH_END,
            _ => CHATTTS_FINISH_CUT_OFF,
        },
    }
}
