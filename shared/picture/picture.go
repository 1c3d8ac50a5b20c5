// Package picture reads and shrinks pictures of strangers: JPEG, PNG, GIF and
// WebP, within bounds of size, so that a small file cannot claim to be a huge
// picture.
package picture

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	_ "image/gif" // formats that Decode knows
	"image/jpeg"
	_ "image/png" // as above
	"math"

	xdraw "golang.org/x/image/draw"
	_ "golang.org/x/image/webp" // as above

	"roost/shared/fault"
)

// maxPixels bounds a picture: 4 bytes each while it is worked on.
const maxPixels = 32 << 20

// Decode reads a picture and says its format: jpeg, png, gif (its first frame)
// or webp. Errors: Invalid for what is no picture, TooLarge.
func Decode(file []byte) (image.Image, string, error) {
	config, _, err := image.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return nil, "", fault.Wrap(fault.Invalid, err, "the picture is no JPEG, PNG, GIF or WebP")
	}
	if config.Width < 1 || config.Height < 1 {
		return nil, "", fault.New(fault.Invalid, "the picture is empty")
	}
	if config.Width > maxPixels/config.Height {
		return nil, "", fault.New(fault.TooLarge, "the picture has more than %d million pixels", maxPixels>>20)
	}
	img, format, err := image.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, "", fault.Wrap(fault.Invalid, err, "the picture is damaged")
	}
	return img, format, nil
}

// Within is img, shrunk to at most side pixels in both directions; a smaller
// one stays as it is.
func Within(img image.Image, side int) image.Image {
	size := img.Bounds().Size()
	if size.X <= side && size.Y <= side {
		return img
	}
	scale := float64(side) / float64(max(size.X, size.Y))
	width, height := max(1, int(math.Round(float64(size.X)*scale))), max(1, int(math.Round(float64(size.Y)*scale)))
	out := image.NewNRGBA(image.Rect(0, 0, width, height))
	xdraw.ApproxBiLinear.Scale(out, out.Bounds(), img, img.Bounds(), xdraw.Src, nil)
	return out
}

// Square is img on a transparent square of that side, as large as fits.
func Square(img image.Image, side int) *image.NRGBA {
	size := img.Bounds().Size()
	scale := float64(side) / float64(max(size.X, size.Y))
	width, height := max(1, int(math.Round(float64(size.X)*scale))), max(1, int(math.Round(float64(size.Y)*scale)))
	x, y := (side-width)/2, (side-height)/2
	out := image.NewNRGBA(image.Rect(0, 0, side, side))
	xdraw.CatmullRom.Scale(out, image.Rect(x, y, x+width, y+height), img, img.Bounds(), xdraw.Src, nil)
	return out
}

// Middle is the middle of img as a square of at most side pixels.
func Middle(img image.Image, side int) image.Image {
	bounds := img.Bounds()
	short := min(bounds.Dx(), bounds.Dy())
	corner := bounds.Min.Add(image.Pt((bounds.Dx()-short)/2, (bounds.Dy()-short)/2))
	out := image.NewNRGBA(image.Rect(0, 0, min(short, side), min(short, side)))
	xdraw.CatmullRom.Scale(out, out.Bounds(), img, image.Rectangle{Min: corner, Max: corner.Add(image.Pt(short, short))}, xdraw.Src, nil)
	return out
}

// JPEG encodes a picture, on white where it is transparent. quality is 1 to 100.
func JPEG(img image.Image, quality int) ([]byte, error) {
	if opaque, known := img.(interface{ Opaque() bool }); !known || !opaque.Opaque() {
		flat := image.NewRGBA(img.Bounds())
		draw.Draw(flat, flat.Rect, image.NewUniform(color.White), image.Point{}, draw.Src)
		draw.Draw(flat, flat.Rect, img, img.Bounds().Min, draw.Over)
		img = flat
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: quality}); err != nil {
		return nil, fmt.Errorf("encode a picture: %w", err)
	}
	return out.Bytes(), nil
}

const (
	thumbnailSide    = 100
	thumbnailQuality = 60
)

// Thumbnail is what a message carries of a picture: a small JPEG.
func Thumbnail(img image.Image) ([]byte, error) {
	return JPEG(Within(img, thumbnailSide), thumbnailQuality)
}
