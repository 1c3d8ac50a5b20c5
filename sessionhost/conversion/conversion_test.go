package conversion

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"math"
	"math/rand/v2"
	"os/exec"
	"testing"

	reader "golang.org/x/image/webp"

	"roost/shared/command"
	"roost/shared/fault"
)

func code(err error) string {
	e, _ := errors.AsType[*fault.Error](err)
	if e == nil {
		return ""
	}
	return e.Code
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// noise is a picture that does not compress, as photographs do not.
func noise(tb testing.TB, width, height int) []byte {
	tb.Helper()
	img, random := image.NewNRGBA(image.Rect(0, 0, width, height)), rand.New(rand.NewPCG(1, 2))
	for n := range img.Pix {
		img.Pix[n] = byte(random.Uint32())
		if n%4 == 3 {
			img.Pix[n] = 0xff
		}
	}
	var out bytes.Buffer
	must(tb, png.Encode(&out, img))
	return out.Bytes()
}

// TestSticker: what is made is read by another's decoder, square, and
// transparent where the picture was not.
func TestSticker(t *testing.T) {
	t.Parallel()
	c := &Converter{slots: make(chan struct{}, 1)} // without ffmpeg
	img := image.NewNRGBA(image.Rect(0, 0, 300, 100))
	for n := range img.Pix {
		img.Pix[n] = 0xff
	}
	img.Set(150, 50, color.NRGBA{0xff, 0, 0, 0xff})
	var in bytes.Buffer
	must(t, png.Encode(&in, img))
	made, err := c.Prepare(t.Context(), command.MediaArgs{Kind: "sticker", Mimetype: "image/png"}, in.Bytes())
	must(t, err)
	got, err := reader.Decode(bytes.NewReader(made.Data))
	must(t, err)
	if got.Bounds().Dx() != 512 || got.Bounds().Dy() != 512 || made.Width != 512 || made.Mimetype != "image/webp" || made.Animated {
		t.Errorf("a sticker of %v: %+v", got.Bounds(), made)
	}
	if _, _, _, alpha := got.At(256, 2).RGBA(); alpha != 0 {
		t.Error("the margin is not transparent")
	}
	if r, _, _, alpha := got.At(10, 256).RGBA(); alpha != 0xffff || r != 0xffff {
		t.Error("the picture is not where it should be")
	}

	again, err := c.Prepare(t.Context(), command.MediaArgs{Kind: "sticker"}, made.Data)
	must(t, err)
	if !bytes.Equal(again.Data, made.Data) || again.Width != 512 || again.Height != 512 {
		t.Errorf("WebP does not stay as it is: %d bytes, %dx%d", len(again.Data), again.Width, again.Height)
	}
	if size := binary.LittleEndian.Uint32(made.Data[4:]); int(size) != len(made.Data)-8 {
		t.Errorf("the header says %d bytes of %d", size, len(made.Data))
	}
	if _, err := c.Prepare(t.Context(), command.MediaArgs{Kind: "sticker"}, []byte("no picture")); fault.KindOf(err) != fault.Invalid {
		t.Errorf("no picture: %v", err)
	}
	as, err := c.Prepare(t.Context(), command.MediaArgs{Kind: "sticker", Verbatim: true, Mimetype: "image/webp"}, []byte("as it is"))
	must(t, err)
	if string(as.Data) != "as it is" {
		t.Errorf("a file that should stay became %q", as.Data)
	}
}

func TestPhotographBecomesASmallSticker(t *testing.T) {
	t.Parallel()
	c := &Converter{slots: make(chan struct{}, 1)}
	plain, err := c.Prepare(t.Context(), command.MediaArgs{Kind: "sticker"}, noise(t, 64, 64))
	must(t, err)
	if _, err := reader.Decode(bytes.NewReader(plain.Data)); err != nil {
		t.Error(err)
	}
	if len(plain.Data) > maxSticker {
		t.Errorf("%d bytes", len(plain.Data))
	}
}

func TestAnimatedSticker(t *testing.T) {
	t.Parallel()
	var in bytes.Buffer
	frame := func(c color.Color) *image.Paletted {
		f := image.NewPaletted(image.Rect(0, 0, 40, 20), color.Palette{color.Transparent, c})
		for n := range f.Pix {
			f.Pix[n] = 1
		}
		return f
	}
	must(t, gif.EncodeAll(&in, &gif.GIF{Image: []*image.Paletted{frame(color.White), frame(color.Black)}, Delay: []int{20, 20}}))
	none := &Converter{slots: make(chan struct{}, 1)}
	if _, err := none.Prepare(t.Context(), command.MediaArgs{Kind: "sticker"}, in.Bytes()); code(err) != "converter_missing" {
		t.Errorf("without ffmpeg: %v", err)
	}
	c := withFFmpeg(t)
	made, err := c.Prepare(t.Context(), command.MediaArgs{Kind: "sticker"}, in.Bytes())
	must(t, err)
	if !made.Animated || made.Width != 512 || made.Height != 512 {
		t.Errorf("%d bytes: %v, %dx%d", len(made.Data), made.Animated, made.Width, made.Height)
	}
}

// withFFmpeg leaves a test out where there is no ffmpeg.
func withFFmpeg(t *testing.T) *Converter {
	t.Helper()
	c := New("")
	if c.ffmpeg == "" {
		t.Skip("ffmpeg is missing")
	}
	return c
}

// tone is a sine that grows louder, WAV.
func tone(tb testing.TB, seconds int) []byte {
	tb.Helper()
	const rate = 8000
	out := bytes.NewBufferString("RIFF\x00\x00\x00\x00WAVEfmt ")
	write := func(value any) { must(tb, binary.Write(out, binary.LittleEndian, value)) }
	write([]uint32{16, 1 | 1<<16, rate, rate * 2, 2 | 16<<16})
	out.WriteString("data")
	write(uint32(seconds * rate * 2))
	for n := range seconds * rate {
		write(int16(20000 * math.Sin(float64(n)/3) * float64(n) / float64(seconds*rate)))
	}
	return out.Bytes()
}

func TestVoice(t *testing.T) {
	t.Parallel()
	c := withFFmpeg(t)
	made, err := c.Prepare(t.Context(), command.MediaArgs{Kind: "voice"}, tone(t, 3))
	must(t, err)
	if seconds, is := oggOpus(made.Data); !is || seconds != 3 || made.Seconds != 3 || made.Mimetype != "audio/ogg; codecs=opus" {
		t.Errorf("%d bytes of Ogg: %v, %d s, %+v", len(made.Data), is, seconds, made)
	}
	if w := made.Waveform; len(w) != 64 || w[0] > 10 || w[32] < 40 || w[32] > 60 || w[63] < 95 {
		t.Errorf("the waveform of a sound that grows is %v", w)
	}
	again, err := c.Prepare(t.Context(), command.MediaArgs{Kind: "voice"}, made.Data)
	must(t, err)
	if !bytes.Equal(again.Data, made.Data) || again.Seconds != 3 || len(again.Waveform) != 64 {
		t.Errorf("Ogg with Opus does not stay as it is: %d s, %d bars", again.Seconds, len(again.Waveform))
	}

	none := &Converter{slots: make(chan struct{}, 1)}
	ready, err := none.Prepare(t.Context(), command.MediaArgs{Kind: "voice"}, made.Data)
	must(t, err)
	if !bytes.Equal(ready.Data, made.Data) || ready.Seconds != 3 {
		t.Errorf("without ffmpeg Ogg with Opus is %d s", ready.Seconds)
	}
	if _, err := none.Prepare(t.Context(), command.MediaArgs{Kind: "voice"}, tone(t, 1)); code(err) != "converter_missing" || fault.KindOf(err) != fault.Invalid {
		t.Errorf("without ffmpeg: %v", err)
	}
	if _, err := c.Prepare(t.Context(), command.MediaArgs{Kind: "voice"}, []byte("no sound")); fault.KindOf(err) != fault.Invalid || code(err) != "" {
		t.Errorf("no sound: %v", err)
	}
}

// TestPlaylistsAreNoAudio: a file that names others would be read with them.
func TestPlaylistsAreNoAudio(t *testing.T) {
	t.Parallel()
	c := withFFmpeg(t)
	for name, file := range map[string]string{
		"HLS":    "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
		"concat": "ffconcat version 1.0\nfile '/etc/passwd'\n",
	} {
		if _, err := c.Prepare(t.Context(), command.MediaArgs{Kind: "voice"}, []byte(file)); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPhoto(t *testing.T) {
	t.Parallel()
	c := New("")
	made, err := c.Prepare(t.Context(), command.MediaArgs{Kind: "image", Mimetype: "image/png"}, noise(t, 400, 200))
	must(t, err)
	if made.Mimetype != "image/jpeg" || made.Width != 400 || made.Height != 200 || !bytes.HasPrefix(made.Data, []byte{0xff, 0xd8}) {
		t.Errorf("%s of %dx%d", made.Mimetype, made.Width, made.Height)
	}
	small, _, err := image.DecodeConfig(bytes.NewReader(made.Thumbnail))
	if err != nil || small.Width != 100 || small.Height != 50 {
		t.Errorf("a preview of %+v, %v", small, err)
	}
	again, err := c.Prepare(t.Context(), command.MediaArgs{Kind: "image", Mimetype: "image/jpeg"}, made.Data)
	must(t, err)
	if !bytes.Equal(again.Data, made.Data) {
		t.Error("JPEG does not stay as it is")
	}
	other, err := c.Prepare(t.Context(), command.MediaArgs{Kind: "image", Mimetype: "image/heic"}, []byte("another format"))
	must(t, err)
	if string(other.Data) != "another format" || other.Mimetype != "image/heic" {
		t.Errorf("what is not known became %+v", other)
	}
}

func TestVideo(t *testing.T) {
	t.Parallel()
	c := withFFmpeg(t)
	film, err := exec.Command(c.ffmpeg, "-v", "error", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=5:duration=2", "-f", "lavfi", "-i", "sine=duration=2",
		"-f", "matroska", "pipe:1").Output()
	must(t, err)
	made, err := c.Prepare(t.Context(), command.MediaArgs{Kind: "video", Mimetype: "video/x-matroska"}, film)
	must(t, err)
	if !bytes.Equal(made.Data, film) || made.Width != 64 || made.Height != 48 || made.Seconds < 2 || made.Seconds > 3 || len(made.Thumbnail) == 0 {
		t.Errorf("%dx%d, %d s, a preview of %d bytes", made.Width, made.Height, made.Seconds, len(made.Thumbnail))
	}
}

// FuzzPrepare: whatever a file holds, it is made something of or refused.
func FuzzPrepare(f *testing.F) {
	kinds := []string{"voice", "sticker", "image"}
	f.Add(uint8(0), []byte("OggS"))
	f.Add(uint8(1), []byte("RIFF\x00\x00\x00\x00WEBPVP8X"))
	f.Add(uint8(1), []byte("GIF89a"))
	f.Add(uint8(2), noise(f, 3, 3))
	c := &Converter{slots: make(chan struct{}, 1)}
	f.Fuzz(func(t *testing.T, kind uint8, file []byte) {
		made, err := c.Prepare(t.Context(), command.MediaArgs{Kind: kinds[int(kind)%len(kinds)]}, file)
		switch k := fault.KindOf(err); {
		case err == nil && made == nil:
			t.Error("neither file nor error")
		case err != nil && k != fault.Invalid && k != fault.TooLarge:
			t.Errorf("%v", err)
		}
	})
}
