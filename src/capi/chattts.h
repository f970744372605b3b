/* chattts.h: ChatTTS, conversational text to speech in Chinese and English, in the caller's own process.
 *
 * Made by packaging/header from src/capi; edit it there.
 *
 *     ChatttsHandle *h = chattts_create("demo", NULL, NULL, 0);
 *     size_t len = sizeof samples / sizeof *samples;
 *     int status = chattts_synthesize(h, text, strlen(text), NULL, samples, &len);
 *     chattts_destroy(h);
 *
 * Text is UTF-8. Samples are 32-bit floats from -1 to 1, of one channel. Most functions return a status: CHATTTS_OK (0),
 * or a number above 0 that stays the same from version to version; chattts_error_message() has the words for it.
 *
 * Threads: any thread may call any function at any time, also a thread that was never seen before; a card's context
 * belongs to threads of the library's own. Calls of several threads share an engine's slots and are computed together.
 * After fork() a child must not use the handles of its parent. The library cannot be unloaded.
 *
 * Ownership: what a caller passes stays the caller's, and is read during the call alone. What the library returns lives
 * as long as is said there. A pointer must be NULL, where that is allowed, or lead to what its documentation says; wrong
 * handles, lengths, sizes, numbers and texts are a status, and never a crash.
 */


#ifndef CHATTTS_H
#define CHATTTS_H

#include <stddef.h>
#include <stdint.h>

// The number of this interface: it rises when a program that was compiled with an older header would break. Compare
// it with what chattts_abi_version() returns.
#define CHATTTS_ABI_VERSION 1

// The work was done.
#define CHATTTS_OK 0

// A parameter or a control tag is not accepted: out of range, contradicting another, a null pointer where there must
// be none, or a struct of a size that is none.
#define CHATTTS_INVALID_PARAMETER 1

// The text cannot be spoken as it is: empty, not UTF-8, too long for one piece, or markup that is not well formed.
#define CHATTTS_INVALID_TEXT 2

// The voice cannot be used: no such role, no such file, not a voice.
#define CHATTTS_INVALID_VOICE 3

// The model's files are not here and cannot be fetched.
#define CHATTTS_MODEL_NOT_FOUND 4

// The model's files are not what they should be.
#define CHATTTS_MODEL_INVALID 5

// A download failed; it may succeed later.
#define CHATTTS_DOWNLOAD 6

// A file could not be read or written.
#define CHATTTS_IO 7

// A device, memory or a thread cannot be had, or a device has failed.
#define CHATTTS_DEVICE 8

// The model ended before it spoke; another seed may help.
#define CHATTTS_ENDED_AT_ONCE 9

// The sound could not be made as it was asked for, or is all silence.
#define CHATTTS_AUDIO 10

// Another thread uses what is asked for, or a callback asks for what would wait for its own end.
#define CHATTTS_BUSY 11

// The work was cancelled: by a callback, by chattts_speech_cancel(), or because the engine was destroyed.
#define CHATTTS_CANCELLED 12

// A fault of this library. Its message is worth a report.
#define CHATTTS_INTERNAL 13

// The caller's buffer is too small; its length variable holds the length that is needed.
#define CHATTTS_BUFFER_TOO_SMALL 100

// The handle was never given out, is destroyed or freed, or is one of another type.
#define CHATTTS_INVALID_HANDLE 101

// The speech goes on; ask again.
#define CHATTTS_PENDING 102

// ChatttsOptions.flags: never use the network; a model that is not in the cache is CHATTTS_MODEL_NOT_FOUND.
#define CHATTTS_OFFLINE 1

// chattts_destroy_with(): cancel the calls in progress, which return CHATTTS_CANCELLED.
#define CHATTTS_DESTROY_CANCELS 0

// chattts_destroy_with(): let the calls in progress end as they would.
#define CHATTTS_DESTROY_WAITS 1

// ChatttsVoiceParams.role_id: the voice that speaks where none is named.
#define CHATTTS_ROLE_DEFAULT -1

// ChatttsRequest.lang: each sentence is read in its own language.
#define CHATTTS_LANG_AUTO 0

