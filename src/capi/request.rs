//! Reads the structs of requests and options.

use std::ffi::c_char;

use chattts_rs::audio::SPEEDS;
use chattts_rs::voice::Registry;
use chattts_rs::{BatchSize, EngineOptions, Error, Lang, Overrides, Precision, Priority, SpeechRequest};

use super::border::{Failure, Result, read, text, word};
use super::types::*;

/// The most texts that are worked on together.
const MOST_TOGETHER: u32 = 1024;
const KNOWN_FLAGS: u32 = 2 * CHATTTS_STREAM - 1;

/// Reads a text and a voice as one request.
///
/// # Safety
/// As chattts_synthesize() asks of its caller.
pub unsafe fn simple(
    text: *const c_char,
    text_len: usize,
    params: *const ChatttsVoiceParams,
) -> Result<SpeechRequest> {
    // SAFETY: as the caller promises.
    let mut request = SpeechRequest::new(unsafe { self::text("text", text, text_len) }?);
    // SAFETY: as above.
    unsafe { voice(params, &mut request.overrides) }?;
    Ok(request)
}

/// Reads who speaks, where it lies.
unsafe fn voice(params: *const ChatttsVoiceParams, overrides: &mut Overrides) -> Result<()> {
    if params.is_null() {
        return Ok(());
    }
    if !params.is_aligned() {
        return Err(Failure::parameter("params", "is no place where a ChatttsVoiceParams can lie"));
    }
    // SAFETY: not null, aligned, and the caller promises the rest; every value of its fields is one.
    let params = unsafe { &*params };
    overrides.role = match params.role_id {
        CHATTTS_ROLE_DEFAULT => None,
        0.. => Some(params.role_id.to_string()),
        number => return Err(Failure::parameter("role_id", &format!("{number}; -1 to 32767 are taken"))),
    };
    overrides.sample_rate = Some(params.sample_rate).filter(|rate| *rate > 0);
    if params.prompt_len > 0 {
        // SAFETY: the caller promises as many bytes.
        let prompt = unsafe { text("prompt", params.prompt.cast(), params.prompt_len as usize) };
        overrides.prompt = Some(prompt.map_err(as_parameter)?.to_string());
    }
    Ok(())
}

fn as_parameter(failure: Failure) -> Failure {
    Failure { status: CHATTTS_INVALID_PARAMETER, ..failure }
}

/// Reads a request, and whether its samples are to be given out as they are made.
///
/// # Safety
/// `request` is null or points to a request, and what that points to is there.
pub unsafe fn whole(request: *const ChatttsRequest) -> Result<(SpeechRequest, bool)> {
    // SAFETY: as the caller promises.
    let asked = unsafe { read("request", request) }?;
    let flags = asked.flags;
    if flags & !KNOWN_FLAGS != 0 {
        let unknown = flags & !KNOWN_FLAGS;
        return Err(Failure::parameter("flags", &format!("{unknown:#x} is not known to this library")));
    }
    let has = |flag: u32| flags & flag != 0;
    let yes = |flag: u32| has(flag).then_some(true);
    // SAFETY: as the caller promises.
    let mut request = unsafe { simple(asked.text, asked.text_len, asked.voice) }?;
    if has(CHATTTS_BULK) {
        request.priority = Priority::Bulk;
    }
    let own = &mut request.overrides;
    // SAFETY: as above.
    if let Some(role) = unsafe { word("role", asked.role) }? {
        own.role = Some(role.to_string());
    }
    // SAFETY: as above.
    own.role_text = unsafe { word("role_text", asked.role_text) }?.map(str::to_string);
    own.sampling.seed = has(CHATTTS_SEED).then_some(asked.seed);
    own.sampling.top_p = given(asked.top_p);
    own.sampling.temperature = given(asked.temperature).map(|temperature| vec![temperature]);
    own.sampling.repetition_penalty = given(asked.repetition_penalty);
    own.sampling.top_k = count(asked.top_k);
    own.sampling.max_tokens = count(asked.max_tokens);
    own.sampling.min_tokens = count(asked.min_tokens);
    if has(CHATTTS_SPEED) {
        if !SPEEDS.contains(&asked.speed) {
            return Err(Failure::parameter("speed", "a number from 0.25 to 4 is taken"));
        }
        own.speed = Some(asked.speed);
    }
    if has(CHATTTS_LOUDNESS) {
        if !(-70.0..=0.0).contains(&asked.loudness) {
            return Err(Failure::parameter("loudness", "LUFS from -70 to 0 are taken"));
        }
        own.normalize_loudness = Some(asked.loudness);
    }
    own.reading.lang = match asked.lang {
        CHATTTS_LANG_AUTO => None,
        CHATTTS_LANG_ZH => Some(Lang::Zh),
        CHATTTS_LANG_EN => Some(Lang::En),
        _ => return Err(Failure::parameter("lang", "a CHATTTS_LANG is taken")),
    };
    own.refine = yes(CHATTTS_REFINE);
    own.split = match (has(CHATTTS_SPLIT), has(CHATTTS_NO_SPLIT)) {
        (true, true) => {
            return Err(Failure::parameter("flags", "CHATTTS_SPLIT contradicts CHATTTS_NO_SPLIT"));
        }
        (splits, whole) => (splits || whole).then_some(splits),
    };
    own.normalize = has(CHATTTS_VERBATIM).then_some(false);
    own.reading.strict = yes(CHATTTS_STRICT);
    own.reading.name_emoji = yes(CHATTTS_NAME_EMOJI);
    own.markup.ssml = yes(CHATTTS_SSML);
    own.markup.markdown = yes(CHATTTS_MARKDOWN);
    own.trim = yes(CHATTTS_TRIM);
    // SAFETY: as above.
    if let Some(settings) = unsafe { word("settings", asked.settings) }? {
        let settings: Overrides = serde_json::from_str(settings)
            .map_err(|error| Failure::parameter("settings", &error.to_string()))?;
        request.overrides = std::mem::take(&mut request.overrides).over(&settings)?;
    }
    Ok((request, has(CHATTTS_STREAM)))
}

