package evolution

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"

	"github.com/boombuler/barcode/qr"
)

const (
	qrScale  = 4 // pixels a module
	qrMargin = 4 // modules of quiet zone (ISO/IEC 18004, 9.1)
)

// dataURI draws a QR code as a PNG in a data URI. One with less redundancy is
// smaller, and screens do not get scratched.
func dataURI(text string) (string, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return "", fmt.Errorf("encode: %w", err)
	}
	modules := code.Bounds().Dx()
	size := (modules + 2*qrMargin) * qrScale
	picture := image.NewPaletted(image.Rect(0, 0, size, size), color.Palette{color.White, color.Black})
	for y := range size {
		for x := range size {
			mx, my := x/qrScale-qrMargin, y/qrScale-qrMargin
			if mx < 0 || my < 0 || mx >= modules || my >= modules {
				continue
			}
			if grey, _, _, _ := code.At(mx, my).RGBA(); grey == 0 {
				picture.SetColorIndex(x, y, 1)
			}
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, picture); err != nil {
		return "", fmt.Errorf("write PNG: %w", err)
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(out.Bytes()), nil
}
