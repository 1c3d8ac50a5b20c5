package whatsapp

import (
	"context"
	"encoding/json"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"

	"roost/shared/command"
	"roost/shared/fault"
)

var mediaTypes = map[string]whatsmeow.MediaType{
	"image": whatsmeow.MediaImage, "video": whatsmeow.MediaVideo, "audio": whatsmeow.MediaAudio, "voice": whatsmeow.MediaAudio,
	"document": whatsmeow.MediaDocument, "sticker": whatsmeow.MediaImage,
}

// composeMedia uploads a file and builds the message that carries it.
func (c *Client) composeMedia(ctx context.Context, m *command.MediaArgs, file []byte, about *waE2E.ContextInfo) (*waE2E.Message, error) {
	kind, ok := mediaTypes[m.Kind]
	if !ok {
		return nil, fault.New(fault.Invalid, "%q is no kind of media", m.Kind)
	}
	up, err := c.wa.Upload(ctx, file, kind)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "Media upload failed on all hosts")
	}
	mimetype := &m.Mimetype
	caption := optional(m.Caption)
	switch m.Kind {
	case "image":
		return &waE2E.Message{ImageMessage: &waE2E.ImageMessage{
			URL: &up.URL, DirectPath: &up.DirectPath, MediaKey: up.MediaKey, FileSHA256: up.FileSHA256, FileEncSHA256: up.FileEncSHA256,
			FileLength: &up.FileLength, Mimetype: mimetype, Caption: caption, ContextInfo: about,
		}}, nil
	case "video":
		return &waE2E.Message{VideoMessage: &waE2E.VideoMessage{
			URL: &up.URL, DirectPath: &up.DirectPath, MediaKey: up.MediaKey, FileSHA256: up.FileSHA256, FileEncSHA256: up.FileEncSHA256,
			FileLength: &up.FileLength, Mimetype: mimetype, Caption: caption, ContextInfo: about,
		}}, nil
	case "audio", "voice":
		return &waE2E.Message{AudioMessage: &waE2E.AudioMessage{
			URL: &up.URL, DirectPath: &up.DirectPath, MediaKey: up.MediaKey, FileSHA256: up.FileSHA256, FileEncSHA256: up.FileEncSHA256,
			FileLength: &up.FileLength, Mimetype: mimetype, PTT: new(m.Kind == "voice"), ContextInfo: about,
		}}, nil
	case "sticker":
		return &waE2E.Message{StickerMessage: &waE2E.StickerMessage{
			URL: &up.URL, DirectPath: &up.DirectPath, MediaKey: up.MediaKey, FileSHA256: up.FileSHA256, FileEncSHA256: up.FileEncSHA256,
			FileLength: &up.FileLength, Mimetype: mimetype, ContextInfo: about,
		}}, nil
	default:
		return &waE2E.Message{DocumentMessage: &waE2E.DocumentMessage{
			URL: &up.URL, DirectPath: &up.DirectPath, MediaKey: up.MediaKey, FileSHA256: up.FileSHA256, FileEncSHA256: up.FileEncSHA256,
			FileLength: &up.FileLength, Mimetype: mimetype, Caption: caption, ContextInfo: about,
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

// quotedText is what the quoted message says, as far as it is text: phones show
// it above the answer.
func quotedText(content json.RawMessage) string {
	var said struct {
		Conversation        string `json:"conversation"`
		ExtendedTextMessage struct {
			Text string `json:"text"`
		} `json:"extendedTextMessage"`
	}
	if err := json.Unmarshal(content, &said); err != nil && len(content) > 0 {
		return ""
	}
	if said.Conversation != "" {
		return said.Conversation
	}
	return said.ExtendedTextMessage.Text
}
