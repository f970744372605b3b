package chattts

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// open opens a tiny model of random weights, which says something at once.
func open(t testing.TB, options *Options) *TTS {
	t.Helper()
	tts, err := Open("noise", options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tts.Close() })
	return tts
}

// short is a request of a few tokens.
func short(seed uint64) Request {
	return Request{Text: "Hello, 你好.", Seed: Ptr(seed), MinTokens: 8, MaxTokens: 8}
}

// long is a request that goes on until it is cancelled.
func long() Request {
	return Request{Text: strings.Repeat("Hello, all of you. ", 200), Seed: Ptr[uint64](1), MinTokens: 2000, MaxTokens: 2000,
		Split: Ptr(true)}
}

func speak(t testing.TB, tts *TTS, request Request) []float32 {
	t.Helper()
	samples, err := tts.Synthesize(context.Background(), request)
	if err != nil {
		t.Fatal(err)
	}
	if len(samples) == 0 {
		t.Fatal("no samples")
	}
	return samples
}

func same(a, b []float32) bool {
	var bytesOf [2]bytes.Buffer
	for i, samples := range [][]float32{a, b} {
		binary.Write(&bytesOf[i], binary.LittleEndian, samples)
	}
	return bytes.Equal(bytesOf[0].Bytes(), bytesOf[1].Bytes())
}

// slotsAreFree waits until nothing is spoken any more.
func slotsAreFree(t testing.TB, tts *TTS) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		stats, err := tts.Stats()
		if err != nil {
			t.Fatal(err)
		}
		if stats.SlotsHeld == 0 && stats.Queued == 0 && stats.Running == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("slots are held: %+v", stats)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestSameSeedGivesSameBytes(t *testing.T) {
	tts, other := open(t, nil), open(t, nil)
	first := speak(t, tts, short(42))
	if !same(first, speak(t, tts, short(42))) || !same(first, speak(t, other, short(42))) {
		t.Error("the same seed gives other samples")
	}
	if same(first, speak(t, tts, short(43))) {
		t.Error("another seed gives the same samples")
	}
}

func TestStreamEqualsWhole(t *testing.T) {
	tts := open(t, nil)
	request := short(7)
	request.MinTokens, request.MaxTokens = 120, 120
	whole := speak(t, tts, request)
	stream := tts.Stream(context.Background(), request)
	for again := 0; again < 2; again++ {
		var streamed []float32
		turns := 0
		stream(func(samples []float32, err error) bool {
			if err != nil {
				t.Fatal(err)
			}
			turns++
			streamed = append(streamed, samples...)
			return true
		})
		if turns < 2 || !same(whole, streamed) {
			t.Errorf("%d samples in %d turns, and not the %d of the whole", len(streamed), turns, len(whole))
		}
	}
}

func TestSummaryTellsHowItEnded(t *testing.T) {
	tts := open(t, nil)
	buffer := GetWaveBuffer()
	defer buffer.Release()
	request := short(42)
	request.SampleRate = 8000
	summary, err := tts.SynthesizeInto(context.Background(), request, buffer)
	if err != nil {
		t.Fatal(err)
	}
	if summary.Samples != len(buffer.Samples()) || summary.Seed != 42 || summary.Tokens != 8 || !summary.CutOff ||
		summary.SampleRate != 8000 || summary.FirstSound <= 0 || summary.Total < summary.FirstSound {
		t.Errorf("%+v of %d samples", summary, len(buffer.Samples()))
	}
	if rate := tts.SampleRate(); rate != 24000 {
		t.Errorf("the model's rate is %d", rate)
	}
}

func TestHundredGoroutinesHearWhatOneHears(t *testing.T) {
	tts := open(t, nil)
	const seeds = 10
	var alone [seeds][]float32
	for seed := range alone {
		alone[seed] = speak(t, tts, short(uint64(seed)))
	}
	var all sync.WaitGroup
	for i := 0; i < 100; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			request, expected := short(uint64(i%seeds)), alone[i%seeds]
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			switch i % 4 {
			case 0:
				samples, err := tts.Synthesize(ctx, request)
				if err != nil || !same(samples, expected) {
					t.Errorf("goroutine %d: other samples, %v", i, err)
				}
			case 1:
				var samples []float32
				tts.Stream(ctx, request)(func(some []float32, err error) bool {
					if err != nil {
						t.Errorf("goroutine %d: %v", i, err)
					}
					samples = append(samples, some...)
					return true
				})
				if !same(samples, expected) {
					t.Errorf("goroutine %d: other samples", i)
				}
			case 2:
				buffer := GetWaveBuffer()
				defer buffer.Release()
				for again := 0; again < 2; again++ {
					_, err := tts.SynthesizeInto(ctx, request, buffer)
					if err != nil || !same(buffer.Samples(), expected) {
						t.Errorf("goroutine %d: other samples, %v", i, err)
					}
				}
			case 3:
				time.AfterFunc(time.Duration(i)*time.Millisecond, cancel)
				samples, err := tts.Synthesize(ctx, request)
				if err != nil && !errors.Is(err, context.Canceled) || err == nil && !same(samples, expected) {
					t.Errorf("goroutine %d: other samples, %v", i, err)
				}
			}
		}(i)
	}
	all.Wait()
	slotsAreFree(t, tts)
}

