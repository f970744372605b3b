//! The types and numbers of the header. Their layout is frozen: what is new goes to the end of a struct that begins
//! with its own size.

use std::ffi::{c_char, c_int, c_void};
use std::mem::{offset_of, size_of};

use chattts_rs::ErrorKind;

/// The number of this interface: it rises when a program that was compiled with an older header would break. Compare
/// it with what chattts_abi_version() returns.
pub const CHATTTS_ABI_VERSION: u32 = 1;

/// The work was done.
pub const CHATTTS_OK: c_int = 0;
/// A parameter or a control tag is not accepted: out of range, contradicting another, a null pointer where there must
/// be none, or a struct of a size that is none.
pub const CHATTTS_INVALID_PARAMETER: c_int = 1;
/// The text cannot be spoken as it is: empty, not UTF-8, too long for one piece, or markup that is not well formed.
pub const CHATTTS_INVALID_TEXT: c_int = 2;
/// The voice cannot be used: no such role, no such file, not a voice.
pub const CHATTTS_INVALID_VOICE: c_int = 3;
/// The model's files are not here and cannot be fetched.
pub const CHATTTS_MODEL_NOT_FOUND: c_int = 4;
/// The model's files are not what they should be.
pub const CHATTTS_MODEL_INVALID: c_int = 5;
/// A download failed; it may succeed later.
pub const CHATTTS_DOWNLOAD: c_int = 6;
/// A file could not be read or written.
pub const CHATTTS_IO: c_int = 7;
/// A device, memory or a thread cannot be had, or a device has failed.
pub const CHATTTS_DEVICE: c_int = 8;
/// The model ended before it spoke; another seed may help.
pub const CHATTTS_ENDED_AT_ONCE: c_int = 9;
/// The sound could not be made as it was asked for, or is all silence.
pub const CHATTTS_AUDIO: c_int = 10;
/// Another thread uses what is asked for, or a callback asks for what would wait for its own end.
pub const CHATTTS_BUSY: c_int = 11;
/// The work was cancelled: by a callback, by chattts_speech_cancel(), or because the engine was destroyed.
pub const CHATTTS_CANCELLED: c_int = 12;
/// A fault of this library. Its message is worth a report.
pub const CHATTTS_INTERNAL: c_int = 13;
/// The caller's buffer is too small; its length variable holds the length that is needed.
pub const CHATTTS_BUFFER_TOO_SMALL: c_int = 100;
/// The handle was never given out, is destroyed or freed, or is one of another type.
pub const CHATTTS_INVALID_HANDLE: c_int = 101;
/// The speech goes on; ask again.
pub const CHATTTS_PENDING: c_int = 102;

// The numbers are those of the Rust library's kinds of errors.
const _: () = {
    assert!(CHATTTS_INVALID_PARAMETER == ErrorKind::InvalidParameter as c_int);
    assert!(CHATTTS_INVALID_TEXT == ErrorKind::InvalidText as c_int);
    assert!(CHATTTS_INVALID_VOICE == ErrorKind::InvalidVoice as c_int);
    assert!(CHATTTS_MODEL_NOT_FOUND == ErrorKind::ModelNotFound as c_int);
    assert!(CHATTTS_MODEL_INVALID == ErrorKind::ModelInvalid as c_int);
    assert!(CHATTTS_DOWNLOAD == ErrorKind::Download as c_int);
    assert!(CHATTTS_IO == ErrorKind::Io as c_int);
    assert!(CHATTTS_DEVICE == ErrorKind::Device as c_int);
    assert!(CHATTTS_ENDED_AT_ONCE == ErrorKind::EndedAtOnce as c_int);
    assert!(CHATTTS_AUDIO == ErrorKind::Audio as c_int);
    assert!(CHATTTS_BUSY == ErrorKind::Busy as c_int);
    assert!(CHATTTS_CANCELLED == ErrorKind::Cancelled as c_int);
    assert!(CHATTTS_INTERNAL == ErrorKind::Internal as c_int);
};

/// ChatttsOptions.flags: never use the network; a model that is not in the cache is CHATTTS_MODEL_NOT_FOUND.
pub const CHATTTS_OFFLINE: u32 = 1;

/// chattts_destroy_with(): cancel the calls in progress, which return CHATTTS_CANCELLED.
pub const CHATTTS_DESTROY_CANCELS: u32 = 0;
/// chattts_destroy_with(): let the calls in progress end as they would.
pub const CHATTTS_DESTROY_WAITS: u32 = 1;

