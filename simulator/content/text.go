package content

import "go.mau.fi/whatsmeow/proto/waE2E"

// Text says something plain.
func Text(text string) *waE2E.Message {
	return &waE2E.Message{Conversation: new(text)}
}

// Link is the preview of a link in a text.
type Link struct {
	// URL is the link as it stands in the text.
	URL         string `json:"url"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	// Thumbnail is a small JPEG picture, if any.
	Thumbnail []byte `json:"-"`
}

// LinkPreview says text with a preview of a link in it.
func LinkPreview(text string, link Link) *waE2E.Message {
	return &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{
		Text:          new(text),
		MatchedText:   new(link.URL),
		Title:         optional(link.Title),
		Description:   optional(link.Description),
		JPEGThumbnail: link.Thumbnail,
		PreviewType:   waE2E.ExtendedTextMessage_NONE.Enum(),
	}}
}

// optional leaves empty strings out, as clients do.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
