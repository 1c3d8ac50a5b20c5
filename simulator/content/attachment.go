package content

import (
	"fmt"

	"go.mau.fi/whatsmeow/proto/waE2E"

	"roost/simulator/media"
)

// Attachment is a file to send, after its upload.
type Attachment struct {
	media.Uploaded
	// Mimetype of the plain file. Empty means what phones use for the kind.
	Mimetype string
	// Caption is for pictures, videos and documents.
	Caption string
	// FileName is for documents.
	FileName string
	// Seconds is how long audio, voice and video take.
	Seconds uint32
	// Width and Height are in pixels: pictures, videos, stickers.
	Width, Height uint32
	// Thumbnail is a small JPEG picture for pictures, videos and documents, a
	// PNG one for stickers.
	Thumbnail []byte
	// Waveform is 64 levels of 0 to 100 for voice.
	Waveform []byte
	// Pages is for documents.
	Pages uint32
	// Animated is for stickers. A video with it plays in a loop like a GIF.
	Animated bool
}

// mimetypes are what current phones send.
var mimetypes = map[media.Kind]string{
	media.Image:    "image/jpeg",
	media.Video:    "video/mp4",
	media.Audio:    "audio/mp4",
	media.Voice:    "audio/ogg; codecs=opus",
	media.Document: "application/octet-stream",
	media.Sticker:  "image/webp",
}

// Attach builds the message for the kind of a, which must be one of image,
// video, audio, voice, document and sticker.
func Attach(a Attachment) (*waE2E.Message, error) {
	switch a.Kind {
	case media.Image:
		return Image(a), nil
	case media.Video:
		return Video(a), nil
	case media.Audio:
		return Audio(a), nil
	case media.Voice:
		return Voice(a), nil
	case media.Document:
		return Document(a), nil
	case media.Sticker:
		return Sticker(a), nil
	default:
		return nil, fmt.Errorf("attach: %w %q", media.ErrKind, a.Kind)
	}
}

// Image sends a picture.
func Image(a Attachment) *waE2E.Message {
	return &waE2E.Message{ImageMessage: &waE2E.ImageMessage{
		URL: optional(a.URL), DirectPath: new(a.DirectPath), Mimetype: a.mimetype(media.Image),
		MediaKey: a.MediaKey, FileSHA256: a.FileSHA256, FileEncSHA256: a.FileEncSHA256, FileLength: new(a.FileLength),
		Caption: optional(a.Caption), Width: number(a.Width), Height: number(a.Height), JPEGThumbnail: a.Thumbnail,
	}}
}

// Video sends a film.
func Video(a Attachment) *waE2E.Message {
	video := &waE2E.VideoMessage{
		URL: optional(a.URL), DirectPath: new(a.DirectPath), Mimetype: a.mimetype(media.Video),
		MediaKey: a.MediaKey, FileSHA256: a.FileSHA256, FileEncSHA256: a.FileEncSHA256, FileLength: new(a.FileLength),
		Caption: optional(a.Caption), Width: number(a.Width), Height: number(a.Height), JPEGThumbnail: a.Thumbnail,
		Seconds: number(a.Seconds),
	}
	if a.Animated {
		video.GifPlayback = new(true)
	}
	return &waE2E.Message{VideoMessage: video}
}

// Audio sends a sound file.
func Audio(a Attachment) *waE2E.Message {
	return &waE2E.Message{AudioMessage: a.audio(media.Audio)}
}

// Voice sends what was spoken into the chat.
func Voice(a Attachment) *waE2E.Message {
	audio := a.audio(media.Voice)
	audio.PTT = new(true)
	audio.Waveform = a.Waveform
	return &waE2E.Message{AudioMessage: audio}
}

// Document sends any file. One with a caption is wrapped, as phones do.
func Document(a Attachment) *waE2E.Message {
	msg := &waE2E.Message{DocumentMessage: &waE2E.DocumentMessage{
		URL: optional(a.URL), DirectPath: new(a.DirectPath), Mimetype: a.mimetype(media.Document),
		MediaKey: a.MediaKey, FileSHA256: a.FileSHA256, FileEncSHA256: a.FileEncSHA256, FileLength: new(a.FileLength),
		Caption: optional(a.Caption), JPEGThumbnail: a.Thumbnail,
		FileName: optional(a.FileName), Title: optional(a.FileName), PageCount: number(a.Pages),
	}}
	if a.Caption == "" {
		return msg
	}
	return &waE2E.Message{DocumentWithCaptionMessage: &waE2E.FutureProofMessage{Message: msg}}
}

// Sticker sends a sticker.
func Sticker(a Attachment) *waE2E.Message {
	return &waE2E.Message{StickerMessage: &waE2E.StickerMessage{
		URL: optional(a.URL), DirectPath: new(a.DirectPath), Mimetype: a.mimetype(media.Sticker),
		MediaKey: a.MediaKey, FileSHA256: a.FileSHA256, FileEncSHA256: a.FileEncSHA256, FileLength: new(a.FileLength),
		Width: number(a.Width), Height: number(a.Height), PngThumbnail: a.Thumbnail, IsAnimated: new(a.Animated),
	}}
}

func (a Attachment) audio(kind media.Kind) *waE2E.AudioMessage {
	return &waE2E.AudioMessage{
		URL: optional(a.URL), DirectPath: new(a.DirectPath), Mimetype: a.mimetype(kind),
		MediaKey: a.MediaKey, FileSHA256: a.FileSHA256, FileEncSHA256: a.FileEncSHA256, FileLength: new(a.FileLength),
		Seconds: number(a.Seconds),
	}
}

func (a Attachment) mimetype(kind media.Kind) *string {
	if a.Mimetype != "" {
		return &a.Mimetype
	}
	return new(mimetypes[kind])
}

// number leaves zeros out, as clients do.
func number(n uint32) *uint32 {
	if n == 0 {
		return nil
	}
	return &n
}
