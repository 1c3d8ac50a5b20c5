package core

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	_ "image/gif" // what users send
	"image/jpeg"
	_ "image/png" // likewise

	xdraw "golang.org/x/image/draw"
	_ "golang.org/x/image/webp" // likewise

	"roost/shared/fault"
)

const (
	// portraitSide is what WhatsApp's own clients upload, in pixels.
	portraitSide = 640
	// maxPixels bounds what is unpacked: 50 million pixels are 200 MB.
	maxPixels       = 50_000_000
	portraitQuality = 80
)

// portrait makes a profile picture of a JPEG, PNG, GIF or WebP: its middle, as a
// square JPEG of 640 pixels at most. WhatsApp takes nothing else. Errors: Invalid.
func portrait(file []byte) ([]byte, error) {
	about, _, err := image.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the picture is no JPEG, PNG, GIF or WebP")
	}
	if about.Width <= 0 || about.Height <= 0 || int64(about.Width)*int64(about.Height) > maxPixels {
		return nil, fault.New(fault.Invalid, "the picture has more than %d million pixels", maxPixels/1_000_000)
	}
	full, _, err := image.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the picture is damaged")
	}
	bounds := full.Bounds()
	side := min(bounds.Dx(), bounds.Dy())
	corner := bounds.Min.Add(image.Pt((bounds.Dx()-side)/2, (bounds.Dy()-side)/2))
	out := image.NewRGBA(image.Rect(0, 0, min(side, portraitSide), min(side, portraitSide)))
	draw.Draw(out, out.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src) // JPEG has no transparency
	xdraw.CatmullRom.Scale(out, out.Bounds(), full, image.Rectangle{Min: corner, Max: corner.Add(image.Pt(side, side))}, draw.Over, nil)
	var packed bytes.Buffer
	if err := jpeg.Encode(&packed, out, &jpeg.Options{Quality: portraitQuality}); err != nil {
		return nil, fault.Wrap(fault.Internal, err, "the picture cannot be packed")
	}
	return packed.Bytes(), nil
}
