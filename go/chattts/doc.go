// Package chattts speaks Chinese and English with ChatTTS, in the program's own process, through libchattts.
//
//	tts, err := chattts.Open("demo", nil)
//	if err != nil {
//		return err
//	}
//	defer tts.Close()
//	samples, err := tts.Synthesize(ctx, chattts.Request{Text: "Hello.", Seed: chattts.Ptr[uint64](42)})
//
// Samples are from -1 to 1, of one channel, [TTS.SampleRate] a second unless a request asks for another rate. Any
// goroutine may call anything at any time: calls share the engine's slots and are computed together, and what one
// sounds like does not depend on the others. A call that waits holds an OS thread, as system calls do.
//
// With Go 1.23 and newer, what [TTS.Stream] and [TTS.Batch] return is for range; before, it is called with the loop's
// body as a function that returns whether to go on:
//
//	for samples, err := range tts.Stream(ctx, request) { ... }
//
//	tts.Stream(ctx, request)(func(samples []float32, err error) bool { ...; return true })
//
// The library is found by pkg-config; env.sh in the folder above sets what a build needs. A program that wants no cgo
// runs the binary instead, which exits with 0 if it spoke:
//
//	exec.CommandContext(ctx, "chattts-rs", "synth", "--text", text, "--seed", "42", "--out", file).Run()
package chattts