/// Returns a number unless it is zero, which stands for the default.
fn given<T: Default + PartialEq>(number: T) -> Option<T> {
    (number != T::default()).then_some(number)
}

fn count(number: u32) -> Option<usize> {
    given(number).and_then(|number| usize::try_from(number).ok())
}

/// Reads the options for opening a model.
///
/// # Safety
/// The pointers are null or point to what the header says.
pub unsafe fn options(model: *const c_char, options: *const ChatttsOptions) -> Result<EngineOptions> {
    // SAFETY: as the caller promises.
    let model = unsafe { word("model_path", model) }?;
    let model = model.ok_or_else(|| Failure::parameter("model_path", "is NULL"))?;
    let mut made = EngineOptions::from_env(model);
    if options.is_null() {
        return Ok(made);
    }
    // SAFETY: as above.
    let asked = unsafe { read("options", options) }?;
    // SAFETY: as above.
    let words = unsafe {
        [
            word("device", asked.device),
            word("dtype", asked.dtype),
            word("roles", asked.roles),
            word("cache", asked.cache),
        ]
    };
    let [device, dtype, roles, cache] = words;
    if let Some(device) = device? {
        made.devices = device.parse()?;
    }
    if let Some(name) = dtype? {
        made.precision = precision(name)?;
    }
    if let Some(file) = roles? {
        made.registry = Registry::load(&[file])?;
    }
    made.cache = cache?.map(Into::into);
    if let Some(share) = given(asked.memory_fraction) {
        if !(share > 0.0 && share <= 1.0) {
            return Err(Failure::parameter("memory_fraction", "a share above 0 and at most 1 is taken"));
        }
        made.memory_fraction = share;
    }
    made.batch_size = match asked.batch_size {
        0 => BatchSize::Auto,
        size if size <= MOST_TOGETHER => BatchSize::Fixed(size as usize),
        _ => return Err(Failure::parameter("batch_size", &format!("at most {MOST_TOGETHER} is taken"))),
    };
    made.threads = count(asked.threads);
    if asked.flags & !CHATTTS_OFFLINE != 0 || asked.reserved != 0 {
        return Err(Failure::parameter("flags", "CHATTTS_OFFLINE and 0 are taken, and 0 as `reserved`"));
    }
    made.hub.offline |= asked.flags & CHATTTS_OFFLINE != 0;
    Ok(made)
}

fn precision(name: &str) -> Result<Precision, Error> {
    Precision::ALL.into_iter().find(|precision| precision.name() == name).ok_or_else(|| Error::Parameter {
        name: "dtype",
        reason: format!("`{name}`: auto, f32, q8, f16, bf16 and f16-kv8 are known"),
    })
}