/// ChatttsVoiceParams.role_id: the voice that speaks where none is named.
pub const CHATTTS_ROLE_DEFAULT: i16 = -1;

/// ChatttsRequest.lang: each sentence is read in its own language.
pub const CHATTTS_LANG_AUTO: u32 = 0;
/// ChatttsRequest.lang: the text is read as Chinese.
pub const CHATTTS_LANG_ZH: u32 = 1;
/// ChatttsRequest.lang: the text is read as English.
pub const CHATTTS_LANG_EN: u32 = 2;

/// ChatttsRequest.flags: `seed` is given; without it one is drawn for each request.
pub const CHATTTS_SEED: u32 = 1;
/// ChatttsRequest.flags: `speed` is given.
pub const CHATTTS_SPEED: u32 = 2;
/// ChatttsRequest.flags: `loudness` is given.
pub const CHATTTS_LOUDNESS: u32 = 4;
/// ChatttsRequest.flags: rewrite the text with pauses, laughs and fillers first.
pub const CHATTTS_REFINE: u32 = 8;
/// ChatttsRequest.flags: speak the text in pieces, sentence by sentence, even if it is short.
pub const CHATTTS_SPLIT: u32 = 16;
/// ChatttsRequest.flags: speak the text in one piece, even if it is long.
pub const CHATTTS_NO_SPLIT: u32 = 32;
/// ChatttsRequest.flags: do not read numbers, dates and signs as they are spoken; the text goes to the model as it is.
pub const CHATTTS_VERBATIM: u32 = 64;
/// ChatttsRequest.flags: fail a text of which a character would not be spoken.
pub const CHATTTS_STRICT: u32 = 128;
/// ChatttsRequest.flags: speak emoji by their names.
pub const CHATTTS_NAME_EMOJI: u32 = 256;
/// ChatttsRequest.flags: the text is SSML.
pub const CHATTTS_SSML: u32 = 512;
/// ChatttsRequest.flags: the text is Markdown.
pub const CHATTTS_MARKDOWN: u32 = 1024;
/// ChatttsRequest.flags: cut what is quiet at both ends.
pub const CHATTTS_TRIM: u32 = 2048;
/// ChatttsRequest.flags: let other requests go first, as for work that nobody waits for.
pub const CHATTTS_BULK: u32 = 4096;
/// ChatttsRequest.flags, for chattts_speech_start(): give samples out as they are made, and not piece by piece, which
/// takes more computing. chattts_synthesize_stream() and chattts_speak_stream() always do.
pub const CHATTTS_STREAM: u32 = 8192;

/// ChatttsSummary.finish: the model ended the speech itself.
pub const CHATTTS_FINISH_END: u32 = 0;
/// ChatttsSummary.finish: the speech was cut off, by `max_tokens` or by the end of the model's context.
pub const CHATTTS_FINISH_CUT_OFF: u32 = 1;

/// chattts_set_log(): worth knowing, such as a download's begin.
pub const CHATTTS_LOG_INFO: c_int = 1;
/// chattts_set_log(): something that is probably not as it was meant, such as characters that are not spoken.
pub const CHATTTS_LOG_WARNING: c_int = 2;

/// An engine: a model on its devices, with all requests that share them. A handle is a number in a pointer's clothes:
/// it points to nothing, one that is destroyed is never given out again, and using it is CHATTTS_INVALID_HANDLE.
pub struct ChatttsHandle(());

/// A request that was started and is read later. Its handle is as that of an engine.
pub struct ChatttsSpeech(());

/// How an engine is opened. All zeros but `size` are the defaults. All texts end with a NUL and are read during the
/// call alone.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ChatttsOptions {
    /// sizeof(ChatttsOptions).
    pub size: usize,
    /// "cpu", "cuda", "cuda:1", "cuda:0,1", "cuda:all" or "auto"; NULL is "auto".
    pub device: *const c_char,
    /// The type in which it computes: "f32", "q8", "f16", "bf16", "f16-kv8" or "auto"; NULL is "auto".
    pub dtype: *const c_char,
    /// A file of roles, as `chattts-rs roles` keeps one (on Linux ~/.config/chattts-rs/roles.toml is the user's); NULL
    /// for the roles that the library brings alone.
    pub roles: *const c_char,
    /// A folder in which large models are kept packed, so that they load faster the next time; NULL keeps none.
    pub cache: *const c_char,
    /// The share of a card's free memory that texts worked on may take, above 0 and at most 1; 0 is 0.9.
    pub memory_fraction: f64,
    /// The texts that are worked on together, 1 to 1024; 0 is as many as are of use.
    pub batch_size: u32,
    /// The threads that compute; 0 is one per core. They belong to the process: the first engine decides.
    pub threads: u32,
    /// CHATTTS_OFFLINE or 0.
    pub flags: u32,
    /// 0.
    pub reserved: u32,
}

