package whatsapp

import (
	"context"
	"strings"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"

	"roost/sessionhost/conversion"
	"roost/shared/command"
	"roost/shared/fault"
)

var mediaTypes = map[string]whatsmeow.MediaType{
	"image": whatsmeow.MediaImage, "video": whatsmeow.MediaVideo, "ptv": whatsmeow.MediaVideo,
	"audio": whatsmeow.MediaAudio, "voice": whatsmeow.MediaAudio,
	"document": whatsmeow.MediaDocument, "sticker": whatsmeow.MediaImage,
}

// mediaMessage uploads a file and builds the message that carries it.
func (c *Client) mediaMessage(ctx context.Context, m *command.MediaArgs, file *conversion.File) (*waE2E.Message, error) {
	kind, ok := mediaTypes[m.Kind]
	if !ok || file == nil {
		return nil, fault.New(fault.Invalid, "%q is no kind of media", m.Kind)
	}
	up, err := c.wa.Upload(ctx, file.Data, kind)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "Media upload failed on all hosts")
	}
	mimetype, caption := &file.Mimetype, optional(m.Caption)
	seconds, width, height := positive(file.Seconds), positive(file.Width), positive(file.Height)
	switch m.Kind {
	case "image":
		return &waE2E.Message{ImageMessage: &waE2E.ImageMessage{
			URL: &up.URL, DirectPath: &up.DirectPath, MediaKey: up.MediaKey, FileSHA256: up.FileSHA256, FileEncSHA256: up.FileEncSHA256,
			FileLength: &up.FileLength, Mimetype: mimetype, Caption: caption, Width: width, Height: height, JPEGThumbnail: file.Thumbnail,
		}}, nil
	case "video", "ptv":
		video := &waE2E.VideoMessage{
			URL: &up.URL, DirectPath: &up.DirectPath, MediaKey: up.MediaKey, FileSHA256: up.FileSHA256, FileEncSHA256: up.FileEncSHA256,
			FileLength: &up.FileLength, Mimetype: mimetype, Caption: caption, Seconds: seconds, Width: width, Height: height,
			JPEGThumbnail: file.Thumbnail,
		}
		if m.Kind == "ptv" {
			return &waE2E.Message{PtvMessage: video}, nil
		}
		if m.Loop {
			video.GifPlayback = new(true)
			if by, known := waE2E.VideoMessage_Attribution_value[strings.ToUpper(m.LoopFrom)]; known {
				video.GifAttribution = waE2E.VideoMessage_Attribution(by).Enum()
			}
		}
		return &waE2E.Message{VideoMessage: video}, nil
	case "audio", "voice":
		return &waE2E.Message{AudioMessage: &waE2E.AudioMessage{
			URL: &up.URL, DirectPath: &up.DirectPath, MediaKey: up.MediaKey, FileSHA256: up.FileSHA256, FileEncSHA256: up.FileEncSHA256,
			FileLength: &up.FileLength, Mimetype: mimetype, Seconds: seconds, PTT: new(m.Kind == "voice"), Waveform: file.Waveform,
		}}, nil
	case "sticker":
		return &waE2E.Message{StickerMessage: &waE2E.StickerMessage{
			URL: &up.URL, DirectPath: &up.DirectPath, MediaKey: up.MediaKey, FileSHA256: up.FileSHA256, FileEncSHA256: up.FileEncSHA256,
			FileLength: &up.FileLength, Mimetype: mimetype, Width: width, Height: height, IsAnimated: new(file.Animated),
		}}, nil
	default:
		return &waE2E.Message{DocumentMessage: &waE2E.DocumentMessage{
			URL: &up.URL, DirectPath: &up.DirectPath, MediaKey: up.MediaKey, FileSHA256: up.FileSHA256, FileEncSHA256: up.FileEncSHA256,
			FileLength: &up.FileLength, Mimetype: mimetype, Caption: caption,
			FileName: optional(m.FileName), Title: optional(m.FileName),
		}}, nil
	}
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func positive(n uint32) *uint32 {
	if n == 0 {
		return nil
	}
	return &n
}