func TestCancellationFreesTheSlot(t *testing.T) {
	tts := open(t, &Options{BatchSize: 1})
	ctx, cancel := context.WithCancel(context.Background())
	var last error
	turns := 0
	tts.Stream(ctx, long())(func(samples []float32, err error) bool {
		turns++
		cancel()
		last = err
		return true
	})
	if turns < 2 || !errors.Is(last, context.Canceled) || !errors.Is(last, ErrCancelled) {
		t.Errorf("%d turns, then %v", turns, last)
	}
	slotsAreFree(t, tts)
	speak(t, tts, short(1))
}

func TestDeadlineEndsAWaitingCall(t *testing.T) {
	tts := open(t, &Options{BatchSize: 1})
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	begin := time.Now()
	samples, err := tts.Synthesize(ctx, long())
	if samples != nil || !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrCancelled) {
		t.Errorf("%d samples, %v", len(samples), err)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	slotsAreFree(t, tts)
}

func TestContextThatIsOverStartsNothing(t *testing.T) {
	tts := open(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := tts.Synthesize(ctx, short(1)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if stats, err := tts.Stats(); err != nil || stats.Cancelled+stats.Completed+stats.Failed != 0 {
		t.Errorf("%+v, %v", stats, err)
	}
}

func TestLeavingAStreamFreesTheSlot(t *testing.T) {
	tts := open(t, &Options{BatchSize: 1})
	turns := 0
	tts.Stream(context.Background(), long())(func([]float32, error) bool {
		turns++
		return false
	})
	if turns != 1 {
		t.Errorf("%d turns", turns)
	}
	slotsAreFree(t, tts)
}

func TestCloseCancelsAndMayBeCalledAgain(t *testing.T) {
	tts := open(t, nil)
	ended := make(chan error)
	begun := make(chan struct{})
	go func() {
		var last error
		var once sync.Once
		tts.Stream(context.Background(), long())(func(_ []float32, err error) bool {
			once.Do(func() { close(begun) })
			last = err
			return true
		})
		ended <- last
	}()
	<-begun
	var closers sync.WaitGroup
	for i := 0; i < 4; i++ {
		closers.Add(1)
		go func() {
			defer closers.Done()
			if err := tts.Close(); err != nil {
				t.Error(err)
			}
		}()
	}
	closers.Wait()
	if err := <-ended; !errors.Is(err, ErrCancelled) || errors.Is(err, context.Canceled) {
		t.Errorf("a stream of a closed engine ended with %v", err)
	}
	if err := tts.Close(); err != nil {
		t.Error(err)
	}
	_, err := tts.Synthesize(context.Background(), short(1))
	_, statsErr := tts.Stats()
	_, voicesErr := tts.Voices()
	for _, err := range []error{err, statsErr, voicesErr, tts.RegisterVoice("a", "1", "")} {
		if !errors.Is(err, ErrInvalidHandle) {
			t.Errorf("after Close: %v", err)
		}
	}
	if rate := tts.SampleRate(); rate != 0 {
		t.Errorf("after Close the rate is %d", rate)
	}
	if _, err := new(TTS).Synthesize(context.Background(), short(1)); !errors.Is(err, ErrInvalidHandle) {
		t.Error(err)
	}
}

func TestForgottenEngineIsClosed(t *testing.T) {
	engine := func() uintptr {
		tts, err := Open("noise", nil)
		if err != nil {
			t.Fatal(err)
		}
		speak(t, tts, short(1))
		return tts.engine
	}()
	for deadline := time.Now().Add(20 * time.Second); sampleRate(engine) != 0; {
		if time.Now().After(deadline) {
			t.Fatal("it is still open")
		}
		runtime.GC()
		time.Sleep(10 * time.Millisecond)
	}
}

func TestErrorsTellTheirStatus(t *testing.T) {
	tts := open(t, nil)
	for _, wrong := range []struct {
		status  Status
		says    string
		request Request
	}{
		{ErrInvalidText, "", Request{}},
		{ErrInvalidText, "UTF-8", Request{Text: "a\xff"}},
		{ErrInvalidText, "", Request{Text: "<speak>", SSML: true}},
		{ErrInvalidVoice, "nobody", Request{Text: "Hello.", Role: "nobody"}},
		{ErrInvalidParameter, "top", Request{Text: "Hello.", TopP: 2}},
		{ErrInvalidParameter, "speed", Request{Text: "Hello.", Speed: Ptr(10.0)}},
		{ErrInvalidParameter, "speed", Request{Text: "Hello.", Speed: Ptr(0.0)}},
		{ErrInvalidParameter, "loudness", Request{Text: "Hello.", Loudness: Ptr(1.0)}},
		{ErrInvalidParameter, "max tokens", Request{Text: "Hello.", MaxTokens: -1}},
		{ErrInvalidParameter, "settings", Request{Text: "Hello.", Settings: "{"}},
		{ErrInvalidParameter, "lang", Request{Text: "Hello.", Lang: 9}},
		{ErrInvalidParameter, "role", Request{Text: "Hello.", Role: "a\x00b"}},
	} {
		_, err := tts.Synthesize(context.Background(), wrong.request)
		var failure *Error
		if !errors.Is(err, wrong.status) || !errors.As(err, &failure) || !strings.Contains(err.Error(), wrong.says) {
			t.Errorf("%+v: %v", wrong.request, err)
		}
		if errors.Is(err, ErrBusy) || errors.Is(err, context.Canceled) {
			t.Errorf("%v is what it is not", err)
		}
	}
	for model, status := range map[string]Status{"/nowhere": ErrModelNotFound, "": ErrInvalidParameter} {
		if _, err := Open(model, &Options{Offline: true}); !errors.Is(err, status) || err.Error() == status.Error() {
			t.Errorf("model %q: %v", model, err)
		}
	}
	for _, options := range []Options{{Device: "abacus"}, {DType: "f7"}, {BatchSize: 5000}, {Threads: -1}} {
		if _, err := Open("noise", &options); !errors.Is(err, ErrInvalidParameter) {
			t.Errorf("%+v: %v", options, err)
		}
	}
	if err := fmt.Errorf("wrapped: %w", ErrBusy); !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), "busy") {
		t.Error(err)
	}
}

