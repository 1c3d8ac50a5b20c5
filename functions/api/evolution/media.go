package evolution

import (
	"cmp"
	"encoding/base64"
	"mime"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode"

	"roost/functions/api/core"
	"roost/shared/command"
)

// sendMedia sends a picture, a video, audio or a document.
func (h *Handler) sendMedia(r *request) (answer, error) {
	fields, out, err := r.message(sendMediaBody)
	if err != nil {
		return answer{}, err
	}
	return h.sendFile(r, fields, out, origin{kind: str(fields, "mediatype"), field: "media"})
}

// sendPtv sends a round video note.
func (h *Handler) sendPtv(r *request) (answer, error) {
	fields, out, err := r.message(fileBodyOf("video"))
	if err != nil {
		return answer{}, err
	}
	return h.sendFile(r, fields, out, origin{kind: "ptv", field: "video"})
}

// sendVoice sends a voice note. A host makes Ogg of it, unless encoding says
// that it is ready.
func (h *Handler) sendVoice(r *request) (answer, error) {
	fields, out, err := r.message(fileBodyOf("audio", flag("encoding")))
	if err != nil {
		return answer{}, err
	}
	encoding, given := fields["encoding"].(bool)
	return h.sendFile(r, fields, out, origin{
		kind: "voice", field: "audio", mimetype: "audio/ogg; codecs=opus", verbatim: given && !encoding,
		missing: "Owned media must be a url, base64, or valid file with buffer",
	})
}

// sendSticker sends a picture as a sticker.
func (h *Handler) sendSticker(r *request) (answer, error) {
	fields, out, err := r.message(fileBodyOf("sticker", flag("notConvertSticker")))
	if err != nil {
		return answer{}, err
	}
	return h.sendFile(r, fields, out, origin{
		kind: "sticker", field: "sticker", mimetype: "image/webp", verbatim: boolean(fields, "notConvertSticker"),
	})
}

// origin says where the file of a send stands in its body: in a field, as a URL
// or as base64 with or without the head of a data URI, or as the part "file" of
// a multipart body.
type origin struct {
	kind     string // of command.MediaArgs
	field    string
	mimetype string // whatever the file says, "" to find out
	verbatim bool
	missing  string // the refusal of what is no file, "" for the usual one
}

func (h *Handler) sendFile(r *request, fields map[string]any, out core.Outgoing, from origin) (answer, error) {
	file, err := h.fileOf(r, fields, from)
	if err != nil {
		return answer{}, err
	}
	out.File, out.Upload = file.data, file.upload
	out.Args.Media = &command.MediaArgs{
		Kind: from.kind, Mimetype: file.mimetype, FileName: file.name, Caption: str(fields, "caption"), Verbatim: from.verbatim,
		Loop: from.kind == "video" && boolean(fields, "gifPlayback"),
	}
	if by := str(fields, "gifAttribution"); out.Args.Media.Loop && slices.Contains(attributions[1:], by) {
		out.Args.Media.LoopFrom = strings.ToLower(by)
	}
	return h.send(r, out)
}

func (h *Handler) fileOf(r *request, fields map[string]any, from origin) (upload, error) {
	media, name := str(fields, from.field), str(fields, "fileName")
	var file upload
	switch {
	case r.body.file != nil:
		file = *r.body.file
		if name == "" {
			name = file.name
		}
	case core.IsUpload(media):
		mimetype, err := h.core.Uploaded(r.Context(), r.instance, media)
		if err != nil {
			return upload{}, err
		}
		file = upload{mimetype: mimetype, upload: media}
	case h.core.FileURL(media):
		fetched, err := h.core.Fetch(r.Context(), r.instance, media)
		if err != nil {
			return upload{}, err
		}
		file = upload{mimetype: fetched.Mimetype, data: fetched.Data}
		if name == "" {
			name = nameIn(media)
		}
	default:
		data, mimetype, isBase64 := decodeFile(media)
		if !isBase64 {
			if from.missing != "" {
				return upload{}, refuse(from.missing)
			}
			return upload{}, refuse("Owned media must be a url or base64")
		}
		if from.kind == "document" && name == "" {
			return upload{}, refuse("For base64 the file name must be informed.")
		}
		file = upload{mimetype: mimetype, data: data}
	}
	file.mimetype = cmp.Or(from.mimetype, mimetypeOf(name, str(fields, "mimetype"), file.mimetype, from.kind))
	if name == "" {
		name = defaults[from.kind].name
	}
	file.name = name
	return file, nil
}

