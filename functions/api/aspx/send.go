package aspx

import (
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/http"
	"strings"

	"roost/functions/api/core"
	"roost/shared/command"
	"roost/shared/message"
)

// sent is the answer of a send. The original's pages do not agree on the
// language of its keys: both are told.
type sent struct {
	Success  bool   `json:"success"`
	Sucesso  bool   `json:"sucesso"`
	Message  any    `json:"message"` // null for a failure
	Mensagem any    `json:"mensagem"`
	Error    string `json:"error,omitempty"`
}

type sentText struct {
	ID string `json:"Id"`
}

type sentFile struct {
	MessageID     string `json:"MessageID"`
	URL           string `json:"Url"`
	JPEGThumbnail string `json:"jpegThumbnail"`
}

// notSent tells a failure in the form of a send. What is HTTP's business stays.
func notSent(err error) (answer, error) {
	p := problemOf(err)
	if p.status == http.StatusTooManyRequests || p.status >= http.StatusInternalServerError {
		return answer{}, err
	}
	return answer{status: p.status, value: sent{Error: p.sentence}}, nil
}

// sendMessage sends a text.
func (h *Handler) sendMessage(r *request) (answer, error) {
	var in struct {
		Number  word   `json:"number"`
		Message string `json:"message"`
	}
	if err := r.read(&in); err != nil {
		return notSent(err)
	}
	if strings.TrimSpace(in.Message) == "" {
		return notSent(refuse("message: is empty"))
	}
	m, err := h.send(r, core.Outgoing{Number: string(in.Number), Args: command.SendArgs{Text: &command.TextArgs{Text: in.Message}}})
	if err != nil {
		return notSent(err)
	}
	said := sentText{m.ID}
	return ok(sent{Success: true, Sucesso: true, Message: said, Mensagem: said})
}

func (h *Handler) send(r *request, out core.Outgoing) (message.Message, error) {
	if err := h.limits.takeChat(string(r.instance.ID), core.Address(out.Number)); err != nil {
		return message.Message{}, err
	}
	out.Key = r.Header.Get("Idempotency-Key")
	return h.core.Send(r.Context(), r.instance, out)
}

// fileBody is a file by its URL, or in base64 without the head of a data URI.
type fileBody struct {
	Number   word   `json:"number"`
	Caption  string `json:"caption"`
	URL      string `json:"url"`
	Type     string `json:"type"` // a mimetype, or "file"
	FileName string `json:"filename"`
	Mimetype string `json:"mimetype"`
	Base64   string `json:"base64"`
}

// sendMessageFile sends a file.
func (h *Handler) sendMessageFile(r *request) (answer, error) {
	var in fileBody
	if err := r.read(&in); err != nil {
		return notSent(err)
	}
	file, mimetype, err := h.fileOf(r, in)
	if err != nil {
		return notSent(err)
	}
	kind := kindOf(mimetype)
	if in.Type == "file" {
		kind = "document"
	}
	if kind == "document" && in.FileName == "" {
		in.FileName = "file"
	}
	m, err := h.send(r, core.Outgoing{Number: string(in.Number), File: file, Args: command.SendArgs{
		Media: &command.MediaArgs{Kind: kind, Mimetype: mimetype, FileName: in.FileName, Caption: in.Caption},
	}})
	if err != nil {
		return notSent(err)
	}
	said := sentFile{MessageID: m.ID, JPEGThumbnail: thumbnail(m)}
	if said.URL, err = h.fileURL(r, m.ID); err != nil {
		return answer{}, err
	}
	return ok(sent{Success: true, Sucesso: true, Message: said, Mensagem: said})
}

func (h *Handler) fileOf(r *request, in fileBody) (file []byte, mimetype string, err error) {
	switch {
	case (in.URL == "") == (in.Base64 == ""):
		return nil, "", refuse("either url or base64 is required")
	case in.Base64 != "":
		if file, err = base64.StdEncoding.DecodeString(in.Base64); err != nil {
			return nil, "", refuse("base64 cannot be read")
		}
		mimetype = in.Mimetype
	case !h.core.FileURL(in.URL):
		return nil, "", refuse("url cannot be fetched")
	default:
		fetched, err := h.core.Fetch(r.Context(), r.instance, in.URL)
		if err != nil {
			return nil, "", err
		}
		if file, mimetype = fetched.Data, fetched.Mimetype; in.Type != "" && in.Type != "file" {
			mimetype = in.Type
		}
	}
	if len(file) > maxFile {
		return nil, "", &problem{status: http.StatusRequestEntityTooLarge, sentence: "a file has at most 16 MiB"}
	}
	if _, _, err := mime.ParseMediaType(mimetype); err != nil {
		mimetype = http.DetectContentType(file)
	}
	return file, mimetype, nil
}

// kindOf is how WhatsApp shows a type of file. Ogg is a voice note.
func kindOf(mimetype string) string {
	plain, _, _ := mime.ParseMediaType(mimetype)
	switch family, sub, _ := strings.Cut(plain, "/"); {
	case family == "image" && sub == "webp":
		return "sticker"
	case family == "image", family == "video":
		return family
	case family == "audio" && (sub == "ogg" || sub == "opus"):
		return "voice"
	case family == "audio":
		return family
	default:
		return "document"
	}
}

// thumbnail is the small picture inside a message, base64, "" when it has none.
func thumbnail(m message.Message) string {
	var content map[string]struct {
		JPEGThumbnail string `json:"jpegThumbnail"`
	}
	if json.Unmarshal(m.Content, &content) != nil {
		return ""
	}
	return content[m.Kind].JPEGThumbnail
}