/// Who speaks, and at which rate the sound comes. The layout is frozen. It is read where it lies, during the call alone.
#[repr(C)]
pub struct ChatttsVoiceParams {
    /// Samples per second; 0 is the model's own rate (24000).
    pub sample_rate: u32,
    /// The role registered by this number (0 to 32767), or, where there is none, the voice of this seed: as
    /// `--role N` of the program. CHATTTS_ROLE_DEFAULT (-1) is the voice that speaks where none is named.
    pub role_id: i16,
    /// Not read.
    pub pad: [u8; 2],
    /// Length of `prompt` in bytes; 0 for none.
    pub prompt_len: u32,
    /// Control tags in UTF-8, without a NUL at the end: "oral_2 laugh_0 break_6 speed_4", in brackets or without.
    /// [oral_0-9], [laugh_0-2] and [break_0-7] let the model rewrite the text first, [speed_0-9] is the pace. May be
    /// NULL where `prompt_len` is 0.
    pub prompt: *const u8,
}

/// A text to be spoken, with everything that can be said about it. All zeros but `size` and the text are the defaults.
/// What it points to is read during the call alone, so it may lie on the stack.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ChatttsRequest {
    /// sizeof(ChatttsRequest). A program that was compiled with an older header has a smaller one, and what it does
    /// not know is left at its default. A larger one is accepted if what this library does not know is all zeros.
    pub size: usize,
    /// The text in UTF-8.
    pub text: *const c_char,
    /// The text's length in bytes.
    pub text_len: usize,
    /// The rate, the number of a role and control tags; NULL for the defaults.
    pub voice: *const ChatttsVoiceParams,
    /// A voice by any of its names: a registered role, a seed ("2222", "torch-f16:2222"), a speaker string, a file, a
    /// spoken sample, a mix ("mix:anna*0.7+4099*0.3") or "none". Ends with a NUL. NULL leaves it to `voice`; if it is
    /// given, the number in `voice` is not used.
    pub role: *const c_char,
    /// What a spoken sample given as `role` says, word for word; ends with a NUL. NULL for other voices.
    pub role_text: *const c_char,
    /// More settings as a JSON object, by the names that a manifest's line has: {"temperature": [0.3, 0.4, 0.3, 0.3],
    /// "voice_codes": "a.safetensors", ...}. Ends with a NUL. What is set in this struct counts before it. NULL for
    /// none.
    pub settings: *const c_char,
    /// The seed of the speech, with CHATTTS_SEED: the same seed gives the same samples, whatever is spoken beside it.
    pub seed: u64,
    /// Draw from the likeliest tokens that together reach this probability, above 0 and at most 1; 0 is 0.7.
    pub top_p: f64,
    /// The loudness to which the speech is brought, in LUFS, -70 to 0, with CHATTTS_LOUDNESS.
    pub loudness: f64,
    /// How lively the speech is, above 0; 0 is 0.3.
    pub temperature: f32,
    /// Above 1, what was drawn in the last 16 steps becomes less likely; 0 is 1.05.
    pub repetition_penalty: f32,
    /// Draw from at most so many tokens; 0 is 20.
    pub top_k: u32,
    /// Stop after so many tokens, of which 46.875 are a second; 0 is 2048.
    pub max_tokens: u32,
    /// Do not end before so many tokens.
    pub min_tokens: u32,
    /// How fast it is spoken, 0.25 to 4, with CHATTTS_SPEED: 1.25 takes four fifths of the time; the pitch stays. The
    /// model's own pace is a control tag, "speed_0" to "speed_9".
    pub speed: f32,
    /// CHATTTS_LANG_AUTO, CHATTTS_LANG_ZH or CHATTTS_LANG_EN.
    pub lang: u32,
    /// The sum of the flags that hold for it. A flag that this library does not know is CHATTTS_INVALID_PARAMETER.
    pub flags: u32,
}

