// Command speak speaks a line into a WAV file: go run ./examples/speak "Hello." hello.wav [MODEL]
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"chattts-rs/go/chattts"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintf(os.Stderr, "usage: %s TEXT FILE [MODEL]\n", os.Args[0])
		os.Exit(2)
	}
	model := "demo"
	if len(os.Args) > 3 {
		model = os.Args[3]
	}
	if err := speak(os.Args[1], os.Args[2], model); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func speak(text, path, model string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	tts, err := chattts.Open(model, nil)
	if err != nil {
		return err
	}
	defer tts.Close()
	samples, err := tts.Synthesize(ctx, chattts.Request{Text: text})
	if err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := chattts.WriteWAV(file, samples, tts.SampleRate()); err != nil {
		return err
	}
	return file.Close()
}