func TestMessageIsThatOfTheOwnCall(t *testing.T) {
	tts := open(t, nil)
	var all sync.WaitGroup
	for i := 0; i < 100; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			name := fmt.Sprintf("nobody-%d-", i)
			for again := 0; again < 20; again++ {
				_, err := tts.Synthesize(context.Background(), Request{Text: "Hello.", Role: name})
				if !errors.Is(err, ErrInvalidVoice) || !strings.Contains(err.Error(), name) {
					t.Errorf("%s: %v", name, err)
				}
			}
		}(i)
	}
	all.Wait()
}

func TestBatchYieldsEachOutcomeOnce(t *testing.T) {
	tts := open(t, &Options{BatchSize: 4})
	requests := make([]Request, 40)
	for i := range requests {
		requests[i] = short(uint64(i))
	}
	requests[13].Role = "nobody"
	seen := make(map[int]bool)
	tts.Batch(context.Background(), requests)(func(i int, result Result) bool {
		if seen[i] {
			t.Errorf("%d came twice", i)
		}
		seen[i] = true
		if i == 13 {
			if !errors.Is(result.Err, ErrInvalidVoice) || result.Samples != nil {
				t.Errorf("%d: %v", i, result.Err)
			}
		} else if result.Err != nil || result.Summary.Seed != uint64(i) ||
			!same(result.Samples, speak(t, tts, requests[i])) {
			t.Errorf("%d: %+v, %v", i, result.Summary, result.Err)
		}
		return true
	})
	if len(seen) != len(requests) {
		t.Errorf("%d outcomes", len(seen))
	}
}

func TestBatchEndsWithItsLoopAndItsContext(t *testing.T) {
	tts := open(t, &Options{BatchSize: 2})
	requests := []Request{short(1), long(), long(), long(), long(), long(), long()}
	turns := 0
	tts.Batch(context.Background(), requests)(func(int, Result) bool {
		turns++
		return false
	})
	if turns != 1 {
		t.Errorf("%d turns after the loop was left", turns)
	}
	slotsAreFree(t, tts)

	ctx, cancel := context.WithCancel(context.Background())
	ended, cancelled := 0, 0
	tts.Batch(ctx, requests)(func(_ int, result Result) bool {
		cancel()
		ended++
		if errors.Is(result.Err, context.Canceled) && errors.Is(result.Err, ErrCancelled) {
			cancelled++
		}
		return true
	})
	if ended != len(requests) || cancelled != len(requests)-1 {
		t.Errorf("%d ended, %d of them were cancelled", ended, cancelled)
	}
	slotsAreFree(t, tts)

	tts.Close()
	ended = 0
	tts.Batch(context.Background(), requests)(func(_ int, result Result) bool {
		ended++
		if !errors.Is(result.Err, ErrInvalidHandle) {
			t.Error(result.Err)
		}
		return true
	})
	if ended != len(requests) {
		t.Errorf("%d ended", ended)
	}
}

