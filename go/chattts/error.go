package chattts

// #include <chattts.h>
import "C"

import "fmt"

// Status is a kind of failure, by the library's number. errors.Is(err, chattts.ErrInvalidText) tells whether an error
// is of it.
type Status int

// The kinds of failures.
const (
	// ErrInvalidParameter is a parameter or a control tag that is not accepted.
	ErrInvalidParameter Status = C.CHATTTS_INVALID_PARAMETER
	// ErrInvalidText is a text that cannot be spoken as it is: empty, not UTF-8, too long, or not well formed.
	ErrInvalidText Status = C.CHATTTS_INVALID_TEXT
	// ErrInvalidVoice is a voice that cannot be used: no such role, no such file, not a voice.
	ErrInvalidVoice Status = C.CHATTTS_INVALID_VOICE
	// ErrModelNotFound says that the model's files are not here and cannot be fetched.
	ErrModelNotFound Status = C.CHATTTS_MODEL_NOT_FOUND
	// ErrModelInvalid says that the model's files are not what they should be.
	ErrModelInvalid Status = C.CHATTTS_MODEL_INVALID
	// ErrDownload is a download that failed; it may succeed later.
	ErrDownload Status = C.CHATTTS_DOWNLOAD
	// ErrIO is a file that could not be read or written.
	ErrIO Status = C.CHATTTS_IO
	// ErrDevice says that a device, memory or a thread cannot be had, or that a device has failed.
	ErrDevice Status = C.CHATTTS_DEVICE
	// ErrEndedAtOnce says that the model ended before it spoke; another seed may help.
	ErrEndedAtOnce Status = C.CHATTTS_ENDED_AT_ONCE
	// ErrAudio says that the sound could not be made as it was asked for, or is all silence.
	ErrAudio Status = C.CHATTTS_AUDIO
	// ErrBusy says that another thread uses what is asked for.
	ErrBusy Status = C.CHATTTS_BUSY
	// ErrCancelled is work that was cancelled: by its context, whose error it wraps then, or by [TTS.Close].
	ErrCancelled Status = C.CHATTTS_CANCELLED
	// ErrInternal is a fault of the library. Its message is worth a report.
	ErrInternal Status = C.CHATTTS_INTERNAL
	// ErrBufferTooSmall is a buffer that does not hold what it is for.
	ErrBufferTooSmall Status = C.CHATTTS_BUFFER_TOO_SMALL
	// ErrInvalidHandle is a [TTS] that is closed, or that [Open] did not make.
	ErrInvalidHandle Status = C.CHATTTS_INVALID_HANDLE
	// ErrPending says that a speech goes on.
	ErrPending Status = C.CHATTTS_PENDING
)

var names = map[Status]string{
	ErrInvalidParameter: "invalid parameter",
	ErrInvalidText:      "invalid text",
	ErrInvalidVoice:     "invalid voice",
	ErrModelNotFound:    "model not found",
	ErrModelInvalid:     "invalid model",
	ErrDownload:         "download failed",
	ErrIO:               "input or output failed",
	ErrDevice:           "device failed",
	ErrEndedAtOnce:      "the model ended before it spoke",
	ErrAudio:            "the sound could not be made",
	ErrBusy:             "busy",
	ErrCancelled:        "cancelled",
	ErrInternal:         "internal error",
	ErrBufferTooSmall:   "the buffer is too small",
	ErrInvalidHandle:    "the engine is closed",
	ErrPending:          "pending",
}

// Error returns the status in words.
func (s Status) Error() string {
	if name, ok := names[s]; ok {
		return "chattts: " + name
	}
	return fmt.Sprintf("chattts: status %d", int(s))
}

// Error is a failure of the library.
type Error struct {
	// Status is its kind.
	Status Status
	// Message says what was wrong.
	Message string
	// Cause is the error of the context that cancelled the work, or nil.
	Cause error
}

// Error returns what was wrong, and the context's error if it was the reason.
func (e *Error) Error() string {
	message := "chattts: " + e.Message
	if e.Message == "" {
		message = e.Status.Error()
	}
	if e.Cause != nil {
		return message + ": " + e.Cause.Error()
	}
	return message
}

// Is tells whether the target is the error's [Status].
func (e *Error) Is(target error) bool {
	status, ok := target.(Status)
	return ok && status == e.Status
}

// Unwrap returns the error of the context that cancelled the work.
func (e *Error) Unwrap() error {
	return e.Cause
}

func parameter(name, reason string) error {
	return &Error{Status: ErrInvalidParameter, Message: name + ": " + reason}
}
