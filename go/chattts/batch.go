package chattts

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// perSlot is the number of a batch's requests for each slot: one is spoken, the others wait for it to be free.
const perSlot = 2

// Result is one request's outcome of a batch.
type Result struct {
	// Samples are the samples; nil if the request failed.
	Samples []float32
	// Summary says how it ended.
	Summary Summary
	// Err is what was wrong, or nil.
	Err error
}

// Batch speaks requests, as many at once as the engine has slots, and yields the index and the outcome of each as it
// ends. One that fails does not stop the others. They go after requests that somebody waits for. When the context is
// over, the outcome of all that have not ended is [ErrCancelled]; a loop that is left early cancels them too. What it
// returns can be ranged over.
func (t *TTS) Batch(ctx context.Context, requests []Request) func(yield func(int, Result) bool) {
	type outcome struct {
		index  int
		result Result
	}
	return func(yield func(int, Result) bool) {
		defer runtime.KeepAlive(t)
		work, cancel := context.WithCancel(ctx)
		outcomes := make(chan outcome)
		left := make(chan struct{})
		var taken int64
		var workers sync.WaitGroup
		// Whichever way the loop ends, nothing of it runs on.
		defer workers.Wait()
		defer cancel()
		defer close(left)
		for count := t.together(len(requests)); count > 0; count-- {
			workers.Add(1)
			go func() {
				defer workers.Done()
				for {
					index := int(atomic.AddInt64(&taken, 1)) - 1
					if index >= len(requests) {
						return
					}
					select {
					case outcomes <- outcome{index, t.outcome(work, requests[index])}:
					case <-left:
						return
					}
				}
			}()
		}
		for range requests {
			ended := <-outcomes
			if !yield(ended.index, ended.result) {
				return
			}
		}
	}
}

// together returns how many of so many requests are given to the engine at once.
func (t *TTS) together(requests int) int {
	most := 1
	// Without counters the engine is closed, and each request says so.
	if stats, err := t.Stats(); err == nil && stats.Slots > 0 {
		most = perSlot * stats.Slots
	}
	if requests < most {
		return requests
	}
	return most
}

func (t *TTS) outcome(ctx context.Context, request Request) Result {
	request.Bulk = true
	var buffer WaveBuffer
	summary, err := t.SynthesizeInto(ctx, request, &buffer)
	if err != nil {
		return Result{Err: err}
	}
	return Result{Samples: buffer.samples, Summary: summary}
}