func TestVoicesAreRegisteredAndListed(t *testing.T) {
	tts := open(t, nil)
	if err := tts.RegisterVoice("anna", "2222", ""); err != nil {
		t.Fatal(err)
	}
	voices, err := tts.Voices()
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, voice := range voices {
		found = found || voice.Name == "anna"
	}
	if !found {
		t.Errorf("%+v", voices)
	}
	anna, seed := short(5), short(5)
	anna.Role, seed.Role = "anna", "2222"
	if !same(speak(t, tts, anna), speak(t, tts, seed)) {
		t.Error("anna is not her voice")
	}
	if err := tts.RegisterVoice("berta", "no-such.pt", ""); !errors.Is(err, ErrInvalidVoice) && !errors.Is(err, ErrIO) {
		t.Error(err)
	}
}

func TestNormalizeReadsNumbers(t *testing.T) {
	read, err := Normalize(Request{Text: "Dr. Smith paid $5."})
	if err != nil || !strings.Contains(read, "doctor Smith paid five dollars") {
		t.Errorf("%q, %v", read, err)
	}
	// More than the first buffer holds.
	read, err = Normalize(Request{Text: strings.Repeat("2024. ", 1000)})
	if err != nil || len(read) < 10000 {
		t.Errorf("%d bytes, %v", len(read), err)
	}
	if _, err := Normalize(Request{Text: "a\xff"}); !errors.Is(err, ErrInvalidText) {
		t.Error(err)
	}
	if Version() == "" {
		t.Error("no version")
	}
}

func TestWaveBufferKeepsItsMemory(t *testing.T) {
	tts := open(t, nil)
	var buffer WaveBuffer
	for i := 0; i < 2; i++ {
		if _, err := tts.SynthesizeInto(context.Background(), short(1), &buffer); err != nil {
			t.Fatal(err)
		}
	}
	before := &buffer.samples[0]
	if _, err := tts.SynthesizeInto(context.Background(), short(2), &buffer); err != nil {
		t.Fatal(err)
	}
	if before != &buffer.samples[0] {
		t.Error("new memory was allocated")
	}
	if !same(buffer.Samples(), speak(t, tts, short(2))) {
		t.Error("it holds other samples")
	}
	if _, err := tts.SynthesizeInto(context.Background(), Request{}, &buffer); err == nil || len(buffer.Samples()) != 0 {
		t.Error("after a failure it holds samples")
	}
}

func TestWAVIsReadAsItWasWritten(t *testing.T) {
	var file bytes.Buffer
	if err := WriteWAV(&file, []float32{0, 1, -1, 2, 0.5}, 8000); err != nil {
		t.Fatal(err)
	}
	wav := file.Bytes()
	if len(wav) != 44+10 || string(wav[:4]) != "RIFF" || binary.LittleEndian.Uint32(wav[4:]) != 46 ||
		binary.LittleEndian.Uint32(wav[24:]) != 8000 || binary.LittleEndian.Uint32(wav[40:]) != 10 {
		t.Errorf("%x", wav)
	}
	expected := []int16{0, 32767, -32767, 32767, 16384}
	for i, sample := range expected {
		if got := int16(binary.LittleEndian.Uint16(wav[44+2*i:])); got != sample {
			t.Errorf("sample %d is %d", i, got)
		}
	}
}

// BenchmarkGoroutines speaks from 16 goroutines at once with the model and type that CHATTTS_BENCH_MODEL and
// CHATTTS_BENCH_DTYPE name: go test -run none -bench . -benchtime 64x
func BenchmarkGoroutines(b *testing.B) {
	model := os.Getenv("CHATTTS_BENCH_MODEL")
	if model == "" {
		model = "demo"
	}
	tts, err := Open(model, &Options{BatchSize: 16, DType: os.Getenv("CHATTTS_BENCH_DTYPE")})
	if err != nil {
		b.Fatal(err)
	}
	defer tts.Close()
	begin := time.Now()
	work := make(chan uint64)
	var all sync.WaitGroup
	for i := 0; i < 16; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for seed := range work {
				request := Request{Text: "Hello. This is a small voice.", Seed: Ptr(seed), MinTokens: 100, MaxTokens: 100}
				if _, err := tts.Synthesize(context.Background(), request); err != nil {
					b.Error(err)
				}
			}
		}()
	}
	for i := 0; i < b.N; i++ {
		work <- uint64(i)
	}
	close(work)
	all.Wait()
	if stats, err := tts.Stats(); err == nil {
		b.ReportMetric(stats.AudioSeconds/time.Since(begin).Seconds(), "audio-s/s")
	}
}
