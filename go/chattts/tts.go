package chattts

import (
	"context"
	"runtime"
	"strings"
	"sync"
)

// streamed is the capacity in samples of a turn of a stream, half a second at the model's own rate.
const streamed = 12000

// TTS is a model on its devices, with all requests that share them. Any goroutine may call any method at any time.
type TTS struct {
	engine uintptr
	close  sync.Once
	closed error
}

// Open opens a model and loads it, which takes from milliseconds to seconds, and longer if it is downloaded first.
// model is a folder, a file of packed weights, a repository of Hugging Face ("2Noise/ChatTTS"), or "demo", a small
// voice that the library carries. options may be nil. The TTS is to be closed.
func Open(model string, options *Options) (*TTS, error) {
	if options == nil {
		options = &Options{}
	}
	engine, err := create(model, options)
	if err != nil {
		return nil, err
	}
	t := &TTS{engine: engine}
	// For one that is forgotten; its memory is the library's, so that the garbage collector does not see how much it
	// is, and may come late.
	runtime.SetFinalizer(t, func(t *TTS) { go t.Close() })
	return t, nil
}

// Close cancels what is being spoken, which is [ErrCancelled] then, and frees the model's memory. From then on every
// call is [ErrInvalidHandle], but Close, which returns what it returned before.
func (t *TTS) Close() error {
	t.close.Do(func() {
		runtime.SetFinalizer(t, nil)
		t.closed = destroy(t.engine)
	})
	return t.closed
}

// SampleRate returns the samples per second that the model itself makes, or 0 after Close.
func (t *TTS) SampleRate() int {
	defer runtime.KeepAlive(t)
	return sampleRate(t.engine)
}

// Synthesize speaks a request and returns its samples. When the context is over, the request's slot is freed and the
// error is [ErrCancelled] and the context's.
func (t *TTS) Synthesize(ctx context.Context, request Request) ([]float32, error) {
	var buffer WaveBuffer
	if _, err := t.SynthesizeInto(ctx, request, &buffer); err != nil {
		return nil, err
	}
	return buffer.samples, nil
}

// SynthesizeInto speaks a request as [TTS.Synthesize] does, into a buffer that can be used again, and tells how it
// ended. What the buffer held is gone, also after a failure.
func (t *TTS) SynthesizeInto(ctx context.Context, request Request, buffer *WaveBuffer) (Summary, error) {
	defer runtime.KeepAlive(t)
	buffer.samples = buffer.samples[:0]
	speech, err := start(ctx, t.engine, &request, false)
	if err != nil {
		return Summary{}, err
	}
	defer speech.free()
	for {
		read, err := speech.read(buffer.spare())
		if err != nil {
			buffer.samples = buffer.samples[:0]
			return Summary{}, err
		}
		if read == 0 {
			return speech.summary()
		}
		buffer.samples = buffer.samples[:len(buffer.samples)+read]
	}
}

// Stream speaks a request and yields its samples as they are made; together they are what [TTS.Synthesize] returns. An
// error is the last thing that it yields. The samples are the loop's until its next turn: copy what is kept. A loop
// that is left early cancels the speech. What it returns can be ranged over, and more than once.
//
// Of a long speech 20 seconds are made ahead of the loop.
func (t *TTS) Stream(ctx context.Context, request Request) func(yield func([]float32, error) bool) {
	return func(yield func([]float32, error) bool) {
		defer runtime.KeepAlive(t)
		speech, err := start(ctx, t.engine, &request, true)
		if err != nil {
			yield(nil, err)
			return
		}
		defer speech.free()
		samples := make([]float32, streamed)
		for {
			read, err := speech.read(samples)
			if err != nil {
				yield(nil, err)
				return
			}
			if read == 0 || !yield(samples[:read:read], nil) {
				return
			}
		}
	}
}

// RegisterVoice registers a voice by a name or a number, until Close; one of that name is replaced. voice is as
// [Request].Role, and words is what it says if it is a spoken sample, else empty.
func (t *TTS) RegisterVoice(name, voice, words string) error {
	defer runtime.KeepAlive(t)
	return registerVoice(t.engine, name, voice, words)
}

// Voices lists the registered voices.
func (t *TTS) Voices() ([]Voice, error) {
	defer runtime.KeepAlive(t)
	lines, err := voices(t.engine)
	if err != nil {
		return nil, err
	}
	var all []Voice
	for _, line := range strings.Split(lines, "\n") {
		if fields := strings.SplitN(line, "\t", 3); len(fields) == 3 {
			all = append(all, Voice{Name: fields[0], Voice: fields[1], Note: fields[2]})
		}
	}
	return all, nil
}

// Stats returns the engine's counters.
func (t *TTS) Stats() (Stats, error) {
	defer runtime.KeepAlive(t)
	return stats(t.engine)
}

// Normalize reads a request's text as it would be spoken, with numbers, dates and signs in words. No engine is needed.
func Normalize(request Request) (string, error) {
	return normalize(&request)
}

// Version returns the library's version.
func Version() string {
	return version()
}
