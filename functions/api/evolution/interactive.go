package evolution

import (
	"crypto/rand"
	"slices"
	"strings"

	"roost/shared/command"
)

func (h *Handler) sendList(r *request) (answer, error) {
	modernList(&r.body)
	fields, out, err := r.message(listBody)
	if err != nil {
		return answer{}, err
	}
	list := command.ListArgs{
		Title: str(fields, "title"), Description: str(fields, "description"), Footer: str(fields, "footerText"), Button: str(fields, "buttonText"),
	}
	for _, s := range objects(fields, "sections") {
		section := command.ListSection{Title: str(s, "title")}
		for _, row := range objects(s, "rows") {
			section.Rows = append(section.Rows, command.ListRow{ID: str(row, "rowId"), Title: str(row, "title"), Description: str(row, "description")})
		}
		list.Sections = append(list.Sections, section)
	}
	out.Args.List = &list
	return h.send(r, out)
}

func (h *Handler) sendButtons(r *request) (answer, error) {
	fields, out, err := r.message(buttonsBody)
	if err != nil {
		return answer{}, err
	}
	buttons := objects(fields, "buttons")
	if err := mixable(buttons); err != nil {
		return answer{}, err
	}
	args := command.ButtonsArgs{Text: buttonsText(fields), Footer: str(fields, "footer")}
	for _, b := range buttons {
		kind := str(b, "type")
		if kind == "pix" { // it stands alone
			args.Text, args.Footer = "", ""
		}
		args.Buttons = append(args.Buttons, command.Button{Name: buttonNames[kind], Params: encode(buttonParams(b))})
	}
	out.Args.Buttons = &args
	if picture := str(fields, "thumbnailUrl"); picture != "" && args.Text != "" {
		if !h.core.FileURL(picture) {
			return answer{}, refuse("Owned media must be a url or base64")
		}
		file, err := h.core.Fetch(r.Context(), r.instance, picture)
		if err != nil {
			return answer{}, err
		}
		out.File = file.Data
		out.Args.Media = &command.MediaArgs{Kind: "image", Mimetype: mimetypeOf(nameIn(picture), "", file.Mimetype, "image")}
	}
	return h.send(r, out)
}

// mixable refuses buttons that WhatsApp does not show beside each other.
func mixable(buttons []map[string]any) error {
	has := func(fits func(kind string) bool) bool {
		return slices.ContainsFunc(buttons, func(b map[string]any) bool { return fits(str(b, "type")) })
	}
	replies, pix := has(func(k string) bool { return k == "reply" }), has(func(k string) bool { return k == "pix" })
	others := has(func(k string) bool { return k != "reply" && k != "pix" })
	switch {
	case len(buttons) == 0:
		return refuse("At least one button is required")
	case replies && len(buttons) > 3:
		return refuse("Maximum of 3 reply buttons allowed")
	case replies && others:
		return refuse("Reply buttons cannot be mixed with other button types")
	case pix && others:
		return refuse("PIX button cannot be mixed with other button types")
	case pix && len(buttons) > 1:
		return refuse("Only one PIX button is allowed")
	}
	return nil
}

// buttonsText is title and description as Evolution joins them.
func buttonsText(fields map[string]any) string {
	text := "*" + str(fields, "title") + "*"
	if description := str(fields, "description"); description != "" {
		text += "\n\n" + description + "\n"
	}
	return text
}

var buttonNames = map[string]string{
	"reply": "quick_reply", "copy": "cta_copy", "url": "cta_url", "call": "cta_call", "pix": "payment_info",
}

// buttonParams are a button's parameters as WhatsApp's native flow wants them.
func buttonParams(b map[string]any) map[string]any {
	shown := str(b, "displayText")
	switch str(b, "type") {
	case "reply":
		return map[string]any{"display_text": shown, "id": str(b, "id")}
	case "copy":
		return map[string]any{"display_text": shown, "copy_code": str(b, "copyCode")}
	case "url":
		return map[string]any{"display_text": shown, "url": str(b, "url"), "merchant_url": str(b, "url")}
	case "call":
		return map[string]any{"display_text": shown, "phone_number": str(b, "phoneNumber")}
	default:
		return pixParams(b)
	}
}

var pixKeys = map[string]string{"phone": "PHONE", "email": "EMAIL", "cpf": "CPF", "cnpj": "CNPJ", "random": "EVP"}

// pixParams ask for a payment of an open amount to a PIX key.
func pixParams(b map[string]any) map[string]any {
	none := map[string]any{"value": 0, "offset": 100}
	return map[string]any{
		"currency": str(b, "currency"), "total_amount": none, "reference_id": strings.ToUpper(rand.Text()[:11]), "type": "physical-goods",
		"order": map[string]any{
			"status": "pending", "subtotal": none, "order_type": "ORDER",
			"items": []any{map[string]any{"name": "", "amount": none, "quantity": 0, "sale_amount": none}},
		},
		"payment_settings": []any{map[string]any{"type": "pix_static_code", "pix_static_code": map[string]any{
			"merchant_name": str(b, "name"), "key": str(b, "key"), "key_type": pixKeys[str(b, "keyType")],
		}}},
		"share_payment_status": false,
	}
}
