package simulator

import (
	"bytes"
	"image"
	"image/jpeg"
)

// previewSide is how many pixels the longer side of a preview has.
const previewSide = 96

// shrink makes the small version of a picture. What cannot be decoded is its
// own preview: tests may use any bytes for a picture.
func shrink(picture []byte) []byte {
	config, err := jpeg.DecodeConfig(bytes.NewReader(picture))
	if err != nil || config.Width*config.Height > 16<<20 { // a small file may claim to be huge
		return picture
	}
	large, err := jpeg.Decode(bytes.NewReader(picture))
	if err != nil {
		return picture
	}
	from := large.Bounds()
	longer := max(from.Dx(), from.Dy())
	if longer <= previewSide {
		return picture
	}
	small := image.NewRGBA(image.Rect(0, 0, max(1, from.Dx()*previewSide/longer), max(1, from.Dy()*previewSide/longer)))
	for y := range small.Rect.Dy() {
		for x := range small.Rect.Dx() {
			small.Set(x, y, large.At(from.Min.X+x*longer/previewSide, from.Min.Y+y*longer/previewSide))
		}
	}
	var out bytes.Buffer
	if jpeg.Encode(&out, small, nil) != nil {
		return picture
	}
	return out.Bytes()
}