// ChatttsRequest.lang: the text is read as Chinese.
#define CHATTTS_LANG_ZH 1

// ChatttsRequest.lang: the text is read as English.
#define CHATTTS_LANG_EN 2

// ChatttsRequest.flags: `seed` is given; without it one is drawn for each request.
#define CHATTTS_SEED 1

// ChatttsRequest.flags: `speed` is given.
#define CHATTTS_SPEED 2

// ChatttsRequest.flags: `loudness` is given.
#define CHATTTS_LOUDNESS 4

// ChatttsRequest.flags: rewrite the text with pauses, laughs and fillers first.
#define CHATTTS_REFINE 8

// ChatttsRequest.flags: speak the text in pieces, sentence by sentence, even if it is short.
#define CHATTTS_SPLIT 16

// ChatttsRequest.flags: speak the text in one piece, even if it is long.
#define CHATTTS_NO_SPLIT 32

// ChatttsRequest.flags: do not read numbers, dates and signs as they are spoken; the text goes to the model as it is.
#define CHATTTS_VERBATIM 64

// ChatttsRequest.flags: fail a text of which a character would not be spoken.
#define CHATTTS_STRICT 128

// ChatttsRequest.flags: speak emoji by their names.
#define CHATTTS_NAME_EMOJI 256

// ChatttsRequest.flags: the text is SSML.
#define CHATTTS_SSML 512

// ChatttsRequest.flags: the text is Markdown.
#define CHATTTS_MARKDOWN 1024

// ChatttsRequest.flags: cut what is quiet at both ends.
#define CHATTTS_TRIM 2048

// ChatttsRequest.flags: let other requests go first, as for work that nobody waits for.
#define CHATTTS_BULK 4096

// ChatttsRequest.flags, for chattts_speech_start(): give samples out as they are made, and not piece by piece, which
// takes more computing. chattts_synthesize_stream() and chattts_speak_stream() always do.
#define CHATTTS_STREAM 8192

// ChatttsSummary.finish: the model ended the speech itself.
#define CHATTTS_FINISH_END 0

// ChatttsSummary.finish: the speech was cut off, by `max_tokens` or by the end of the model's context.
#define CHATTTS_FINISH_CUT_OFF 1

// chattts_set_log(): worth knowing, such as a download's begin.
#define CHATTTS_LOG_INFO 1

// chattts_set_log(): something that is probably not as it was meant, such as characters that are not spoken.
#define CHATTTS_LOG_WARNING 2

// An engine: a model on its devices, with all requests that share them. A handle is a number in a pointer's clothes:
// it points to nothing, one that is destroyed is never given out again, and using it is CHATTTS_INVALID_HANDLE.
typedef struct ChatttsHandle ChatttsHandle;

// A request that was started and is read later. Its handle is as that of an engine.
typedef struct ChatttsSpeech ChatttsSpeech;

// Takes a message of the library, in UTF-8 and without an end of line, by any thread. It must return soon, and every
// function of this library that it calls is CHATTTS_BUSY.
typedef void (*ChatttsOnLog)(void *user, int level, const char *message);

// How an engine is opened. All zeros but `size` are the defaults. All texts end with a NUL and are read during the
// call alone.
typedef struct ChatttsOptions {
  // sizeof(ChatttsOptions).
  size_t size;
  // "cpu", "cuda", "cuda:1", "cuda:0,1", "cuda:all" or "auto"; NULL is "auto".
  const char *device;
  // The type in which it computes: "f32", "q8", "f16", "bf16", "f16-kv8" or "auto"; NULL is "auto".
  const char *dtype;
  // A file of roles, as `chattts-rs roles` keeps one (on Linux ~/.config/chattts-rs/roles.toml is the user's); NULL
  // for the roles that the library brings alone.
  const char *roles;
  // A folder in which large models are kept packed, so that they load faster the next time; NULL keeps none.
  const char *cache;
  // The share of a card's free memory that texts worked on may take, above 0 and at most 1; 0 is 0.9.
  double memory_fraction;
  // The texts that are worked on together, 1 to 1024; 0 is as many as are of use.
  uint32_t batch_size;
  // The threads that compute; 0 is one per core. They belong to the process: the first engine decides.
  uint32_t threads;
  // CHATTTS_OFFLINE or 0.
  uint32_t flags;
  // 0.
  uint32_t reserved;
} ChatttsOptions;

