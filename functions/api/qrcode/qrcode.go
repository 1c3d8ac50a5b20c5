// Package qrcode draws QR codes as PNG, SVG and terminal text.
//
// The code itself comes from github.com/boombuler/barcode: of the encoders in
// pure Go it is the one that is tagged and kept (1.1.0, 2025), needs no image
// libraries, and gives the bare modules, so that drawing stays ours.
package qrcode

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strconv"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// quiet is the white margin in modules (ISO/IEC 18004, 6.3.8: four).
const quiet = 4

// pngScale is the size of a module in pixels. A pairing code has 61 or so of
// them a side, which makes a picture of about 550 pixels.
const pngScale = 8

// Code is a QR code as its modules.
type Code struct {
	size int
	dark []bool // row by row, without margin
}

// Encode makes the code of a text, with error correction M, or fails when it is
// too long (2331 bytes).
func Encode(text string) (Code, error) {
	encoded, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return Code{}, fmt.Errorf("encode qr code: %w", err)
	}
	bounds := encoded.Bounds()
	c := Code{size: bounds.Dx(), dark: make([]bool, 0, bounds.Dx()*bounds.Dy())}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			r, _, _, _ := encoded.At(x, y).RGBA()
			c.dark = append(c.dark, r == 0)
		}
	}
	return c, nil
}

// at reports whether a module is dark; the margin begins at 0.
func (c Code) at(x, y int) bool {
	x, y = x-quiet, y-quiet
	return x >= 0 && y >= 0 && x < c.size && y < c.size && c.dark[y*c.size+x]
}

// width is the side in modules, with margins.
func (c Code) width() int { return c.size + 2*quiet }

// PNG draws black on white.
func (c Code) PNG() []byte {
	side := c.width() * pngScale
	picture := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
	for y := range c.width() {
		for x := range c.width() {
			if !c.at(x, y) {
				continue
			}
			for py := y * pngScale; py < (y+1)*pngScale; py++ {
				start := py*picture.Stride + x*pngScale
				for px := range pngScale {
					picture.Pix[start+px] = 1
				}
			}
		}
	}
	var out bytes.Buffer
	_ = (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&out, picture) // a buffer takes everything
	return out.Bytes()
}

// DataURI is the PNG as browsers show it without a request.
func (c Code) DataURI() string {
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(c.PNG())
}

// SVG draws black on white, one path, a unit a module.
func (c Code) SVG() []byte {
	var path strings.Builder
	for y := range c.width() {
		for x := 0; x < c.width(); x++ {
			if !c.at(x, y) {
				continue
			}
			start := x
			for c.at(x+1, y) {
				x++
			}
			fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", start, y, x-start+1, x-start+1)
		}
	}
	side := strconv.Itoa(c.width())
	return []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ` + side + ` ` + side + `" shape-rendering="crispEdges">` +
		`<path fill="#fff" d="M0 0h` + side + `v` + side + `H0z"/><path d="` + path.String() + `"/></svg>`)
}

// Terminal draws with half blocks, two rows a line, light modules lit: it is
// for dark backgrounds, as most terminals have. Phones read the inverse too.
func (c Code) Terminal() string {
	var out strings.Builder
	for y := 0; y < c.width(); y += 2 {
		for x := range c.width() {
			switch upper, lower := !c.at(x, y), y+1 < c.width() && !c.at(x, y+1); {
			case upper && lower:
				out.WriteRune('█')
			case upper:
				out.WriteRune('▀')
			case lower:
				out.WriteRune('▄')
			default:
				out.WriteByte(' ')
			}
		}
		out.WriteByte('\n')
	}
	return out.String()
}
