package evolution

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"roost/functions/api/core"
)

type fileAnswer struct {
	MediaType string   `json:"mediaType"` // imageMessage, ...
	FileName  string   `json:"fileName"`
	Caption   string   `json:"caption,omitempty"`
	Size      fileSize `json:"size"`
	Mimetype  string   `json:"mimetype"`
	Base64    string   `json:"base64"`
	Buffer    *string  `json:"buffer"` // always null
}

type fileSize struct {
	FileLength json.RawMessage `json:"fileLength,omitempty"`
	Height     json.RawMessage `json:"height,omitempty"`
	Width      json.RawMessage `json:"width,omitempty"`
}

// getFile answers the file of a message. It comes from the bucket when the
// instance keeps files, and else from WhatsApp, as long as that has it.
// convertToMp4 is not looked at: there is no converter here.
func (h *Handler) getFile(r *request) (answer, error) {
	if err := fileBody.validate(&r.body); err != nil {
		return answer{}, err
	}
	key := object(object(r.body.object(), "message"), "key")
	id := str(key, "id")
	if id == "" {
		return answer{}, refuse("Message not found")
	}
	m, file, err := h.core.File(r.Context(), r.instance, id, jid(str(key, "remoteJid")))
	if err != nil {
		return answer{}, err
	}
	out := fileAnswer{
		MediaType: m.Kind, FileName: m.Media.FileName, Caption: m.Text, Mimetype: m.Media.Mimetype, Base64: base64.StdEncoding.EncodeToString(file),
	}
	var content map[string]json.RawMessage
	if json.Unmarshal(m.Content, &content) == nil && json.Unmarshal(content[m.Kind], &out.Size) != nil {
		out.Size = fileSize{}
	}
	if out.FileName == "" {
		out.FileName = m.ID + extension(m.Media.Mimetype)
	}
	return created(out)
}

// extension is the usual ending of a type of file: what follows the slash, but
// for those that everybody calls otherwise.
func extension(mimetype string) string {
	plain, _, _ := strings.Cut(mimetype, ";")
	_, sub, _ := strings.Cut(strings.TrimSpace(plain), "/")
	switch sub {
	case "":
		return ""
	case "mpeg":
		return ".mp3"
	case "plain":
		return ".txt"
	case "quicktime":
		return ".mov"
	}
	return "." + core.Word(sub)
}