// Who speaks, and at which rate the sound comes. The layout is frozen. It is read where it lies, during the call alone.
typedef struct ChatttsVoiceParams {
  // Samples per second; 0 is the model's own rate (24000).
  uint32_t sample_rate;
  // The role registered by this number (0 to 32767), or, where there is none, the voice of this seed: as
  // `--role N` of the program. CHATTTS_ROLE_DEFAULT (-1) is the voice that speaks where none is named.
  int16_t role_id;
  // Not read.
  uint8_t pad[2];
  // Length of `prompt` in bytes; 0 for none.
  uint32_t prompt_len;
  // Control tags in UTF-8, without a NUL at the end: "oral_2 laugh_0 break_6 speed_4", in brackets or without.
  // [oral_0-9], [laugh_0-2] and [break_0-7] let the model rewrite the text first, [speed_0-9] is the pace. May be
  // NULL where `prompt_len` is 0.
  const uint8_t *prompt;
} ChatttsVoiceParams;

// A text to be spoken, with everything that can be said about it. All zeros but `size` and the text are the defaults.
// What it points to is read during the call alone, so it may lie on the stack.
typedef struct ChatttsRequest {
  // sizeof(ChatttsRequest). A program that was compiled with an older header has a smaller one, and what it does
  // not know is left at its default. A larger one is accepted if what this library does not know is all zeros.
  size_t size;
  // The text in UTF-8.
  const char *text;
  // The text's length in bytes.
  size_t text_len;
  // The rate, the number of a role and control tags; NULL for the defaults.
  const struct ChatttsVoiceParams *voice;
  // A voice by any of its names: a registered role, a seed ("2222", "torch-f16:2222"), a speaker string, a file, a
  // spoken sample, a mix ("mix:anna*0.7+4099*0.3") or "none". Ends with a NUL. NULL leaves it to `voice`; if it is
  // given, the number in `voice` is not used.
  const char *role;
  // What a spoken sample given as `role` says, word for word; ends with a NUL. NULL for other voices.
  const char *role_text;
  // More settings as a JSON object, by the names that a manifest's line has: {"temperature": [0.3, 0.4, 0.3, 0.3],
  // "voice_codes": "a.safetensors", ...}. Ends with a NUL. What is set in this struct counts before it. NULL for
  // none.
  const char *settings;
  // The seed of the speech, with CHATTTS_SEED: the same seed gives the same samples, whatever is spoken beside it.
  uint64_t seed;
  // Draw from the likeliest tokens that together reach this probability, above 0 and at most 1; 0 is 0.7.
  double top_p;
  // The loudness to which the speech is brought, in LUFS, -70 to 0, with CHATTTS_LOUDNESS.
  double loudness;
  // How lively the speech is, above 0; 0 is 0.3.
  float temperature;
  // Above 1, what was drawn in the last 16 steps becomes less likely; 0 is 1.05.
  float repetition_penalty;
  // Draw from at most so many tokens; 0 is 20.
  uint32_t top_k;
  // Stop after so many tokens, of which 46.875 are a second; 0 is 2048.
  uint32_t max_tokens;
  // Do not end before so many tokens.
  uint32_t min_tokens;
  // How fast it is spoken, 0.25 to 4, with CHATTTS_SPEED: 1.25 takes four fifths of the time; the pitch stays. The
  // model's own pace is a control tag, "speed_0" to "speed_9".
  float speed;
  // CHATTTS_LANG_AUTO, CHATTTS_LANG_ZH or CHATTTS_LANG_EN.
  uint32_t lang;
  // The sum of the flags that hold for it. A flag that this library does not know is CHATTTS_INVALID_PARAMETER.
  uint32_t flags;
} ChatttsRequest;

