// Package conversion makes of the files that programs send what phones show: Ogg
// with Opus of voice notes, WebP of stickers, JPEG with a small preview of
// pictures. Audio and video take ffmpeg, when the machine has it; all else is
// done here. What phones show already stays as it is, byte by byte.
//
// A file comes from a stranger. Pictures are bounded by their pixels, ffmpeg by
// time, by what it may read (the one file, in formats that name no others) and
// by what it may write; few conversions run at once.
package conversion

import (
	"context"
	"os/exec"

	"roost/shared/command"
	"roost/shared/fault"
	"roost/shared/picture"
)

// File is a file as it goes out, and what is known of it; zero for unknown.
type File struct {
	Data     []byte
	Mimetype string

	Seconds       uint32
	Width, Height uint32 // pixels
	Waveform      []byte // 64 levels of 0 to 100
	Thumbnail     []byte // JPEG
	Animated      bool
}

const (
	// atOnce bounds how many files are converted at the same time, and by that
	// the memory it takes.
	atOnce = 2
	// pictureQuality is that of a JPEG made of another picture.
	pictureQuality = 90
)

// Converter converts files. It is safe for concurrent use.
type Converter struct {
	ffmpeg string // path, "" for none
	slots  chan struct{}
}

// New makes a converter with the ffmpeg of that path, "" for what PATH has.
func New(ffmpeg string) *Converter {
	if ffmpeg == "" {
		ffmpeg, _ = exec.LookPath("ffmpeg")
	}
	return &Converter{ffmpeg: ffmpeg, slots: make(chan struct{}, atOnce)}
}

// Prepare makes a file ready to be sent. Errors: Invalid for a file that is not
// what it should be, or that takes ffmpeg where there is none (code
// converter_missing); Unavailable when ctx ends before.
func (c *Converter) Prepare(ctx context.Context, m command.MediaArgs, data []byte) (*File, error) {
	file := &File{Data: data, Mimetype: m.Mimetype}
	if m.Verbatim || m.Kind == "document" {
		return file, nil
	}
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, fault.Wrap(fault.Unavailable, ctx.Err(), "the file could not be converted in time")
	}
	var err error
	switch m.Kind {
	case "voice":
		file, err = c.voice(ctx, data)
	case "sticker":
		file, err = c.sticker(ctx, data)
	case "image":
		file, err = photo(file)
	case "audio", "video", "ptv":
		c.measure(ctx, file, m.Kind != "audio")
	}
	return file, err
}

// photo makes a JPEG of a picture, and its preview. What cannot be read as a
// picture goes out as it is: phones know more formats than we do.
func photo(file *File) (*File, error) {
	img, format, err := picture.Decode(file.Data)
	if fault.KindOf(err) == fault.TooLarge {
		return nil, err
	}
	if err != nil {
		return file, nil //nolint:nilerr // not ours to judge
	}
	size := img.Bounds().Size()
	file.Width, file.Height = uint32(size.X), uint32(size.Y)
	if file.Mimetype = "image/jpeg"; format != "jpeg" {
		if file.Data, err = picture.JPEG(img, pictureQuality); err != nil {
			return nil, err
		}
	}
	file.Thumbnail, err = picture.Thumbnail(img)
	return file, err
}

// show takes size and preview from a picture of the file.
func (f *File) show(frame []byte) {
	img, _, err := picture.Decode(frame)
	if err != nil {
		return
	}
	size := img.Bounds().Size()
	f.Width, f.Height = uint32(size.X), uint32(size.Y)
	if small, err := picture.Thumbnail(img); err == nil {
		f.Thumbnail = small
	}
}
