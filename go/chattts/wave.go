package chattts

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"sync"
)

// leastSpare and leastGrowth are the numbers of samples below which a buffer is grown, and by which at least: a second at the
// model's own rate.
const (
	leastSpare  = 1024
	leastGrowth = 24000
)

var buffers = sync.Pool{New: func() any { return new(WaveBuffer) }}

// WaveBuffer holds a speech's samples and can be used again, so that a program that speaks much allocates little. Its
// memory is Go's, and the library sees it during a call alone. The zero value is an empty one; one goroutine at a time
// may use it.
type WaveBuffer struct {
	samples []float32
}

// GetWaveBuffer returns an empty buffer of the pool.
func GetWaveBuffer() *WaveBuffer {
	return buffers.Get().(*WaveBuffer)
}

// Samples returns what the buffer holds. It is overwritten by the buffer's next use, and must not be used after
// Release.
func (b *WaveBuffer) Samples() []float32 {
	return b.samples
}

// Release gives the buffer back to the pool. It must not be used afterwards.
func (b *WaveBuffer) Release() {
	b.samples = b.samples[:0]
	buffers.Put(b)
}

// spare returns the buffer's memory behind its samples, which is grown if it is little.
func (b *WaveBuffer) spare() []float32 {
	held := len(b.samples)
	if cap(b.samples)-held < leastSpare {
		grown := make([]float32, held, 2*cap(b.samples)+leastGrowth)
		copy(grown, b.samples)
		b.samples = grown
	}
	return b.samples[held:cap(b.samples)]
}

// PCM16 appends samples as whole numbers of 16 bits, lowest byte first. Those beyond -1 and 1 are cut off.
func PCM16(to []byte, samples []float32) []byte {
	for _, sample := range samples {
		whole := math.Round(math.Max(-1, math.Min(1, float64(sample))) * math.MaxInt16)
		to = append(to, byte(int16(whole)), byte(int16(whole)>>8))
	}
	return to
}

// WriteWAV writes samples as a WAV file of 16 bits and one channel.
func WriteWAV(to io.Writer, samples []float32, rate int) error {
	if err := WriteWAVHeader(to, len(samples), rate); err != nil {
		return err
	}
	_, err := to.Write(PCM16(make([]byte, 0, 2*len(samples)), samples))
	return err
}

// WriteWAVHeader writes the beginning of a WAV file as [WriteWAV] makes it. Less than 0 samples stand for a number that
// is not known, as of a stream, which players take to its end.
func WriteWAVHeader(to io.Writer, samples, rate int) error {
	bytes := uint32(math.MaxUint32 - 36)
	if samples >= 0 {
		if uint64(samples) > (math.MaxUint32-36)/2 {
			return fmt.Errorf("chattts: %d samples are too many for a WAV file", samples)
		}
		bytes = 2 * uint32(samples)
	}
	header := bufio.NewWriterSize(to, 64)
	for _, field := range []any{
		[]byte("RIFF"), 36 + bytes, []byte("WAVEfmt "), uint32(16), uint16(1), uint16(1),
		uint32(rate), 2 * uint32(rate), uint16(2), uint16(16), []byte("data"), bytes,
	} {
		if err := binary.Write(header, binary.LittleEndian, field); err != nil {
			return err
		}
	}
	return header.Flush()
}
