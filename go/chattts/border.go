package chattts

/*
#cgo pkg-config: chattts

#include <chattts.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// What a call said. Its message is the OS thread's own, so it is copied before the goroutine can go to another one.
typedef struct {
	int status;
	char *message;
	size_t len;
	uintptr_t handle;
} Said;

static Said said(int status, size_t len, uintptr_t handle) {
	Said said = {status, NULL, len, handle};
	if (status != CHATTTS_OK && status != CHATTTS_PENDING && status != CHATTTS_BUFFER_TOO_SMALL) {
		said.message = strdup(chattts_error_message());
	}
	return said;
}

// Handles are numbers and lead nowhere: Go's garbage collector must not see them as pointers.
static ChatttsHandle *engine(uintptr_t h) {
	return (ChatttsHandle *)h;
}

static ChatttsSpeech *speech(uintptr_t s) {
	return (ChatttsSpeech *)s;
}

// A request in C's memory, into which `voice`, which lies in Go's, may not be written.
static ChatttsRequest with_voice(const ChatttsRequest *request, const ChatttsVoiceParams *voice) {
	ChatttsRequest whole = *request;
	whole.voice = voice;
	return whole;
}

static Said go_create(const char *model, const ChatttsOptions *options) {
	ChatttsHandle *h = chattts_create(model, options, NULL, 0);
	return said(h != NULL ? CHATTTS_OK : chattts_error_status(), 0, (uintptr_t)h);
}

static Said go_destroy(uintptr_t h) {
	return said(chattts_destroy_with(engine(h), CHATTTS_DESTROY_CANCELS), 0, 0);
}

static uint32_t go_sample_rate(uintptr_t h) {
	return chattts_sample_rate(engine(h));
}

static Said go_start(uintptr_t h, const ChatttsRequest *request, const ChatttsVoiceParams *voice) {
	ChatttsRequest whole = with_voice(request, voice);
	ChatttsSpeech *s = NULL;
	int status = chattts_speech_start(engine(h), &whole, &s);
	return said(status, 0, (uintptr_t)s);
}

static Said go_read(uintptr_t s, float *samples, size_t len, int64_t timeout_ms) {
	int status = chattts_speech_read(speech(s), samples, &len, timeout_ms);
	return said(status, len, 0);
}

static Said go_summary(uintptr_t s, ChatttsSummary *summary) {
	return said(chattts_speech_summary(speech(s), summary), 0, 0);
}

static void go_cancel(uintptr_t s) {
	chattts_speech_cancel(speech(s));
}

static void go_free(uintptr_t s) {
	chattts_speech_free(speech(s));
}

static Said go_register(uintptr_t h, const char *name, const char *voice, const char *words) {
	return said(chattts_voice_register(engine(h), name, voice, words), 0, 0);
}

static Said go_voices(uintptr_t h, char *out, size_t len) {
	int status = chattts_voices(engine(h), out, &len);
	return said(status, len, 0);
}

static Said go_normalize(const ChatttsRequest *request, const ChatttsVoiceParams *voice, char *out, size_t len) {
	ChatttsRequest whole = with_voice(request, voice);
	int status = chattts_normalize(&whole, out, &len);
	return said(status, len, 0);
}

static Said go_stats(uintptr_t h, ChatttsStats *stats) {
	return said(chattts_stats(engine(h), stats), 0, 0);
}
*/
import "C"

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"
	"unsafe"
)

// longestRead is the longest time that a read waits; the context is looked at between two of them as well.
const longestRead = time.Second

// errorOf returns the failure that a call told, and frees its message. A speech that its context cancelled tells why.
func errorOf(ctx context.Context, said C.Said) error {
	if said.status == C.CHATTTS_OK {
		return nil
	}
	failure := &Error{Status: Status(said.status)}
	if said.message != nil {
		failure.Message = C.GoString(said.message)
		C.free(unsafe.Pointer(said.message))
	}
	if ctx != nil && failure.Status == ErrCancelled {
		failure.Cause = ctx.Err()
	}
	return failure
}

// cancelled returns the failure of work whose context is over, or nil.
func cancelled(ctx context.Context) error {
	if cause := ctx.Err(); cause != nil {
		return &Error{Status: ErrCancelled, Message: "the speech was cancelled", Cause: cause}
	}
	return nil
}

// words holds texts in C's memory for one call.
type words struct {
	texts []*C.char
	err   error
}

// text copies a text that is told by its length.
func (w *words) text(text string) *C.char {
	copied := C.CString(text)
	w.texts = append(w.texts, copied)
	return copied
}

// word copies a text that ends with a NUL; NULL for an empty one.
func (w *words) word(name, text string) *C.char {
	if strings.IndexByte(text, 0) >= 0 && w.err == nil {
		w.err = parameter(name, "has a NUL in it")
	}
	if text == "" {
		return nil
	}
	return w.text(text)
}

