package qrcode_test

import (
	"bytes"
	"image/png"
	"strings"
	"testing"

	"roost/functions/api/qrcode"
)

func TestDrawingsAgree(t *testing.T) {
	t.Parallel()
	code, err := qrcode.Encode(strings.Repeat("2@abcdefghij,", 18))
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(code.PNG()))
	if err != nil {
		t.Fatal(err)
	}
	side := picture.Bounds().Dx()
	if side != picture.Bounds().Dy() || side%8 != 0 {
		t.Fatalf("the picture is %v", picture.Bounds())
	}
	modules := side / 8
	lines := strings.Split(strings.TrimSuffix(code.Terminal(), "\n"), "\n")
	if len(lines) != (modules+1)/2 {
		t.Fatalf("%d lines for %d rows", len(lines), modules)
	}
	dark := 0
	for y := range modules {
		line := []rune(lines[y/2])
		for x := range modules {
			r, _, _, _ := picture.At(x*8+4, y*8+4).RGBA()
			lit := line[x] == '█' || line[x] == '▀' && y%2 == 0 || line[x] == '▄' && y%2 == 1
			if lit == (r == 0) {
				t.Fatalf("module %d,%d differs between picture and terminal", x, y)
			}
			if r == 0 {
				dark++
				if x < 4 || y < 4 || x >= modules-4 || y >= modules-4 {
					t.Fatalf("module %d,%d of the margin is dark", x, y)
				}
			}
		}
	}
	if dark < modules*modules/5 {
		t.Errorf("only %d of %d modules are dark", dark, modules*modules)
	}
	// The three finder patterns: dark ring, light ring, dark square of three.
	for _, at := range [][2]int{{4, 4}, {modules - 11, 4}, {4, modules - 11}} {
		row := ""
		for x := range 7 {
			r, _, _, _ := picture.At((at[0]+x)*8+4, (at[1]+3)*8+4).RGBA()
			row += map[bool]string{true: "#", false: "."}[r == 0]
		}
		if row != "#.###.#" {
			t.Errorf("the finder pattern at %v is cut as %s", at, row)
		}
	}
	if svg := string(code.SVG()); !strings.HasPrefix(svg, "<svg xmlns=") || strings.Count(svg, "M") < 100 {
		t.Error("the SVG is empty")
	}
	if uri := code.DataURI(); !strings.HasPrefix(uri, "data:image/png;base64,iVBOR") {
		t.Errorf("the data URI begins with %.40s", uri)
	}
}

func TestTooLong(t *testing.T) {
	t.Parallel()
	if _, err := qrcode.Encode(strings.Repeat("a", 3000)); err == nil {
		t.Error("a text that fits no code gives no error")
	}
}