// Says how a speech ended.
typedef struct ChatttsSummary {
  // sizeof(ChatttsSummary), set by the caller; as much as fits is filled in.
  size_t size;
  // Number of samples.
  uint64_t samples;
  // The seed of the speech: the one that was asked for or drawn, or a following one if that one ended at once.
  uint64_t seed;
  // Number of tokens that were drawn.
  uint64_t tokens;
  // Seconds from the request to its first step.
  double queued;
  // Seconds from the request to its first samples; negative if there are none.
  double first_sound;
  // Seconds from the request to its last samples.
  double total;
  // Samples per second.
  uint32_t sample_rate;
  // CHATTTS_FINISH_END or CHATTTS_FINISH_CUT_OFF.
  uint32_t finish;
} ChatttsSummary;

// Takes samples as they are made, -1 to 1, by the thread that made the call. The samples live during the callback
// alone. Returns 0 to go on; any other value cancels the speech. It must return: no longjmp and no C++ exception may
// leave it.
typedef int (*ChatttsOnAudio)(void *user, const float *samples, size_t samples_len);

// One request's outcome of a batch. It and what it points to live during the callback alone.
typedef struct ChatttsResult {
  // The size of this struct as the library has it; fields past it are not there.
  size_t size;
  // The request's index in the batch.
  size_t index;
  // The samples, -1 to 1; NULL if the request failed.
  const float *samples;
  // Number of samples.
  size_t samples_len;
  // How it ended; NULL if the request failed.
  const struct ChatttsSummary *summary;
  // What was wrong; NULL if nothing was.
  const char *message;
  // CHATTTS_OK, or the status of what failed.
  int status;
  // 0.
  uint32_t reserved;
} ChatttsResult;

// Takes one outcome of a batch. Called by one thread at a time, but not always by the same, and in the order in which
// requests end. Returns 0 to go on; any other value cancels the rest of the batch.
typedef int (*ChatttsOnResult)(void *user, const struct ChatttsResult *result);

// The counters of an engine since it was opened, and its current work.
typedef struct ChatttsStats {
  // sizeof(ChatttsStats), set by the caller; as much as fits is filled in.
  size_t size;
  // Number of requests that wait for a device.
  uint64_t queued;
  // Number of requests that a device works on.
  uint64_t running;
  // Number of requests that were spoken to their end.
  uint64_t completed;
  // Number of requests that failed.
  uint64_t failed;
  // Number of requests that were cancelled.
  uint64_t cancelled;
  // Number of steps of all devices.
  uint64_t steps;
  // Number of tokens that were drawn.
  uint64_t tokens;
  // Seconds of audio that were made.
  double audio_seconds;
  // Number of texts that all devices can work on together.
  uint64_t slots;
  // Number of texts that they work on.
  uint64_t slots_held;
} ChatttsStats;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Reads the tables that the first request would wait for. It is not needed, may be called any number of times, and
// returns 0.
int chattts_init(void);

// Returns the library's version, "0.1.0". It lives as long as the process.
const char *chattts_version(void);

// Returns the CHATTTS_ABI_VERSION that the library was built with.
uint32_t chattts_abi_version(void);

// Returns what was wrong with the last call of this thread that failed, in UTF-8; never NULL, and empty if none has
// failed. It lives until the next failure of this thread, or until the thread ends. CHATTTS_PENDING is no failure.
const char *chattts_error_message(void);

// Returns the status of the last call of this thread that failed, or CHATTTS_OK: for chattts_create(), which returns
// none.
int chattts_error_status(void);

// Has messages of the library given to `on_log` from now on; NULL for none. There is one for the process. When this
// returns, the one before is not called any more.
int chattts_set_log(ChatttsOnLog on_log,
                    void *user);

