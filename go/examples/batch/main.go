// Command batch speaks each line of its input into a WAV file of a folder, as many at once as the engine has slots:
// printf '%s\n' "One." "Two." | go run ./examples/batch FOLDER [MODEL]
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"chattts-rs/go/chattts"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintf(os.Stderr, "usage: %s FOLDER [MODEL] < LINES\n", os.Args[0])
		os.Exit(2)
	}
	model := "demo"
	if len(os.Args) > 2 {
		model = os.Args[2]
	}
	if err := speakAll(os.Args[1], model); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func speakAll(folder, model string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var requests []chattts.Request
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		// A seed for each line, so that a second run gives the same files.
		seed := chattts.Ptr(uint64(len(requests)))
		requests = append(requests, chattts.Request{Text: lines.Text(), Seed: seed})
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	tts, err := chattts.Open(model, nil)
	if err != nil {
		return err
	}
	defer tts.Close()
	failed := 0
	tts.Batch(ctx, requests)(func(index int, result chattts.Result) bool {
		path := filepath.Join(folder, fmt.Sprintf("%04d.wav", index+1))
		err := result.Err
		if err == nil {
			err = write(path, result)
		}
		if err != nil {
			failed++
			fmt.Fprintf(os.Stderr, "line %d: %v\n", index+1, err)
		} else {
			fmt.Println(path)
		}
		return true
	})
	if failed > 0 {
		return fmt.Errorf("%d of %d lines failed", failed, len(requests))
	}
	return nil
}

func write(path string, result chattts.Result) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := chattts.WriteWAV(file, result.Samples, result.Summary.SampleRate); err != nil {
		return err
	}
	return file.Close()
}
