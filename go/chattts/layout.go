package chattts

// #include <chattts.h>
import "C"

import "unsafe"

// The layouts are frozen: a program whose compiler lays them out otherwise is not compiled, because one of the two
// differences is below zero. A pointer's width is counted, so that it holds on 32 bits as well.
const (
	pointer = unsafe.Sizeof(uintptr(0))

	_ = unsafe.Sizeof(C.ChatttsVoiceParams{}) - (8 + 2*pointer)
	_ = (8 + 2*pointer) - unsafe.Sizeof(C.ChatttsVoiceParams{})
	_ = C.sizeof_ChatttsVoiceParams - unsafe.Sizeof(C.ChatttsVoiceParams{})
	_ = unsafe.Sizeof(C.ChatttsVoiceParams{}) - C.sizeof_ChatttsVoiceParams
	_ = -unsafe.Offsetof(C.ChatttsVoiceParams{}.sample_rate)
	_ = unsafe.Offsetof(C.ChatttsVoiceParams{}.role_id) - 4
	_ = 4 - unsafe.Offsetof(C.ChatttsVoiceParams{}.role_id)
	_ = unsafe.Offsetof(C.ChatttsVoiceParams{}.prompt_len) - 8
	_ = 8 - unsafe.Offsetof(C.ChatttsVoiceParams{}.prompt_len)
	_ = unsafe.Offsetof(C.ChatttsVoiceParams{}.prompt) - (8 + pointer)
	_ = (8 + pointer) - unsafe.Offsetof(C.ChatttsVoiceParams{}.prompt)

	_ = unsafe.Sizeof(C.ChatttsRequest{}) - C.sizeof_ChatttsRequest
	_ = C.sizeof_ChatttsRequest - unsafe.Sizeof(C.ChatttsRequest{})
	_ = -unsafe.Offsetof(C.ChatttsRequest{}.size)
	_ = unsafe.Offsetof(C.ChatttsRequest{}.text) - pointer
	_ = pointer - unsafe.Offsetof(C.ChatttsRequest{}.text)
	_ = unsafe.Offsetof(C.ChatttsRequest{}.voice) - 3*pointer
	_ = 3*pointer - unsafe.Offsetof(C.ChatttsRequest{}.voice)
	_ = unsafe.Offsetof(C.ChatttsRequest{}.flags) - (unsafe.Offsetof(C.ChatttsRequest{}.seed) + 52)
	_ = (unsafe.Offsetof(C.ChatttsRequest{}.seed) + 52) - unsafe.Offsetof(C.ChatttsRequest{}.flags)

	_ = unsafe.Sizeof(C.ChatttsOptions{}) - C.sizeof_ChatttsOptions
	_ = C.sizeof_ChatttsOptions - unsafe.Sizeof(C.ChatttsOptions{})
	_ = unsafe.Sizeof(C.ChatttsSummary{}) - C.sizeof_ChatttsSummary
	_ = C.sizeof_ChatttsSummary - unsafe.Sizeof(C.ChatttsSummary{})
	_ = unsafe.Sizeof(C.ChatttsStats{}) - C.sizeof_ChatttsStats
	_ = C.sizeof_ChatttsStats - unsafe.Sizeof(C.ChatttsStats{})
	// Samples go into Go's memory as they are.
	_ = unsafe.Sizeof(float32(0)) - C.sizeof_float
	_ = C.sizeof_float - unsafe.Sizeof(float32(0))
)