// Opens a model and loads it, which takes from milliseconds to seconds, and longer if it is downloaded first.
//
// `model_path` is a folder, a file of packed weights, a repository of Hugging Face ("2Noise/ChatTTS"; its variables,
// such as HF_HOME, are read), or "demo", a small voice that the library carries. `options` may be NULL.
//
// Returns an engine for chattts_destroy(), or NULL. Then up to `error_size` bytes of what was wrong are written to
// `error`, a NUL at their end; `error` may be NULL. chattts_error_status() tells the status.
//
// An engine serves any number of threads at once. Their requests share its slots, and what one sounds like does not
// depend on the others.
struct ChatttsHandle *chattts_create(const char *model_path,
                                     const struct ChatttsOptions *options,
                                     char *error,
                                     size_t error_size);

// Destroys an engine as chattts_destroy_with() does with CHATTTS_DESTROY_CANCELS. NULL and a handle that was destroyed
// before are left alone.
void chattts_destroy(struct ChatttsHandle *h);

// Destroys an engine: from now on its handle is CHATTTS_INVALID_HANDLE. `flags` say what becomes of calls that other
// threads make at this time: CHATTTS_DESTROY_CANCELS or CHATTTS_DESTROY_WAITS. Returns when they have ended and the
// model's memory is free. Speeches of chattts_speech_start() that are not over are cancelled; they are freed as ever.
//
// Inside a callback of the library it is CHATTTS_BUSY, and nothing is destroyed.
int chattts_destroy_with(struct ChatttsHandle *h,
                         uint32_t flags);

// Returns the samples per second that the model itself makes, or 0 for a handle that is none.
uint32_t chattts_sample_rate(struct ChatttsHandle *h);

// Speaks a text of `text_len` bytes of UTF-8 and waits for it. `params` may be NULL.
//
// `len_io` holds the capacity of `wav_out` in samples, and afterwards the number of samples, -1 to 1. If they do not
// fit, it holds the number that is needed and the call is CHATTTS_BUFFER_TOO_SMALL; `wav_out` may be NULL if the
// capacity is 0. The speech is then kept for the next call with the same handle, the same text, and params of the same
// rate, role and prompt, by whichever thread, and is given out once. An engine keeps the last 16 of them, of at most
// 16777216 samples together, and always the newest one. After any other failure the length is 0.
//
// Each call draws a seed of its own: chattts_speak() takes one.
int chattts_synthesize(struct ChatttsHandle *h,
                       const char *text,
                       size_t text_len,
                       const struct ChatttsVoiceParams *params,
                       float *wav_out,
                       size_t *len_io);

// Speaks a request as chattts_synthesize() does, with all that it says. A speech that did not fit is kept for the next
// call with a request that says the same. `summary` may be NULL; else its size is set.
int chattts_speak(struct ChatttsHandle *h,
                  const struct ChatttsRequest *request,
                  float *wav_out,
                  size_t *len_io,
                  struct ChatttsSummary *summary);

// Speaks a text as chattts_synthesize() does, and gives its samples to `on_audio` as they are made. The samples are
// the same, and come at any length. If `on_audio` returns another value than 0, the call is CHATTTS_CANCELLED.
int chattts_synthesize_stream(struct ChatttsHandle *h,
                              const char *text,
                              size_t text_len,
                              const struct ChatttsVoiceParams *params,
                              ChatttsOnAudio on_audio,
                              void *user);

// Speaks a request as chattts_synthesize_stream() does, with all that it says. `summary` may be NULL; else its size is
// set.
int chattts_speak_stream(struct ChatttsHandle *h,
                         const struct ChatttsRequest *request,
                         ChatttsOnAudio on_audio,
                         void *user,
                         struct ChatttsSummary *summary);

// Speaks many requests, as many at once as the engine has slots, and calls `on_result` with each as it ends; one that
// fails does not stop the others. `requests` are `count` pointers. They go after requests that somebody waits for.
//
// Returns CHATTTS_OK when all have had their outcome. If `on_result` returned another value than 0, or the engine is
// destroyed meanwhile, it is CHATTTS_CANCELLED, and the rest has none.
int chattts_batch(struct ChatttsHandle *h,
                  const struct ChatttsRequest *const *requests,
                  size_t count,
                  ChatttsOnResult on_result,
                  void *user);

