package conversion

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"math"
	"os"
	"path/filepath"

	"roost/shared/fault"
)

const (
	// voiceType is what phones send, and the only one they all play.
	voiceType = "audio/ogg; codecs=opus"
	// opusRate is Opus' clock, in samples a second, whatever was recorded (RFC
	// 7845, 4).
	opusRate = 48_000
	// pcmRate is enough to see how loud a voice is.
	pcmRate = 8_000
	// levels is how many bars phones draw of a voice note.
	levels = 64
)

// voice makes Ogg with Opus of audio in any format, and draws its waveform.
func (c *Converter) voice(ctx context.Context, data []byte) (*File, error) {
	seconds, ready := oggOpus(data)
	if ready && c.ffmpeg == "" {
		return &File{Data: data, Mimetype: voiceType, Seconds: seconds}, nil
	}
	dir, err := c.spread(data)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	var loud meter
	args := []string{"-vn", "-ac", "1", "-ar", "8000", "-f", "s16le", "pipe:1"}
	if !ready {
		args = append(args, "-vn", "-map_metadata", "-1", "-ac", "1", "-ar", "48000", "-c:a", "libopus", "-b:a", "64k", "-application", "voip",
			"-f", "ogg", filepath.Join(dir, "out"))
	}
	if err := c.run(ctx, dir, &loud, args...); err != nil {
		if ready {
			return &File{Data: data, Mimetype: voiceType, Seconds: seconds}, nil
		}
		return nil, err
	}
	if !ready {
		if data, err = os.ReadFile(filepath.Join(dir, "out")); err != nil {
			return nil, fault.Wrap(fault.Internal, err, "the voice note could not be read back")
		}
	}
	return &File{Data: data, Mimetype: voiceType, Seconds: loud.seconds(), Waveform: loud.waveform()}, nil
}

// oggOpus reports whether a file is Ogg with one Opus stream, and how long it
// plays: the last page says at which sample it ends.
func oggOpus(data []byte) (seconds uint32, is bool) {
	if len(data) < 47 || !bytes.HasPrefix(data, []byte("OggS")) || !bytes.Equal(data[28:36], []byte("OpusHead")) {
		return 0, false
	}
	skip := uint64(binary.LittleEndian.Uint16(data[38:40]))
	last := bytes.LastIndex(data, []byte("OggS"))
	if last+14 > len(data) {
		return 0, true
	}
	end := binary.LittleEndian.Uint64(data[last+6 : last+14])
	if end < skip || end == math.MaxUint64 {
		return 0, true
	}
	return uint32(min((end-skip+opusRate-1)/opusRate, math.MaxUint32)), true
}

// meter listens to 16-bit samples and keeps how loud each tenth of a second is.
type meter struct {
	odd     []byte // the first half of a sample that has been cut
	sum     float64
	count   int
	samples int
	loud    []float64
}

const tenth = pcmRate / 10

var _ io.Writer = (*meter)(nil)

// Write implements [io.Writer].
func (m *meter) Write(p []byte) (int, error) {
	n := len(p)
	if len(m.odd) > 0 && n > 0 {
		p = append(m.odd, p...)
		m.odd = nil
	}
	for ; len(p) >= 2; p = p[2:] {
		m.sum += math.Abs(float64(int16(binary.LittleEndian.Uint16(p))))
		m.samples++
		if m.count++; m.count == tenth {
			m.loud = append(m.loud, m.sum/tenth)
			m.sum, m.count = 0, 0
		}
	}
	if len(p) == 1 {
		m.odd = []byte{p[0]}
	}
	return n, nil
}

func (m *meter) seconds() uint32 { return uint32((m.samples + pcmRate - 1) / pcmRate) }

// waveform is the loudness over time in bars, the loudest of them 100.
func (m *meter) waveform() []byte {
	all := m.loud
	if m.count > 0 {
		all = append(all, m.sum/float64(m.count))
	}
	if len(all) == 0 {
		return nil
	}
	bars, loudest := make([]float64, levels), 0.0
	for n := range bars {
		from := n * len(all) / levels
		to := max((n+1)*len(all)/levels, from+1)
		for _, x := range all[from:to] {
			bars[n] += x / float64(to-from)
		}
		loudest = max(loudest, bars[n])
	}
	out := make([]byte, levels)
	if loudest == 0 {
		return out
	}
	for n, x := range bars {
		out[n] = byte(math.Round(x / loudest * 100))
	}
	return out
}