// count makes an unsigned number of 32 bits.
func (w *words) count(name string, number int) C.uint32_t {
	if (number < 0 || uint64(number) > math.MaxUint32) && w.err == nil {
		w.err = parameter(name, fmt.Sprintf("%d is out of range", number))
	}
	return C.uint32_t(number)
}

func (w *words) free() {
	for _, text := range w.texts {
		C.free(unsafe.Pointer(text))
	}
}

// lay lays a request out for C; its texts live until words are freed.
func (w *words) lay(r *Request, flags C.uint32_t) (C.ChatttsRequest, C.ChatttsVoiceParams, error) {
	voice := C.ChatttsVoiceParams{
		sample_rate: w.count("sample rate", r.SampleRate),
		role_id:     C.CHATTTS_ROLE_DEFAULT,
		prompt_len:  w.count("prompt length", len(r.Prompt)),
	}
	if r.Prompt != "" {
		voice.prompt = (*C.uint8_t)(unsafe.Pointer(w.text(r.Prompt)))
	}
	request := C.ChatttsRequest{
		size:               C.sizeof_ChatttsRequest,
		text:               w.text(r.Text),
		text_len:           C.size_t(len(r.Text)),
		role:               w.word("role", r.Role),
		role_text:          w.word("role text", r.RoleText),
		settings:           w.word("settings", r.Settings),
		top_p:              C.double(r.TopP),
		temperature:        C.float(r.Temperature),
		repetition_penalty: C.float(r.RepetitionPenalty),
		top_k:              w.count("top k", r.TopK),
		max_tokens:         w.count("max tokens", r.MaxTokens),
		min_tokens:         w.count("min tokens", r.MinTokens),
		lang:               C.uint32_t(r.Lang),
	}
	if r.Seed != nil {
		request.seed, flags = C.uint64_t(*r.Seed), flags|C.CHATTTS_SEED
	}
	if r.Speed != nil {
		request.speed, flags = C.float(*r.Speed), flags|C.CHATTTS_SPEED
	}
	if r.Loudness != nil {
		request.loudness, flags = C.double(*r.Loudness), flags|C.CHATTTS_LOUDNESS
	}
	for _, flag := range []struct {
		is   bool
		flag C.uint32_t
	}{
		{r.Split != nil && *r.Split, C.CHATTTS_SPLIT},
		{r.Split != nil && !*r.Split, C.CHATTTS_NO_SPLIT},
		{r.Refine, C.CHATTTS_REFINE},
		{r.Verbatim, C.CHATTTS_VERBATIM},
		{r.Strict, C.CHATTTS_STRICT},
		{r.NameEmoji, C.CHATTTS_NAME_EMOJI},
		{r.SSML, C.CHATTTS_SSML},
		{r.Markdown, C.CHATTTS_MARKDOWN},
		{r.Trim, C.CHATTTS_TRIM},
		{r.Bulk, C.CHATTTS_BULK},
	} {
		if flag.is {
			flags |= flag.flag
		}
	}
	request.flags = flags
	return request, voice, w.err
}

// create opens an engine and returns its handle.
func create(model string, o *Options) (uintptr, error) {
	if version := C.chattts_abi_version(); version != C.CHATTTS_ABI_VERSION {
		return 0, fmt.Errorf("chattts: the library has interface %d, and this program was built with %d", version,
			C.CHATTTS_ABI_VERSION)
	}
	var w words
	defer w.free()
	name := w.word("model", model)
	if name == nil && w.err == nil {
		w.err = parameter("model", "is empty")
	}
	options := C.ChatttsOptions{
		size:            C.sizeof_ChatttsOptions,
		device:          w.word("device", o.Device),
		dtype:           w.word("dtype", o.DType),
		roles:           w.word("roles", o.Roles),
		cache:           w.word("cache", o.Cache),
		memory_fraction: C.double(o.MemoryFraction),
		batch_size:      w.count("batch size", o.BatchSize),
		threads:         w.count("threads", o.Threads),
	}
	if o.Offline {
		options.flags = C.CHATTTS_OFFLINE
	}
	if w.err != nil {
		return 0, w.err
	}
	said := C.go_create(name, &options)
	return uintptr(said.handle), errorOf(nil, said)
}

func destroy(engine uintptr) error {
	return errorOf(nil, C.go_destroy(C.uintptr_t(engine)))
}

// sampleRate returns the rate of the model, or 0 for an engine that is closed.
func sampleRate(engine uintptr) int {
	return int(C.go_sample_rate(C.uintptr_t(engine)))
}

