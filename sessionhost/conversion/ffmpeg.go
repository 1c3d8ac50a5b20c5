package conversion

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"roost/shared/fault"
)

const (
	// runLimit bounds one run: a request waits for it.
	runLimit = 15 * time.Second
	// maxOutput bounds what ffmpeg writes, in bytes.
	maxOutput = "67108864"
)

// formats are what ffmpeg reads: none of them names further files, as playlists
// do.
const formats = "aac,ac3,aiff,amr,amrnb,amrwb,asf,avi,caf,flac,flv,gif,h264,matroska,webm,mov,mp4,m4a,3gp,mp3,mpeg,mpegts,ogg,wav,webp_pipe"

// spread puts a file into a folder of its own, as "in": formats are told apart by
// looking around in it, which a pipe does not allow.
func (c *Converter) spread(data []byte) (dir string, err error) {
	if c.ffmpeg == "" {
		return "", fault.Coded(fault.Invalid, "converter_missing",
			"this server has no ffmpeg to convert the file with: send Ogg with Opus for a voice note, WebP for an animated sticker, or the file unconverted")
	}
	if dir, err = os.MkdirTemp("", "roost-conversion-"); err != nil {
		return "", fmt.Errorf("make a folder to convert in: %w", err)
	}
	if err = os.WriteFile(filepath.Join(dir, "in"), data, 0o600); err != nil {
		_ = os.RemoveAll(dir)
		return "", fmt.Errorf("lay out the file to convert: %w", err)
	}
	return dir, nil
}

// run makes ffmpeg read the file in dir. out gets what it writes to pipe:1.
func (c *Converter) run(ctx context.Context, dir string, out io.Writer, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	all := append([]string{
		"-nostdin", "-hide_banner", "-v", "error", "-threads", "1", "-protocol_whitelist", "file,pipe", "-format_whitelist", formats,
		"-i", "file:" + filepath.Join(dir, "in"), "-fs", maxOutput,
	}, args...)
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, c.ffmpeg, all...) //nolint:gosec // the operator's ffmpeg, and arguments of ours
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = out, &tail{b: &said}, time.Second
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "AV_LOG_FORCE_NOCOLOR=1"}
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fault.Wrap(fault.Invalid, err, "the file takes too long to convert")
	case errors.As(err, &exit):
		return fault.Wrap(fault.Invalid, fmt.Errorf("%w: %s", err, strings.TrimSpace(said.String())), "the file cannot be converted: it is damaged, or of a format that is not known")
	default:
		return fmt.Errorf("run ffmpeg: %w", err)
	}
}

// tail keeps the beginning of what ffmpeg complains about.
type tail struct{ b *bytes.Buffer }

// Write implements [io.Writer].
func (t *tail) Write(p []byte) (int, error) {
	if room := 2000 - t.b.Len(); room > 0 {
		t.b.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// measure finds out what phones show of audio or video before it is played: how
// long it is, and a first picture. Without ffmpeg that stays unknown.
func (c *Converter) measure(ctx context.Context, file *File, moving bool) {
	if c.ffmpeg == "" {
		return
	}
	dir, err := c.spread(file.Data)
	if err != nil {
		return
	}
	defer os.RemoveAll(dir)
	var loud meter
	if c.run(ctx, dir, &loud, "-map", "0:a:0", "-vn", "-ac", "1", "-ar", "8000", "-f", "s16le", "pipe:1") == nil {
		file.Seconds = loud.seconds()
	}
	if !moving {
		return
	}
	var frame bytes.Buffer
	if c.run(ctx, dir, &frame, "-map", "0:v:0", "-frames:v", "1", "-c:v", "mjpeg", "-f", "image2pipe", "pipe:1") == nil {
		file.show(frame.Bytes())
	}
}
