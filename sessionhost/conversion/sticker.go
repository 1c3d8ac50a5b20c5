package conversion

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/gif"
	"os"

	"github.com/HugoSmits86/nativewebp"

	"roost/shared/fault"
	"roost/shared/picture"
)

const (
	stickerType = "image/webp"
	// stickerSide is the side of a sticker in pixels.
	stickerSide = 512
	// maxSticker is from which size on, in bytes, colours are made coarser.
	maxSticker = 300 << 10
)

// sticker makes WebP of a picture: 512 pixels square, transparent where it is
// not. WebP stays as it is.
func (c *Converter) sticker(ctx context.Context, data []byte) (*File, error) {
	if width, height, animated, is := webp(data); is {
		return &File{Data: data, Mimetype: stickerType, Width: width, Height: height, Animated: animated}, nil
	}
	if bytes.HasPrefix(data, []byte("GIF8")) && moves(data) {
		return c.animated(ctx, data)
	}
	img, _, err := picture.Decode(data)
	if err != nil {
		return nil, err
	}
	encoded, err := still(picture.Square(img, stickerSide))
	if err != nil {
		return nil, err
	}
	return &File{Data: encoded, Mimetype: stickerType, Width: stickerSide, Height: stickerSide}, nil
}

// still encodes without loss, but for colours that have to be coarser to keep a
// photograph small.
func still(img *image.NRGBA) ([]byte, error) {
	var out bytes.Buffer
	for bits := 0; ; bits++ {
		mask := byte(0xff) << bits
		for n := range img.Pix {
			if n%4 != 3 {
				img.Pix[n] &= mask
			}
		}
		out.Reset()
		if err := nativewebp.Encode(&out, img, nil); err != nil {
			return nil, fmt.Errorf("encode a sticker: %w", err)
		}
		if out.Len() <= maxSticker || bits == 3 {
			return fixRIFF(out.Bytes()), nil
		}
	}
}

// animated makes a moving sticker, which takes ffmpeg.
func (c *Converter) animated(ctx context.Context, data []byte) (*File, error) {
	dir, err := c.spread(data)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	var out bytes.Buffer
	err = c.run(ctx, dir, &out, "-t", "10", "-an",
		"-vf", "fps=15,scale=512:512:force_original_aspect_ratio=decrease,format=rgba,pad=512:512:(ow-iw)/2:(oh-ih)/2:color=0x00000000",
		"-c:v", "libwebp_anim", "-quality", "60", "-loop", "0", "-f", "webp", "pipe:1")
	if err != nil {
		return nil, err
	}
	encoded := fixRIFF(out.Bytes())
	width, height, animated, is := webp(encoded)
	if !is {
		return nil, fault.New(fault.Internal, "the sticker could not be made")
	}
	return &File{Data: encoded, Mimetype: stickerType, Width: width, Height: height, Animated: animated}, nil
}

// fixRIFF writes the length that RIFF's header wants: that of all that follows
// it.
func fixRIFF(file []byte) []byte {
	if len(file) >= 12 {
		binary.LittleEndian.PutUint32(file[4:8], uint32(len(file)-8))
	}
	return file
}

// moves reports whether a GIF has more than one frame.
func moves(data []byte) bool {
	config, err := gif.DecodeConfig(bytes.NewReader(data))
	if err != nil || config.Width > stickerSide*4 || config.Height > stickerSide*4 {
		return false
	}
	return bytes.Count(data, []byte{0x21, 0xf9, 0x04}) > 1 // graphic control extensions, one a frame
}

// webp reads what a WebP file says of itself (RFC 9649, 2.5 to 2.7).
func webp(data []byte) (width, height uint32, animated, is bool) {
	if len(data) < 30 || string(data[:4]) != "RIFF" || string(data[8:12]) != "WEBP" {
		return 0, 0, false, false
	}
	body := data[20:]
	switch string(data[12:16]) {
	case "VP8X":
		u24 := func(b []byte) uint32 { return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 }
		return u24(body[4:]) + 1, u24(body[7:]) + 1, body[0]&0x02 != 0, true
	case "VP8L":
		bits := binary.LittleEndian.Uint32(body[1:])
		return bits&0x3fff + 1, bits>>14&0x3fff + 1, false, body[0] == 0x2f
	case "VP8 ":
		return uint32(binary.LittleEndian.Uint16(body[6:]) & 0x3fff), uint32(binary.LittleEndian.Uint16(body[8:]) & 0x3fff), false, true
	default:
		return 0, 0, false, false
	}
}
