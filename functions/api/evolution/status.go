package evolution

import (
	"regexp"
	"strconv"
	"strings"

	"roost/functions/api/core"
	"roost/shared/command"
	"roost/shared/transcript"
)

// statusChat is where people publish their status.
const statusChat = "status@broadcast"

// colour is written as in CSS.
var colour = regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)

// sendStatus publishes a status, for some people or for all whom the account's
// privacy admits.
func (h *Handler) sendStatus(r *request) (answer, error) {
	fields, out, err := r.message(statusBody)
	if err != nil {
		return answer{}, err
	}
	content := str(fields, "content")
	if strings.TrimSpace(content) == "" && r.body.file == nil {
		return answer{}, refuse("Content is required")
	}
	if boolean(fields, "allContacts") {
		known, err := h.core.Contacts(r.Context(), r.instance, core.ContactQuery{
			Limit: 1, Match: func(c transcript.Contact) bool { return !c.Group && c.Saved != "" }, // who sees a status of this account
		})
		if err != nil {
			return answer{}, err
		}
		if len(known) == 0 {
			return answer{}, refuse("Contacts not found")
		}
	} else if out.Audience = strs(fields, "statusJidList"); len(out.Audience) == 0 {
		return answer{}, refuse("StatusJidList is required")
	}
	out.Number = statusChat
	switch kind := str(fields, "type"); kind {
	case "text":
		if out.Args.Text, err = textStatus(fields, content); err != nil {
			return answer{}, err
		}
		return h.send(r, out)
	case "audio":
		return h.sendFile(r, fields, out, origin{kind: "voice", field: "content", mimetype: "audio/ogg; codecs=opus"})
	default:
		return h.sendFile(r, fields, out, origin{kind: kind, field: "content"})
	}
}

func textStatus(fields map[string]any, text string) (*command.TextArgs, error) {
	background, font := str(fields, "backgroundColor"), integer(fields, "font")
	switch {
	case background == "":
		return nil, refuse("Background color is required")
	case !colour.MatchString(background):
		return nil, refuse("Background color is written as #rrggbb")
	case font == 0:
		return nil, refuse("Font is required")
	}
	rgb, err := strconv.ParseUint(background[1:], 16, 32)
	if err != nil {
		return nil, refuse("Background color is written as #rrggbb")
	}
	return &command.TextArgs{Text: text, Background: 0xff000000 | uint32(rgb), Font: font}, nil
}