// Starts a request and returns at once; `speech_out` gets a speech for chattts_speech_free().
//
// At most one thread may wait for a speech or read it at a time; another one's call is CHATTTS_BUSY meanwhile. Any
// thread may cancel or free it at any time. Of a long speech 20 seconds are made ahead: it goes on only as it is
// polled, waited for or read.
int chattts_speech_start(struct ChatttsHandle *h,
                         const struct ChatttsRequest *request,
                         struct ChatttsSpeech **speech_out);

// Returns CHATTTS_OK if a speech is over, CHATTTS_PENDING if it goes on, or the status of what failed. Does not wait.
int chattts_speech_poll(struct ChatttsSpeech *s);

// Waits until a speech is over, at most so many milliseconds; a negative number is without end. Returns what
// chattts_speech_poll() does.
int chattts_speech_wait(struct ChatttsSpeech *s,
                        int64_t timeout_ms);

// Reads the next samples of a speech: waits until some have come, at most so many milliseconds (a negative number is
// without end). `len_io` holds the capacity of `wav_out` in samples, and afterwards the number that was read: as many
// as have come and fit.
//
// Returns CHATTTS_OK with a length of 0 when all have been read, CHATTTS_PENDING if none has come in time, or the
// status of what failed, after the samples that came before it.
int chattts_speech_read(struct ChatttsSpeech *s,
                        float *wav_out,
                        size_t *len_io,
                        int64_t timeout_ms);

// Tells how a speech ended, after chattts_speech_wait() has: its number of samples, its seed and more. The size of
// `summary` is set.
int chattts_speech_summary(struct ChatttsSpeech *s,
                           struct ChatttsSummary *summary);

// Cancels a speech, unless it is over: whoever reads it or waits for it gets CHATTTS_CANCELLED, after the samples that
// were made before. It is freed as ever.
int chattts_speech_cancel(struct ChatttsSpeech *s);

// Frees a speech, and cancels it if it is not over. Its handle is CHATTTS_INVALID_HANDLE from now on.
int chattts_speech_free(struct ChatttsSpeech *s);

// Registers a voice by a name or a number (0 to 32767), for this engine and until it is destroyed; one of that name is
// replaced. `voice` is a voice by any of its names, as ChatttsRequest.role, and `words` what it says if it is a spoken
// sample, else NULL. All end with a NUL.
int chattts_voice_register(struct ChatttsHandle *h,
                           const char *name,
                           const char *voice,
                           const char *words);

// Lists the registered voices, a line each: name, voice, note, with tabs between them. `len_io` holds the capacity of
// `out` in bytes, and afterwards the length in bytes; there is no NUL. CHATTTS_BUFFER_TOO_SMALL as
// chattts_synthesize(), but nothing is kept.
int chattts_voices(struct ChatttsHandle *h,
                   char *out,
                   size_t *len_io);

// Reads a request's text as it would be spoken, with numbers, dates and signs in words; no engine is needed. Its text,
// `lang` and the flags of reading count. `out` and `len_io` as chattts_voices().
int chattts_normalize(const struct ChatttsRequest *request,
                      char *out,
                      size_t *len_io);

// Fills in an engine's counters. The size of `stats` is set.
int chattts_stats(struct ChatttsHandle *h, struct ChatttsStats *stats);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* CHATTTS_H */

/* The layout is frozen: a program whose compiler lays it out otherwise is not compiled. */
#if UINTPTR_MAX == 0xffffffffffffffffu
#if defined(__cplusplus) && __cplusplus >= 201103L
static_assert(sizeof(ChatttsVoiceParams) == 24, "ChatttsVoiceParams");
static_assert(offsetof(ChatttsVoiceParams, prompt) == 16, "ChatttsVoiceParams.prompt");
static_assert(offsetof(ChatttsRequest, seed) == 56, "ChatttsRequest.seed");
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
_Static_assert(sizeof(ChatttsVoiceParams) == 24, "ChatttsVoiceParams");
_Static_assert(offsetof(ChatttsVoiceParams, prompt) == 16, "ChatttsVoiceParams.prompt");
_Static_assert(offsetof(ChatttsRequest, seed) == 56, "ChatttsRequest.seed");
#endif
#endif