// decodeFile reads base64, standard or for URLs, padded or not, alone or in a
// data URI.
func decodeFile(media string) (data []byte, mimetype string, isBase64 bool) {
	if rest, isURI := strings.CutPrefix(media, "data:"); isURI {
		head, body, hasBody := strings.Cut(rest, ",")
		plain, encoded := strings.CutSuffix(head, ";base64")
		if !hasBody {
			return nil, "", false
		}
		if !encoded {
			text, err := url.PathUnescape(body)
			return []byte(text), head, err == nil && text != ""
		}
		mimetype, media = plain, body
	}
	media = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || r == '=':
			return -1
		case r == '-':
			return '+'
		case r == '_':
			return '/'
		}
		return r
	}, media)
	data, err := base64.RawStdEncoding.DecodeString(media)
	return data, mimetype, err == nil && len(data) > 0
}

// defaults are what Evolution calls a file that nobody has named.
var defaults = map[string]struct{ name, mimetype string }{
	"image":    {"image.jpg", "image/jpeg"},
	"video":    {"video.mp4", "video/mp4"},
	"ptv":      {"video.mp4", "video/mp4"},
	"audio":    {"", "audio/mpeg"},
	"document": {"document", "application/octet-stream"},
}

// mimetypeOf is the type of a file: by its name first, as Evolution has it,
// then as the user, the server or the upload says.
func mimetypeOf(name, given, served, kind string) string {
	if known := byExtension(name); known != "" {
		return known
	}
	for _, candidate := range []string{given, served} {
		parsed, _, err := mime.ParseMediaType(candidate)
		if err == nil && strings.Contains(parsed, "/") && (parsed != "application/octet-stream" || kind == "document") {
			return candidate
		}
	}
	return defaults[kind].mimetype
}

// extensions are the types of the files that people send. It does not depend on
// the machine, as the tables of package mime do.
var extensions = map[string]string{
	".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".gif": "image/gif", ".webp": "image/webp", ".svg": "image/svg+xml",
	".bmp": "image/bmp", ".heic": "image/heic", ".tif": "image/tiff", ".tiff": "image/tiff",
	".mp4": "video/mp4", ".m4v": "video/x-m4v", ".mov": "video/quicktime", ".webm": "video/webm", ".avi": "video/x-msvideo",
	".mkv": "video/x-matroska", ".3gp": "video/3gpp",
	".mp3": "audio/mpeg", ".ogg": "audio/ogg", ".oga": "audio/ogg", ".opus": "audio/ogg", ".m4a": "audio/mp4", ".aac": "audio/aac",
	".wav": "audio/wav", ".amr": "audio/amr", ".flac": "audio/x-flac",
	".pdf": "application/pdf", ".txt": "text/plain", ".csv": "text/csv", ".html": "text/html", ".json": "application/json",
	".xml": "application/xml", ".zip": "application/zip", ".rar": "application/vnd.rar", ".7z": "application/x-7z-compressed",
	".gz": "application/gzip", ".doc": "application/msword", ".xls": "application/vnd.ms-excel", ".ppt": "application/vnd.ms-powerpoint",
	".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	".odt":  "application/vnd.oasis.opendocument.text", ".ods": "application/vnd.oasis.opendocument.spreadsheet",
	".rtf": "application/rtf", ".vcf": "text/vcard", ".ics": "text/calendar", ".apk": "application/vnd.android.package-archive",
	".epub": "application/epub+zip", ".md": "text/markdown",
}

func byExtension(name string) string { return extensions[strings.ToLower(path.Ext(name))] }

// nameIn is the file's name in a URL, "" when it ends in none.
func nameIn(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	name := path.Base(u.Path)
	if !strings.Contains(strings.Trim(name, "."), ".") {
		return ""
	}
	return name
}