// speech is a request that was started.
type speech struct {
	ctx    context.Context
	handle C.uintptr_t
	over   chan struct{}
}

// start starts a request; the speech is to be freed. Its context cancels it, also while it is read.
func start(ctx context.Context, engine uintptr, r *Request, streams bool) (*speech, error) {
	if err := cancelled(ctx); err != nil {
		return nil, err
	}
	var flags C.uint32_t
	if streams {
		flags = C.CHATTTS_STREAM
	}
	var w words
	defer w.free()
	request, voice, err := w.lay(r, flags)
	if err != nil {
		return nil, err
	}
	said := C.go_start(C.uintptr_t(engine), &request, &voice)
	if err := errorOf(ctx, said); err != nil {
		return nil, err
	}
	s := &speech{ctx: ctx, handle: said.handle, over: make(chan struct{})}
	if ctx.Done() != nil {
		// The handle is never given out again, so that cancelling one that is freed meanwhile does nothing.
		go func() {
			select {
			case <-ctx.Done():
				C.go_cancel(s.handle)
			case <-s.over:
			}
		}()
	}
	return s, nil
}

// free frees the slot that the speech holds, if it is not over.
func (s *speech) free() {
	close(s.over)
	C.go_free(s.handle)
}

// read waits for samples and returns how many were read; 0 at the end.
func (s *speech) read(samples []float32) (int, error) {
	for {
		if err := cancelled(s.ctx); err != nil {
			return 0, err
		}
		first := (*C.float)(unsafe.Pointer(&samples[0]))
		said := C.go_read(s.handle, first, C.size_t(len(samples)), C.int64_t(longestRead.Milliseconds()))
		if said.status != C.CHATTTS_PENDING {
			return int(said.len), errorOf(s.ctx, said)
		}
	}
}

// summary tells how a speech ended whose end was read.
func (s *speech) summary() (Summary, error) {
	summary := C.ChatttsSummary{size: C.sizeof_ChatttsSummary}
	if err := errorOf(s.ctx, C.go_summary(s.handle, &summary)); err != nil {
		return Summary{}, err
	}
	return Summary{
		Samples:    int(summary.samples),
		SampleRate: int(summary.sample_rate),
		Seed:       uint64(summary.seed),
		Tokens:     int(summary.tokens),
		Queued:     duration(summary.queued),
		FirstSound: duration(summary.first_sound),
		Total:      duration(summary.total),
		CutOff:     summary.finish == C.CHATTTS_FINISH_CUT_OFF,
	}, nil
}

func duration(seconds C.double) time.Duration {
	return time.Duration(float64(seconds) * float64(time.Second))
}

func registerVoice(engine uintptr, name, voice, spoken string) error {
	var w words
	defer w.free()
	cName, cVoice, cWords := w.word("name", name), w.word("voice", voice), w.word("words", spoken)
	if w.err != nil {
		return w.err
	}
	return errorOf(nil, C.go_register(C.uintptr_t(engine), cName, cVoice, cWords))
}

// written returns the text that a call writes, which it is given a buffer for that is large enough in the end.
func written(write func(out *C.char, len C.size_t) C.Said) (string, error) {
	out := make([]byte, 1024)
	for {
		said := write((*C.char)(unsafe.Pointer(&out[0])), C.size_t(len(out)))
		if said.status != C.CHATTTS_BUFFER_TOO_SMALL {
			return string(out[:said.len]), errorOf(nil, said)
		}
		out = make([]byte, said.len)
	}
}

func voices(engine uintptr) (string, error) {
	return written(func(out *C.char, len C.size_t) C.Said {
		return C.go_voices(C.uintptr_t(engine), out, len)
	})
}

func normalize(r *Request) (string, error) {
	var w words
	defer w.free()
	request, voice, err := w.lay(r, 0)
	if err != nil {
		return "", err
	}
	return written(func(out *C.char, len C.size_t) C.Said {
		return C.go_normalize(&request, &voice, out, len)
	})
}

func stats(engine uintptr) (Stats, error) {
	stats := C.ChatttsStats{size: C.sizeof_ChatttsStats}
	if err := errorOf(nil, C.go_stats(C.uintptr_t(engine), &stats)); err != nil {
		return Stats{}, err
	}
	return Stats{
		Queued:       int(stats.queued),
		Running:      int(stats.running),
		Completed:    uint64(stats.completed),
		Failed:       uint64(stats.failed),
		Cancelled:    uint64(stats.cancelled),
		Steps:        uint64(stats.steps),
		Tokens:       uint64(stats.tokens),
		AudioSeconds: float64(stats.audio_seconds),
		Slots:        int(stats.slots),
		SlotsHeld:    int(stats.slots_held),
	}, nil
}

func version() string {
	return C.GoString(C.chattts_version())
}
