package chattts

import "time"

// Options say how a model is opened. The zero value holds the defaults.
type Options struct {
	// Device is "cpu", "cuda", "cuda:1", "cuda:0,1", "cuda:all" or "auto"; empty is "auto".
	Device string
	// DType is the type in which it computes: "f32", "q8", "f16", "bf16", "f16-kv8" or "auto"; empty is "auto".
	DType string
	// Roles is a file of roles, as `chattts-rs roles` keeps one; empty for those that the library brings alone.
	Roles string
	// Cache is a folder in which large models are kept packed, so that they load faster the next time; empty keeps
	// none.
	Cache string
	// MemoryFraction is the share of a card's free memory that texts worked on may take; 0 is 0.9.
	MemoryFraction float64
	// BatchSize is the number of texts that are worked on together, 1 to 1024; 0 is as many as are of use.
	BatchSize int
	// Threads is the number of threads that compute; 0 is one per core. The first engine of a process decides.
	Threads int
	// Offline never uses the network.
	Offline bool
}

// Lang is the language in which a text is read.
type Lang uint32

// The languages; the zero value reads each sentence in its own.
const (
	LangAuto Lang = iota
	LangChinese
	LangEnglish
)

// Request is a text to be spoken. All but the text may be left out, and is at its default then.
type Request struct {
	// Text is what is spoken, in UTF-8.
	Text string
	// Role is a voice by any of its names: a registered role, a seed ("2222", "torch-f16:2222"), a speaker string, a
	// file, a spoken sample, a mix ("mix:anna*0.7+4099*0.3") or "none".
	Role string
	// RoleText is what a spoken sample given as Role says, word for word.
	RoleText string
	// Prompt holds control tags: "oral_2 laugh_0 break_6 speed_4".
	Prompt string
	// Settings are more settings as a JSON object, by the names that a manifest's line has.
	Settings string
	// SampleRate is in samples per second; 0 is the model's own rate.
	SampleRate int
	// Seed is the seed of the speech: the same seed gives the same samples, whatever is spoken beside it. With nil
	// one is drawn.
	Seed *uint64
	// Speed is how fast it is spoken, 0.25 to 4: 1.25 takes four fifths of the time; the pitch stays. With nil it is 1.
	// The model's own pace is a control tag, "speed_0" to "speed_9".
	Speed *float64
	// Loudness is the loudness to which the speech is brought, in LUFS, -70 to 0; with nil it is left as it is.
	Loudness *float64
	// Temperature is how lively the speech is, above 0; 0 is 0.3.
	Temperature float64
	// RepetitionPenalty above 1 makes what was drawn in the last 16 steps less likely; 0 is 1.05.
	RepetitionPenalty float64
	// TopP draws from the likeliest tokens that together reach this probability; 0 is 0.7.
	TopP float64
	// TopK draws from at most so many tokens; 0 is 20.
	TopK int
	// MaxTokens stops after so many tokens, of which 46.875 are a second; 0 is 2048.
	MaxTokens int
	// MinTokens does not end before so many tokens.
	MinTokens int
	// Lang is the language in which the text is read.
	Lang Lang
	// Split speaks the text in pieces, sentence by sentence, or (false) in one; with nil its length decides.
	Split *bool
	// Refine rewrites the text with pauses, laughs and fillers first.
	Refine bool
	// Verbatim does not read numbers, dates and signs as they are spoken.
	Verbatim bool
	// Strict fails a text of which a character would not be spoken.
	Strict bool
	// NameEmoji speaks emoji by their names.
	NameEmoji bool
	// SSML says that the text is SSML.
	SSML bool
	// Markdown says that the text is Markdown.
	Markdown bool
	// Trim cuts what is quiet at both ends.
	Trim bool
	// Bulk lets other requests go first, as for work that nobody waits for.
	Bulk bool
}

// Ptr returns a pointer to a value, for the fields that may be nil: Seed: chattts.Ptr[uint64](42).
func Ptr[T any](value T) *T {
	return &value
}

// Summary says how a speech ended.
type Summary struct {
	// Samples is the number of samples.
	Samples int
	// SampleRate is in samples per second.
	SampleRate int
	// Seed is the seed of the speech: the one that was asked for or drawn, or a following one if that one ended at
	// once.
	Seed uint64
	// Tokens is the number of tokens that were drawn.
	Tokens int
	// Queued is the time from the request to its first step.
	Queued time.Duration
	// FirstSound is the time from the request to its first samples; negative if there are none.
	FirstSound time.Duration
	// Total is the time from the request to its last samples.
	Total time.Duration
	// CutOff says that the speech did not end by itself, but by MaxTokens or by the end of the model's context.
	CutOff bool
}

// Stats are the counters of an engine since it was opened, and its current work.
type Stats struct {
	// Queued is the number of requests that wait for a device.
	Queued int
	// Running is the number of requests that a device works on.
	Running int
	// Completed is the number of requests that were spoken to their end.
	Completed uint64
	// Failed is the number of requests that failed.
	Failed uint64
	// Cancelled is the number of requests that were cancelled.
	Cancelled uint64
	// Steps is the number of steps of all devices.
	Steps uint64
	// Tokens is the number of tokens that were drawn.
	Tokens uint64
	// AudioSeconds is the audio that was made, in seconds.
	AudioSeconds float64
	// Slots is the number of texts that all devices can work on together.
	Slots int
	// SlotsHeld is the number of texts that they work on.
	SlotsHeld int
}

// Voice is a registered voice.
type Voice struct {
	// Name is the name or the number by which a request's Role finds it.
	Name string
	// Voice is what was registered.
	Voice string
	// Note is its description.
	Note string
}
