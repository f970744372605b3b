//go:build go1.23

package chattts

import (
	"context"
	"iter"
	"testing"
)

func TestRangeOverAStreamAndABatch(t *testing.T) {
	tts := open(t, nil)
	var stream iter.Seq2[[]float32, error] = tts.Stream(context.Background(), short(1))
	var streamed []float32
	for samples, err := range stream {
		if err != nil {
			t.Fatal(err)
		}
		streamed = append(streamed, samples...)
	}
	if !same(streamed, speak(t, tts, short(1))) {
		t.Error("other samples")
	}
	for range tts.Stream(context.Background(), long()) {
		break
	}
	var batch iter.Seq2[int, Result] = tts.Batch(context.Background(), []Request{short(1)})
	for index, result := range batch {
		if index != 0 || !same(result.Samples, streamed) {
			t.Errorf("%d: %v", index, result.Err)
		}
	}
	slotsAreFree(t, tts)
}
