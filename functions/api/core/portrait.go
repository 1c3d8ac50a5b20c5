package core

import "roost/shared/picture"

const (
	// portraitSide is what WhatsApp's own clients upload, in pixels.
	portraitSide    = 640
	portraitQuality = 80
)

// portrait makes a profile picture of a JPEG, PNG, GIF or WebP: its middle, as a
// square JPEG of 640 pixels at most. WhatsApp takes nothing else. Errors:
// Invalid, TooLarge.
func portrait(file []byte) ([]byte, error) {
	full, _, err := picture.Decode(file)
	if err != nil {
		return nil, err
	}
	return picture.JPEG(picture.Middle(full, portraitSide), portraitQuality)
}