/// Says how a speech ended.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ChatttsSummary {
    /// sizeof(ChatttsSummary), set by the caller; as much as fits is filled in.
    pub size: usize,
    /// Number of samples.
    pub samples: u64,
    /// The seed of the speech: the one that was asked for or drawn, or a following one if that one ended at once.
    pub seed: u64,
    /// Number of tokens that were drawn.
    pub tokens: u64,
    /// Seconds from the request to its first step.
    pub queued: f64,
    /// Seconds from the request to its first samples; negative if there are none.
    pub first_sound: f64,
    /// Seconds from the request to its last samples.
    pub total: f64,
    /// Samples per second.
    pub sample_rate: u32,
    /// CHATTTS_FINISH_END or CHATTTS_FINISH_CUT_OFF.
    pub finish: u32,
}

/// One request's outcome of a batch. It and what it points to live during the callback alone.
#[repr(C)]
pub struct ChatttsResult {
    /// The size of this struct as the library has it; fields past it are not there.
    pub size: usize,
    /// The request's index in the batch.
    pub index: usize,
    /// The samples, -1 to 1; NULL if the request failed.
    pub samples: *const f32,
    /// Number of samples.
    pub samples_len: usize,
    /// How it ended; NULL if the request failed.
    pub summary: *const ChatttsSummary,
    /// What was wrong; NULL if nothing was.
    pub message: *const c_char,
    /// CHATTTS_OK, or the status of what failed.
    pub status: c_int,
    /// 0.
    pub reserved: u32,
}

/// The counters of an engine since it was opened, and its current work.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ChatttsStats {
    /// sizeof(ChatttsStats), set by the caller; as much as fits is filled in.
    pub size: usize,
    /// Number of requests that wait for a device.
    pub queued: u64,
    /// Number of requests that a device works on.
    pub running: u64,
    /// Number of requests that were spoken to their end.
    pub completed: u64,
    /// Number of requests that failed.
    pub failed: u64,
    /// Number of requests that were cancelled.
    pub cancelled: u64,
    /// Number of steps of all devices.
    pub steps: u64,
    /// Number of tokens that were drawn.
    pub tokens: u64,
    /// Seconds of audio that were made.
    pub audio_seconds: f64,
    /// Number of texts that all devices can work on together.
    pub slots: u64,
    /// Number of texts that they work on.
    pub slots_held: u64,
}

/// Takes samples as they are made, -1 to 1, by the thread that made the call. The samples live during the callback
/// alone. Returns 0 to go on; any other value cancels the speech. It must return: no longjmp and no C++ exception may
/// leave it.
pub type ChatttsOnAudio =
    Option<unsafe extern "C" fn(user: *mut c_void, samples: *const f32, samples_len: usize) -> c_int>;

/// Takes one outcome of a batch. Called by one thread at a time, but not always by the same, and in the order in which
/// requests end. Returns 0 to go on; any other value cancels the rest of the batch.
pub type ChatttsOnResult =
    Option<unsafe extern "C" fn(user: *mut c_void, result: *const ChatttsResult) -> c_int>;

/// Takes a message of the library, in UTF-8 and without an end of line, by any thread. It must return soon, and every
/// function of this library that it calls is CHATTTS_BUSY.
pub type ChatttsOnLog = Option<unsafe extern "C" fn(user: *mut c_void, level: c_int, message: *const c_char)>;

#[cfg(target_pointer_width = "64")]
const _: () = {
    assert!(size_of::<ChatttsVoiceParams>() == 24);
    assert!(offset_of!(ChatttsVoiceParams, sample_rate) == 0);
    assert!(offset_of!(ChatttsVoiceParams, role_id) == 4);
    assert!(offset_of!(ChatttsVoiceParams, pad) == 6);
    assert!(offset_of!(ChatttsVoiceParams, prompt_len) == 8);
    assert!(offset_of!(ChatttsVoiceParams, prompt) == 16);
    // What has been published stays where it is; a new field moves these numbers' end only.
    assert!(size_of::<ChatttsOptions>() == 64);
    assert!(offset_of!(ChatttsOptions, memory_fraction) == 40);
    assert!(size_of::<ChatttsRequest>() == 112);
    assert!(offset_of!(ChatttsRequest, seed) == 56);
    assert!(offset_of!(ChatttsRequest, temperature) == 80);
    assert!(offset_of!(ChatttsRequest, flags) == 108);
    assert!(size_of::<ChatttsSummary>() == 64);
    assert!(size_of::<ChatttsResult>() == 56);
    assert!(size_of::<ChatttsStats>() == 88);
};
